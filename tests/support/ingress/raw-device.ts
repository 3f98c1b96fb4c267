import { connect, type Socket } from "node:net";
import { generate, type IConnectPacket, type Packet, parser } from "mqtt-packet";
import { waitFor } from "../wait-for.ts";

export type SignIn = Partial<Omit<IConnectPacket, "cmd" | "password">> & { readonly password?: string };

export function connectPacket({ password, ...rest }: SignIn = {}): Buffer {
  const secret = password === undefined ? {} : { password: Buffer.from(password) };
  return generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    clientId: "raw",
    keepalive: 60,
    ...secret,
    ...rest,
  });
}

export function publishPacket(
  topic: string,
  payload: string | Buffer,
  qos: 0 | 1 | 2,
  messageId = 1,
  dup = false,
): Buffer {
  return generate({ cmd: "publish", topic, payload, qos, messageId, dup, retain: false });
}

/** A device that sends exactly the bytes it is told to and keeps all that it gets. */
export class RawDevice {
  readonly socket: Socket;
  readonly packets: Packet[] = [];
  closed = false;

  constructor(port: number, host = "127.0.0.1") {
    this.socket = connect({ port, host, noDelay: true });
    const reader = parser({ protocolVersion: 4 });
    reader.on("packet", (packet: Packet) => this.packets.push(packet));
    this.socket.on("data", (chunk) => reader.parse(chunk));
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
  }

  /** Signs in; fails where it is refused. */
  static async signedIn(port: number, signIn: SignIn): Promise<RawDevice> {
    const device = new RawDevice(port);
    device.send(connectPacket(signIn));
    const connack = await device.next("connack");
    if (connack.cmd !== "connack" || connack.returnCode !== 0) throw new Error(`refused: ${JSON.stringify(connack)}`);
    return device;
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  publish(topic: string, payload: string | Buffer, qos: 0 | 1 | 2, messageId = 1, dup = false): void {
    this.send(publishPacket(topic, payload, qos, messageId, dup));
  }

  of(cmd: Packet["cmd"]): Packet[] {
    return this.packets.filter((packet) => packet.cmd === cmd);
  }

  /** The `count`th packet of its kind, as soon as it is there. */
  next(cmd: Packet["cmd"], count = 1): Promise<Packet> {
    return waitFor(`${count} × ${cmd}`, () => this.of(cmd)[count - 1]);
  }

  acknowledged(): number[] {
    return this.of("puback").map(({ messageId }) => messageId ?? 0);
  }

  /** Resolves when the broker has handled what was sent before, and its answers have arrived. */
  async roundTrip(): Promise<void> {
    const before = this.of("pingresp").length;
    this.send(generate({ cmd: "pingreq" }));
    await this.next("pingresp", before + 1);
  }

  wasCut(): Promise<true> {
    return waitFor("the connection to be cut", () => (this.closed ? true : undefined));
  }

  end(): void {
    this.socket.destroy();
  }
}
