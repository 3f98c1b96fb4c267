import { readSync, writeSync } from "node:fs";
import type { Clock } from "../../ports/clock.ts";

export interface ModemPortListener {
  received(bytes: Uint8Array): void;
  /** Unplugged or hung up; may be told more than once. */
  lost(): void;
}

/** An open serial line to a modem. */
export interface ModemPort {
  /** Throws where the line takes it no more. */
  write(text: string): void;
  /** Never rejects. */
  close(): Promise<void>;
}

export type OpenModemPort = (
  line: { readonly path: string; readonly baudRate: number },
  listener: ModemPortListener,
  clock: Clock,
) => Promise<ModemPort>;

const readsAtOnce = 16;
const busyPauseMs = 5;

/**
 * By serialport's binding, without its stream: reading from a hung-up line gives 0 bytes, which the stream takes for "try
 * again" without end (serialport/bindings-cpp#162). Rejects where the line cannot be opened.
 */
export const openModemPort: OpenModemPort = async ({ path, baudRate }, listener, clock) => {
  const { SerialPort } = await import("serialport");
  const port = await SerialPort.binding.open({ path, baudRate, dataBits: 8, stopBits: 1, parity: "none", lock: true });
  if (!("poller" in port) || port.fd === null) {
    await port.close();
    throw new Error("serial lines need Linux or macOS");
  }
  const { fd, poller } = port;
  const buffer = Buffer.allocUnsafe(4096);
  let open = true;
  let closing: Promise<void> | undefined;

  const read = () => {
    for (let i = 0; i < readsAtOnce && open; i++) {
      const length = attempt(() => readSync(fd, buffer, 0, buffer.length, null));
      if (length === "later") return;
      if (length === "lost" || length === 0) {
        listener.lost();
        return;
      }
      listener.received(Uint8Array.from(buffer.subarray(0, length)));
    }
  };
  const wait = () => {
    if (!open) return;
    poller.once("readable", (error) => {
      if (!open) return;
      if (error !== null) {
        listener.lost();
        return;
      }
      read();
      wait();
    });
  };
  /** What the line's buffer does not take at once is offered again. */
  const writeFrom = (bytes: Uint8Array) => {
    if (!open) return;
    const written = attempt(() => writeSync(fd, bytes));
    if (written === "lost") listener.lost();
    else if (written === "later") clock.after(busyPauseMs, () => writeFrom(bytes));
    else if (written < bytes.length) clock.after(busyPauseMs, () => writeFrom(bytes.subarray(written)));
  };

  wait();
  return {
    write: (text) => writeFrom(Buffer.from(text, "ascii")),
    close() {
      // Before the call: it ends what is awaited at once, and a poller that is asked to wait once more then crashes.
      open = false;
      closing ??= port.close().catch(() => {});
      return closing;
    },
  };
};

function attempt(call: () => number): number | "later" | "lost" {
  try {
    return call();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "EAGAIN" || code === "EWOULDBLOCK" || code === "EINTR" ? "later" : "lost";
  }
}
