/** A chip as the kernel has it now. */
export interface GpioChip {
  /** Of the character device: `gpiochip0`. It may change when hardware is added. */
  readonly name: string;
  /** Given by its driver: `pinctrl-bcm2835`. It stays. */
  readonly label: string;
  readonly lines: number;
  /** Number of its first line in sysfs; it changes with board and kernel. Absent where sysfs is not there. */
  readonly base?: number;
}

/** One line, found. */
export interface GpioPlace {
  readonly chip: GpioChip;
  readonly offset: number;
}

export interface DescribedLine {
  readonly offset: number;
  /** As the board calls it. */
  readonly name?: string;
  /** Who has it now: a program, or a driver of the kernel. */
  readonly usedBy?: string;
}

export type Bias = "pull-up" | "pull-down" | "disabled";

/** What comes from an input by itself. Levels are those of the wire: high or low. */
export interface InputEvents {
  /** At `at`, ms of the clock. Two of the same level in a row: it was the other one between them. */
  edge(high: boolean, at: number): void;
  /** Something that is no edge was said. */
  babble(detail: string, bytes: number): void;
  /** It hears no more edges, for this reason. Reading it again may mend that. */
  deaf(why: string): void;
}

export interface InputLine {
  /**
   * The level now, by asking and not by edges; also begins to hear edges, or begins anew. Absent where the answer was none:
   * `babble` was told. Rejects with a GatewayError.
   */
  recheck(): Promise<boolean | undefined>;
  /** Lets go of the line; nothing is heard from then on. */
  close(): Promise<void>;
}

export interface OutputLine {
  /** Resolves when the kernel drives the level. Rejects with a GatewayError. */
  drive(high: boolean): Promise<void>;
  /** Is the level still driven? Rejects with a GatewayError where not. */
  check(): Promise<void>;
  /** Lets go of the line; how far the level stays is the hardware's affair. */
  close(): Promise<void>;
}

export const backendNames = ["chardev", "sysfs", "sysfs-polled"] as const;
/** The character device by the gpiod tools; sysfs with onoff; sysfs read at intervals, which needs no add-on. */
export type BackendName = (typeof backendNames)[number];

/** A way to the lines of this machine: all that differs between sysfs and the character device. */
export interface GpioLines {
  readonly backend: BackendName;
  chips(): Promise<readonly GpioChip[]>;
  /** Lines of which more is known than their number; by sysfs none. */
  described(chip: GpioChip): Promise<readonly DescribedLine[]>;
  input(place: GpioPlace, bias: Bias | undefined, events: InputEvents): Promise<InputLine>;
  /** Driven at `high` from the first moment. */
  output(place: GpioPlace, bias: Bias | undefined, high: boolean): Promise<OutputLine>;
}
