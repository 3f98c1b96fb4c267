import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from "mqtt-packet";

/** What a scripted broker does with a packet; by default it behaves. */
export interface Script {
  /** The answer to CONNECT; `undefined` sends none. By default a welcome, or 0x01 to a version that is not spoken. */
  connack?(connect: IConnectPacket, connection: Connection): Packet | undefined | Buffer;
  /** Called for each PUBLISH; by default it is acknowledged. */
  publish?(packet: IPublishPacket, connection: Connection): void;
  /** False: PINGREQ is not answered. */
  answersPings?: boolean;
  /** Versions that are spoken: 4 is 3.1.1. */
  speaks?: readonly number[];
}

export interface Connection {
  readonly number: number;
  readonly version: number;
  readonly socket: Socket;
  readonly connect: IConnectPacket;
  send(packet: Packet): void;
  /** PUBACK. */
  acknowledge(packet: IPublishPacket, reasonCode?: number): void;
}

/** A broker of which every answer is scripted, on a real socket, without a line of any broker's code. */
export class ScriptedBroker {
  /** Every PUBLISH that came in, in order. */
  readonly published: (IPublishPacket & { connection: number })[] = [];
  readonly connections: Connection[] = [];
  /** Sockets that were accepted, whether they sent CONNECT or not. */
  accepted = 0;
  script: Script;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(script: Script) {
    this.script = script;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(script: Script = {}): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(script);
    broker.#server.listen(0, "127.0.0.1");
    await once(broker.#server, "listening");
    return broker;
  }

  get url(): string {
    const address = this.#server.address();
    return `mqtt://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  /** Payloads on topics that end so, in order of arrival. */
  on(ending: string): { readonly payload: string; readonly connection: number; readonly retain: boolean }[] {
    return this.published
      .filter((p) => p.topic.endsWith(ending))
      .map((p) => ({ payload: p.payload.toString(), connection: p.connection, retain: p.retain }));
  }

  /** Sockets that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  get newest(): Connection | undefined {
    return this.connections.at(-1);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(socket: Socket): void {
    this.accepted += 1;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    const parser = mqttPacket.parser();
    let connection: Connection | undefined;
    parser.on("error", () => socket.destroy());
    parser.on("packet", (packet: Packet) => {
      if (packet.cmd === "connect") connection = this.#welcome(socket, packet);
      else if (connection !== undefined) this.#take(connection, packet);
    });
    socket.on("data", (bytes) => parser.parse(bytes));
  }

  #welcome(socket: Socket, connect: IConnectPacket): Connection {
    const version = connect.protocolVersion ?? 4;
    const options = { protocolVersion: version };
    const send = (packet: Packet): void => {
      if (!socket.destroyed) socket.write(mqttPacket.generate(packet, options));
    };
    const connection: Connection = {
      number: this.connections.length + 1,
      version,
      socket,
      connect,
      send,
      acknowledge: ({ messageId }, reasonCode = 0) => {
        if (messageId !== undefined) send({ cmd: "puback", messageId, reasonCode });
      },
    };
    this.connections.push(connection);
    const spoken = (this.script.speaks ?? [5, 4]).includes(version);
    const usual: Packet | Buffer = spoken
      ? { cmd: "connack", sessionPresent: false, returnCode: 0, reasonCode: 0 }
      : Buffer.from([0x20, 2, 0, 1]);
    const answer = this.script.connack === undefined ? usual : this.script.connack(connect, connection);
    if (Buffer.isBuffer(answer)) socket.write(answer);
    else if (answer !== undefined) send(answer);
    return connection;
  }

  #take(connection: Connection, packet: Packet): void {
    switch (packet.cmd) {
      case "publish":
        this.published.push({ ...packet, connection: connection.number });
        if (this.script.publish !== undefined) this.script.publish(packet, connection);
        else connection.acknowledge(packet);
        break;
      case "subscribe":
        connection.send({
          cmd: "suback",
          messageId: packet.messageId ?? 0,
          granted: packet.subscriptions.map(() => 1),
        });
        break;
      case "pingreq":
        if (this.script.answersPings !== false) connection.send({ cmd: "pingresp" });
        break;
      case "disconnect":
        connection.socket.end();
        break;
      default:
    }
  }
}
