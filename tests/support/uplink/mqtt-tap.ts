import { once } from "node:events";
import { connect as connectTo, createServer, type Server, type Socket } from "node:net";
import mqttPacket, { type IPublishPacket } from "mqtt-packet";

/** One PUBLISH as it went by, and whether the broker acknowledged it. */
export interface Passed {
  readonly topic: string;
  readonly payload: string;
  readonly connection: number;
  acknowledged: boolean;
}

/**
 * A line between a client and its broker that writes down every PUBLISH and its PUBACK: what the broker took into its
 * care, whatever became of it there. It can be cut.
 */
export class MqttTap {
  readonly passed: Passed[] = [];
  connections = 0;
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((near) => this.#join(near));
  }

  static async start(target: number): Promise<MqttTap> {
    const tap = new MqttTap(target);
    tap.#server.listen(0, "127.0.0.1");
    await once(tap.#server, "listening");
    return tap;
  }

  get url(): string {
    const address = this.#server.address();
    return `mqtt://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  /** Breaks every connection; new ones go through. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(near: Socket): void {
    this.connections += 1;
    const connection = this.connections;
    const far = connectTo(this.#target, "127.0.0.1");
    const waiting = new Map<number, Passed>();
    const fromClient = mqttPacket.parser();
    let fromBroker = mqttPacket.parser();
    fromClient.on("packet", (packet) => {
      if (packet.cmd === "connect") {
        fromBroker = mqttPacket.parser({ protocolVersion: packet.protocolVersion ?? 4 });
        fromBroker.on("packet", (answer) => {
          const passed = answer.cmd === "puback" ? waiting.get(answer.messageId ?? 0) : undefined;
          if (passed !== undefined) passed.acknowledged = true;
        });
      } else if (packet.cmd === "publish") this.#note(packet, connection, waiting);
    });
    for (const [from, to, parser] of [
      [near, far, () => fromClient],
      [far, near, () => fromBroker],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (bytes) => {
        // Written down only when it can be passed on: what is cut off was not said.
        if (to.destroyed) return;
        parser().parse(bytes);
        to.write(bytes);
      });
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }

  #note(packet: IPublishPacket, connection: number, waiting: Map<number, Passed>): void {
    const passed: Passed = { topic: packet.topic, payload: packet.payload.toString(), connection, acknowledged: false };
    this.passed.push(passed);
    if (packet.messageId !== undefined) waiting.set(packet.messageId, passed);
  }
}
