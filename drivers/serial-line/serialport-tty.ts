import { accessSync, constants, fstatSync, readSync, realpathSync, type Stats, statSync, writeSync } from "node:fs";
import { SerialPort } from "serialport";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { LineSettings } from "./timing.ts";
import type { OpenTty, Tty, TtyListener } from "./tty.ts";

/** Unix98 pseudo-terminals (Linux devices.txt): no wire, so bytes arrive before a wire could have carried them. */
const pseudoTerminalMajors = { from: 136, to: 143 };
const readsAtOnce = 16;
/** How a port is called that another program has open for itself, as this gateway has its own. */
export const portHeld = "is in use by another program";

/**
 * Opens the port through serialport's binding. Its stream is not used: reading from a hung-up port gives 0 bytes, which
 * the binding's own read takes for "try again", without end (serialport/bindings-cpp#162); and whether the input is
 * empty can only be known by reading in the same turn in which the request is written.
 * Rejects with LINK_ABSENT where the path leads nowhere, else with LINK_LOST.
 */
export const openTty: OpenTty = async (settings) => {
  const target = reach(settings.path);
  const { path, baudRate, parity, dataBits, stopBits } = settings;
  const port = await SerialPort.binding
    .open({ path, baudRate, parity, dataBits, stopBits, lock: true })
    .catch((cause: unknown) => {
      const held = cause instanceof Error && /lock port/i.test(cause.message);
      throw new GatewayError("LINK_LOST", `${path} ${held ? portHeld : "cannot be opened"}`, { cause });
    });
  if (!("poller" in port) || port.fd === null) {
    await port.close();
    throw new GatewayError("LINK_LOST", "serial lines need Linux or macOS");
  }
  return new BoundTty(port, port.fd, settings, target);
};

function reach(path: string): string {
  try {
    const target = realpathSync(path);
    accessSync(path, constants.R_OK | constants.W_OK);
    return target;
  } catch (cause) {
    const absent = codeOf(cause) === "ENOENT";
    const why = absent ? "is not there" : "may not be used by the gateway's user";
    throw new GatewayError(absent ? "LINK_ABSENT" : "LINK_LOST", `${path} ${why}`, { cause });
  }
}

interface Port {
  readonly poller: { once(event: "readable", call: (error: Error | null) => void): unknown };
  drain(): Promise<void>;
  close(): Promise<void>;
}

class BoundTty implements Tty {
  readonly target: string;
  readonly wired: boolean;
  readonly #port: Port;
  readonly #fd: number;
  readonly #path: string;
  readonly #identity: Stats;
  readonly #buffer = Buffer.allocUnsafe(4096);
  #listener: TtyListener | undefined;
  #open = true;
  #closing: Promise<void> | undefined;

  constructor(port: Port, fd: number, settings: LineSettings, target: string) {
    this.#port = port;
    this.#fd = fd;
    this.#path = settings.path;
    this.target = target;
    this.#identity = fstatSync(fd);
    const major = (this.#identity.rdev >> 8) & 0xfff;
    const pseudo = major >= pseudoTerminalMajors.from && major <= pseudoTerminalMajors.to;
    this.wired = settings.paced ?? !pseudo;
  }

  listen(listener: TtyListener): void {
    this.#listener = listener;
    this.#await();
  }

  poll(): void {
    for (let i = 0; i < readsAtOnce && this.#open; i++) {
      let length: number;
      try {
        length = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, null);
      } catch (error) {
        const code = codeOf(error);
        if (code === "EAGAIN" || code === "EWOULDBLOCK") return;
        if (code === "EINTR") continue;
        this.#listener?.lost(`reading fails: ${code}`);
        return;
      }
      if (length === 0) {
        this.#listener?.lost("the port was hung up");
        return;
      }
      this.#listener?.received(Uint8Array.from(this.#buffer.subarray(0, length)));
      // It was all there was; to be told so by EAGAIN costs more than all the rest.
      if (length < this.#buffer.length) return;
    }
  }

  write(bytes: Uint8Array): void {
    if (!this.#open) throw new Error("the port is closed");
    const written = writeSync(this.#fd, bytes);
    if (written !== bytes.length) throw new Error(`the port took ${written} of ${bytes.length} bytes`);
  }

  drain(): Promise<void> {
    return this.#port.drain();
  }

  present(): boolean {
    try {
      const there = statSync(this.#path);
      const { dev, ino, rdev } = this.#identity;
      return there.dev === dev && there.ino === ino && there.rdev === rdev;
    } catch {
      return false;
    }
  }

  close(): Promise<void> {
    // Before the call: it ends what is awaited at once, and a poller that is asked to wait once more then crashes.
    this.#open = false;
    this.#closing ??= this.#port.close().catch(() => {});
    return this.#closing;
  }

  #await(): void {
    if (!this.#open) return;
    this.#port.poller.once("readable", (error) => {
      if (!this.#open) return;
      if (error !== null) this.#listener?.lost(`waiting fails: ${error.message}`);
      else this.poll();
      this.#await();
    });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error);
}
