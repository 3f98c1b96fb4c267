import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { freePort } from "./free-port.ts";

export interface TcpAsked {
  readonly transaction: number;
  readonly unit: number;
  readonly function: number;
  readonly address: number;
  readonly count: number;
  /** As they came. */
  readonly bytes: Buffer;
  /** Sends to whoever asked. */
  readonly say: (bytes: Uint8Array) => void;
}

/** A Modbus TCP slave, or a gateway with all its slaves, written from the specification and played by the test. */
export class ModbusTcpPeer {
  readonly heard: TcpAsked[] = [];
  connections = 0;
  act: (asked: TcpAsked) => void;
  port = 0;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(act: (asked: TcpAsked) => void) {
    this.act = act;
  }

  static async open(act: (asked: TcpAsked) => void): Promise<ModbusTcpPeer> {
    const peer = new ModbusTcpPeer(act);
    peer.port = await freePort();
    await peer.listen();
    return peer;
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
  }

  /** Cuts all connections and listens no more. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    let pending = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (data) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 12) {
        const bytes = pending.subarray(0, 12);
        pending = pending.subarray(12);
        const asked: TcpAsked = {
          transaction: bytes.readUInt16BE(0),
          unit: bytes.readUInt8(6),
          function: bytes.readUInt8(7),
          address: bytes.readUInt16BE(8),
          count: bytes.readUInt16BE(10),
          bytes,
          say: (answer) => socket.write(answer),
        };
        this.heard.push(asked);
        this.act(asked);
      }
    });
  }
}

/** The answer to a read of registers. */
export function tcpReply(asked: TcpAsked, values: readonly number[]): Buffer {
  const data = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) data.writeUInt16BE(value, 2 * i);
  return tcpFrame(asked.transaction, asked.unit, [asked.function, data.length, ...data]);
}

export function tcpFrame(transaction: number, unit: number, pdu: readonly number[]): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt16BE(transaction, 0);
  head.writeUInt16BE(pdu.length + 1, 4);
  head.writeUInt8(unit, 6);
  return Buffer.concat([head, Buffer.from(pdu)]);
}
