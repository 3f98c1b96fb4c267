/**
 * Every error of ours, with whether it may go away by itself and what an operator should do. docs/errors.md lists the
 * same codes; a test keeps the two equal.
 */
export const errorCatalogue = {
  CONFIG_INVALID: { transient: false, hint: "Mend the lines named above, then run `npx zhian check FILE`." },
  CONFIG_UNREADABLE: { transient: false, hint: "Check that the file exists and that the gateway's user may read it." },
  DATA_DIR_LOCKED: {
    transient: false,
    hint: "Another gateway runs on this data directory. Stop it, or give this one its own with ZHIAN_DATA.",
  },
  DATA_ABSENT: {
    transient: false,
    hint: "No gateway has run on this data directory yet. Check `gateway.data` in the configuration, or ZHIAN_DATA.",
  },
  DB_NEWER: {
    transient: false,
    hint: "The data was written by a newer version. Install that version, or restore a backup made by this one.",
  },
  DB_PRAGMA_REFUSED: {
    transient: false,
    hint: "The disk or file system does not honour what durability needs. Put the data directory on a local ext4, xfs or btrfs.",
  },
  DB_CORRUPT: {
    transient: false,
    hint: "The damaged file was set aside in the data directory. Replace the disk if this happens again.",
  },
  DISK_FULL: { transient: true, hint: "Free space on the disk of the data directory, or lower `storage.budget`." },
  DISK_FAILED: {
    transient: true,
    hint: "The disk does not write. Check the cable, the card and `dmesg`; replace it if it is worn out.",
  },
  LOG_BUSY: { transient: true, hint: "More arrives than the disk takes. The devices send again by themselves." },
  LOG_CLOSED: { transient: true, hint: "The gateway is stopping. The devices send again after the start." },
  PORT_IN_USE: {
    transient: false,
    hint: "Another program listens there. Stop it or change `listen` in the configuration.",
  },
  LISTEN_REFUSED: {
    transient: false,
    hint: "The address does not exist on this machine or needs more rights. Change `listen`.",
  },
  LINK_LOST: { transient: true, hint: "Check the cable and the adapter. The gateway opens the line again by itself." },
  LINK_ABSENT: {
    transient: true,
    hint: "The serial device is not there. Check the path; a /dev/serial/by-id path survives a change of port.",
  },
  GPIO_ABSENT: {
    transient: false,
    hint: "`npx zhian doctor` lists the chips and lines of this machine. Write the chip by its label and the line by its number on it.",
  },
  GPIO_BUSY: {
    transient: true,
    hint: "Another program or a driver of the kernel has the line; `gpioinfo` names it. Stop it, or use another line.",
  },
  GPIO_DENIED: {
    transient: false,
    hint: "The gateway's user may not use the lines: docs/gpio.md has the udev rule and the lines for systemd.",
  },
  GPIO_STUCK: {
    transient: true,
    hint: "An output does not follow: look for a short circuit. The gateway goes on trying to bring it into its safe state.",
  },
  NO_ANSWER: { transient: true, hint: "Check the power, the wiring, the unit number and the baud rate of the slave." },
  BAD_FRAME: { transient: true, hint: "Noise on the line: check termination, biasing and shielding." },
  SLAVE_REFUSED: {
    transient: false,
    hint: "The slave answered with an exception: compare the profile with the maker's register map.",
  },
  DEVICE_REFUSED: {
    transient: false,
    hint: "Check user name, password, and what the device itself has to be told to trust. Too many wrong passwords lock an account for a while.",
  },
  CERTIFICATE_REFUSED: {
    transient: false,
    hint: "Compare the certificate's thumbprint with the device itself, then put it among the trusted ones: docs/opcua.md.",
  },
  PROFILE_UNKNOWN: { transient: false, hint: "Name a built-in profile or the path of a profile file." },
  PROFILE_INVALID: { transient: false, hint: "Mend the lines named above; docs/profiles.md describes the format." },
  DRIVER_UNKNOWN: { transient: false, hint: "`npx zhian schema` lists the drivers and their dialects." },
  UPLINK_REFUSED: { transient: true, hint: "Check user name, password and the city broker's access list." },
  UPLINK_LOST: { transient: true, hint: "The line to the city is down; nothing is lost, it is sent when it is back." },
  UPLINK_ACK_TIMEOUT: {
    transient: true,
    hint: "The city's broker takes messages without confirming them. It is reported; the gateway connects anew.",
  },
  UPLINK_POISON: {
    transient: false,
    hint: "The city's broker refuses this message for good. It is kept in quarantine.",
  },
  ALARM_UNKNOWN: { transient: false, hint: "Ask for a `snapshot` to see the alarms that are open." },
  ALARM_CLOSED: { transient: false, hint: "The alarm is closed already; a new occurrence raises a new one." },
  SHELF_REFUSED: {
    transient: false,
    hint: "Give a shorter time, or close the alarm with what it turned out to be. A critical one is put aside for minutes only.",
  },
  COMMAND_INVALID: {
    transient: false,
    hint: "Compare the command with its JSON Schema (`npx zhian schema --commands`).",
  },
  COMMAND_UNKNOWN: { transient: false, hint: "Known commands: acknowledge, close, replay-range, snapshot, ping." },
  RANGE_UNKNOWN: {
    transient: false,
    hint: "The range is of another epoch or was removed by retention; the `gaps` topic says which.",
  },
  UNAUTHENTICATED: { transient: false, hint: "Sign in again." },
  FORBIDDEN: { transient: false, hint: "Ask an administrator for the role that this needs." },
  TOO_MANY_ATTEMPTS: { transient: true, hint: "Wait until the time named, then try again." },
  USER_EXISTS: { transient: false, hint: "Choose another name." },
  USER_INVALID: {
    transient: false,
    hint: "A name has 1 to 32 letters, digits, dots, dashes or underscores; roles are guard, manager, installer, admin, auditor.",
  },
  PASSWORD_WEAK: { transient: false, hint: "Use at least 12 characters, and none of the well-known passwords." },
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

/** A broken component or a refused request. One bad item of input is a value instead (`Rejection`). */
export class GatewayError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "GatewayError";
    this.code = code;
  }

  /** May it go away by itself? */
  get transient(): boolean {
    return errorCatalogue[this.code].transient;
  }

  /** What an operator should do. */
  get hint(): string {
    return errorCatalogue[this.code].hint;
  }
}

export function isGatewayError(error: unknown, code?: ErrorCode): error is GatewayError {
  return error instanceof GatewayError && (code === undefined || error.code === code);
}
