import { connect, type Socket } from "node:net";
import mqttPacket from "mqtt-packet";

export interface SentRecord {
  readonly id: string;
  readonly time: string;
}

/**
 * A face terminal reduced to what the fault tests need: it sends records with QoS 1, keeps a window of them in flight,
 * notes which were acknowledged, and after a break sends the others again, with the same record id, as terminals do.
 */
export class RecordSender {
  readonly acknowledged = new Set<string>();
  readonly sent: SentRecord[] = [];
  readonly #options: {
    port: number;
    deviceId: string;
    username: string;
    password: string;
    window: number;
    denyEvery: number;
    throwEvery: number;
  };
  #socket: Socket | undefined;
  #waiting = new Map<number, SentRecord>();
  #again: SentRecord[] = [];
  #next = 1;
  #messageId = 0;
  #running = false;
  #connected = false;

  constructor(options: {
    port: number;
    deviceId: string;
    username: string;
    password: string;
    window?: number;
    denyEvery?: number;
    throwEvery?: number;
  }) {
    this.#options = { window: 20, denyEvery: 5, throwEvery: 9, ...options };
  }

  /** Begins, or goes on after a pause. */
  start(): void {
    this.#running = true;
    if (this.#socket === undefined) this.#connect();
    else this.#fill();
  }

  /** Sends nothing new; what is in flight is finished. */
  pause(): void {
    this.#running = false;
  }

  /** Everything that was sent has been acknowledged. */
  get settled(): boolean {
    return this.#waiting.size === 0 && this.#again.length === 0;
  }

  get connected(): boolean {
    return this.#connected;
  }

  close(): void {
    this.#running = false;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #connect(): void {
    const { port, deviceId, username, password } = this.#options;
    const socket = connect(port, "127.0.0.1");
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("connect", () => {
      socket.write(
        mqttPacket.generate({
          cmd: "connect",
          protocolId: "MQTT",
          protocolVersion: 4,
          clean: true,
          clientId: deviceId,
          keepalive: 30,
          username,
          password: Buffer.from(password),
        }),
      );
    });
    socket.on("data", (bytes) => parser.parse(bytes));
    parser.on("packet", (packet) => {
      if (packet.cmd === "connack" && packet.returnCode === 0) {
        this.#connected = true;
        this.#fill();
      }
      if (packet.cmd === "puback" && packet.messageId !== undefined) {
        const record = this.#waiting.get(packet.messageId);
        this.#waiting.delete(packet.messageId);
        if (record !== undefined) this.acknowledged.add(record.id);
        this.#fill();
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#connected = false;
      this.#again = [...this.#waiting.values(), ...this.#again];
      this.#waiting = new Map();
      if (this.#socket === socket) setTimeout(() => this.#socket === socket && this.#connect(), 50);
    });
  }

  #fill(): void {
    while (this.#connected && this.#waiting.size < this.#options.window) {
      const record = this.#again.shift() ?? (this.#running ? this.#fresh() : undefined);
      if (record === undefined) return;
      this.#publish(record);
    }
  }

  #fresh(): SentRecord {
    const record = { id: String(this.#next++), time: localTime(new Date()) };
    this.sent.push(record);
    return record;
  }

  #publish(record: SentRecord): void {
    const { deviceId, denyEvery, throwEvery } = this.#options;
    this.#messageId = (this.#messageId % 65_535) + 1;
    this.#waiting.set(this.#messageId, record);
    const number = Number(record.id);
    const thrown = number % throwEvery === 0;
    const payload = JSON.stringify(
      thrown ? throwOf(deviceId, record) : passageOf(deviceId, record, number % denyEvery === 0),
    );
    this.#socket?.write(
      mqttPacket.generate({
        cmd: "publish",
        topic: `mqtt/face/${deviceId}/${thrown ? "Snap" : "Rec"}`,
        payload,
        qos: 1,
        retain: false,
        dup: false,
        messageId: this.#messageId,
      }),
    );
  }
}

function passageOf(deviceId: string, record: SentRecord, denied: boolean): object {
  const info = {
    facesluiceId: deviceId,
    customId: "u1",
    personId: "3",
    RecordID: record.id,
    VerifyStatus: denied ? "2" : "1",
    PersonType: "0",
    similarity1: "83.000000",
    Sendintime: 1,
    PushType: 0,
    time: record.time,
  };
  return { operator: "RecPush", info };
}

/** A throw, with the optional id: each is an alarm of its own once the one before is over. */
function throwOf(deviceId: string, { id, time }: SentRecord): object {
  return {
    operator: "ParabolicSnapPush",
    info: { deviceId, SnapOrRecordID: id, snapTime: time, startTime: time, endTime: time },
  };
}

/** As the terminals write it: local time of Asia/Shanghai without a zone. */
export function localTime(date: Date): string {
  return new Date(date.getTime() + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
}
