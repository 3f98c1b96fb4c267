import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { answerPdu, type Tables } from "./modbus.ts";

/**
 * How a unit misbehaves: `late`: the right answer after `ms`; `absent`: the gateway says exception 11 for it; `stale`: an
 * answer with the transaction before; `garbage`: bytes that are no Modbus TCP.
 */
export type TcpFault =
  | { readonly mode: "late"; readonly ms: number }
  | { readonly mode: "silent" | "absent" | "twice" | "stale" | "garbage" };

/** Modbus TCP slaves behind one address, as a gateway to a serial line has them. Units that it does not have are exception 11. */
export class TcpSlaves {
  readonly #units = new Map<number, () => Tables>();
  readonly #faults = new Map<number, TcpFault>();
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server | undefined;
  /** Requests understood. */
  asked = 0;

  attach(unit: number, tables: () => Tables): void {
    this.#units.set(unit, tables);
  }

  /** Absent: it works again. */
  setFault(unit: number, fault: TcpFault | undefined): void {
    if (fault === undefined) this.#faults.delete(unit);
    else this.#faults.set(unit, fault);
  }

  /** Resolves with its port on the loopback. */
  async listen(port = 0): Promise<number> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Cuts every connection, as a gateway does that starts anew. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.cut();
    const server = this.#server;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let pending = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (data) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 8) {
        const length = pending.readUInt16BE(4);
        if (pending.readUInt16BE(2) !== 0 || length < 2 || length > 254) {
          socket.destroy();
          return;
        }
        if (pending.length < 6 + length) return;
        this.#answer(socket, pending.subarray(0, 6 + length));
        pending = pending.subarray(6 + length);
      }
    });
  }

  #answer(socket: Socket, frame: Buffer): void {
    const [transaction, unit, fn] = [frame.readUInt16BE(0), frame.readUInt8(6), frame.readUInt8(7)];
    this.asked += 1;
    const fault = this.#faults.get(unit);
    const right = adu(transaction, unit, this.#pduFor(frame, unit, fn));
    const send = (bytes: Buffer): void => {
      if (!socket.destroyed) socket.write(bytes);
    };
    switch (fault?.mode) {
      case "silent":
        break;
      case "twice":
        send(Buffer.concat([right, right]));
        break;
      case "stale":
        send(adu(transaction - 1, unit, [...right.subarray(7)]));
        break;
      case "garbage":
        send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
        break;
      case "late": {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          send(right);
        }, fault.ms);
        this.#timers.add(timer);
        break;
      }
      case "absent":
      case undefined:
        send(right);
        break;
    }
  }

  #pduFor(frame: Buffer, unit: number, fn: number): readonly number[] {
    const tables = this.#faults.get(unit)?.mode === "absent" ? undefined : this.#units.get(unit);
    if (tables === undefined) return [fn | 0x80, 11];
    if (frame.length !== 12 || fn < 1 || fn > 6) return [fn | 0x80, 1];
    return answerPdu({ fn, address: frame.readUInt16BE(8), count: frame.readUInt16BE(10) }, tables());
  }
}

function adu(transaction: number, unit: number, pdu: readonly number[]): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt16BE(transaction & 0xffff, 0);
  head.writeUInt16BE(pdu.length + 1, 4);
  head.writeUInt8(unit, 6);
  return Buffer.concat([head, Buffer.from(pdu)]);
}
