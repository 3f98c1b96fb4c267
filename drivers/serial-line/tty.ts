import type { LineSettings } from "./timing.ts";

export interface TtyListener {
  received(bytes: Uint8Array): void;
  /** The port is of no use any more: unplugged, hung up, closed. May be told more than once. */
  lost(why: string): void;
}

/** An open serial port, raw. */
export interface Tty {
  /** The device behind the path when it was opened. */
  readonly target: string;
  /** False for a pseudo-terminal: no wire paces the bytes. */
  readonly wired: boolean;
  /** Begins to hand over what comes in. */
  listen(listener: TtyListener): void;
  /** Hands over at once what waits in the input; when it hands over nothing the input is empty. */
  poll(): void;
  /** Hands all of it to the system at once. Throws where it does not take it. */
  write(bytes: Uint8Array): void;
  /** Resolves when the last byte has left. */
  drain(): Promise<void>;
  /** Does the path still lead to the device that was opened? */
  present(): boolean;
  /** Never rejects. */
  close(): Promise<void>;
}

export type OpenTty = (settings: LineSettings) => Promise<Tty>;
