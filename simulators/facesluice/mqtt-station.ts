import { connect, type MqttClient } from "mqtt";
import { localTime } from "./local-time.ts";
import { selfCare } from "./self-care.ts";
import type { Station, StationEvent, StationOptions, StoredRecord } from "./station.ts";
import { noise, type Trouble } from "./trouble.ts";
import { acceptsOnline, type Command, parseCommand, parseConfig, parsePushAck } from "./wire.ts";

interface Waiting {
  readonly record: StoredRecord;
  readonly late: boolean;
  attempt: number;
  firstSentMs?: number;
}

/**
 * The MQTT side that faceSluice devices share: MQTT 3.1.1, everything at QoS 0, Online until it is answered, HeartBeat,
 * Offline as last will, and one record after the other, each repeated until a PushAck names it.
 */
export class MqttStation implements Station {
  readonly #options: StationOptions;
  #client: MqttClient | undefined;
  #connected = false;
  #queue: Waiting[] = [];
  #ackTimer: NodeJS.Timeout | undefined;
  #onlineTimer: NodeJS.Timeout | undefined;
  #heartbeatTimer: NodeJS.Timeout | undefined;
  #rebootTimer: NodeJS.Timeout | undefined;
  #heartbeatEveryMs: number;
  #resume: boolean;
  #trouble: Trouble = {};
  #clockSkewMs: number;
  #sent = 0;

  constructor(options: StationOptions) {
    this.#options = options;
    this.#resume = options.resume ?? true;
    this.#heartbeatEveryMs = options.heartbeatEveryMs ?? 30_000;
    this.#clockSkewMs = options.clockSkewMs ?? 0;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get clockSkewMs(): number {
    return this.#trouble.clockSkewMs ?? this.#clockSkewMs;
  }

  now(): number {
    return Date.now() + this.clockSkewMs;
  }

  trouble(trouble: Trouble): void {
    this.#trouble = trouble;
    if (trouble.silence !== true) this.#sendNext();
  }

  setClock(toMs: number): void {
    this.#trouble = { ...this.#trouble, clockSkewMs: undefined };
    this.#clockSkewMs = toMs - Date.now();
  }

  reboot(): void {
    this.cut();
    this.#rebootTimer = setTimeout(() => this.start(), this.#options.rebootMs ?? 3000);
  }

  timeText(atMs: number): string {
    return localTime(atMs, this.timeZone);
  }

  get timeZone(): string {
    return this.#options.timeZone ?? "Asia/Shanghai";
  }

  start(): void {
    clearTimeout(this.#rebootTimer);
    if (this.#client !== undefined) return;
    const { url, deviceId, username, password } = this.#options;
    const client = connect(url, {
      protocolVersion: 4,
      clientId: deviceId,
      username,
      password,
      clean: true,
      keepalive: 30,
      reconnectPeriod: this.#options.reconnectEveryMs ?? 3000,
      connectTimeout: 10_000,
      queueQoSZero: false,
      will: {
        topic: "mqtt/face/basic",
        payload: Buffer.from(JSON.stringify({ operator: "Offline", info: { facesluiceId: deviceId } })),
        qos: 0,
        retain: false,
      },
    });
    this.#client = client;
    client.on("connect", () => this.#onConnect(client));
    client.on("close", () => {
      if (this.#client === client) this.#onClose();
    });
    client.on("error", (error) => this.#tell({ type: "refused", reason: error.message }));
    client.on("message", (_topic, payload) => this.#onMessage(payload));
  }

  /** No DISCONNECT, so the broker speaks the last will. */
  cut(): void {
    clearTimeout(this.#rebootTimer);
    const client = this.#client;
    this.#client = undefined;
    client?.end(true);
    this.#onClose();
  }

  /** Says Offline and leaves. */
  async stop(): Promise<void> {
    clearTimeout(this.#rebootTimer);
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) {
      if (this.#connected) this.#publish("mqtt/face/basic", this.#station("Offline"), client);
      await client.endAsync();
    }
    this.#onClose();
  }

  push(record: StoredRecord): void {
    const late = !this.#connected;
    this.#queue.push({ record, late, attempt: 0 });
    if (this.#queue.length > (this.#options.storage ?? 2000)) {
      const [dropped] = this.#queue.splice(this.#queue[0]?.attempt === 0 ? 0 : 1, 1);
      if (dropped !== undefined) this.#tell({ type: "dropped", record: dropped.record });
    }
    if (late) this.#tell({ type: "buffered", record });
    this.#sendNext();
  }

  #station(operator: string, more: object = {}): unknown {
    return { operator, info: { facesluiceId: this.#options.deviceId, ...more } };
  }

  #publish(topic: string, message: unknown, client = this.#client): void {
    if (client?.connected !== true) return;
    client.publish(topic, JSON.stringify(message), { qos: 0 }, () => {});
  }

  #onConnect(client: MqttClient): void {
    client.subscribe(`mqtt/face/${this.#options.deviceId}`, { qos: 0 }, (error) => {
      if (error !== null && error !== undefined) this.#tell({ type: "refused", reason: error.message });
      if (!client.connected || this.#client !== client) return;
      this.#connected = true;
      this.#tell({ type: "connected" });
      this.#announce(1);
      this.#startHeartbeat();
      this.#sendNext();
    });
  }

  #announce(attempt: number): void {
    this.#publish(
      "mqtt/face/basic",
      this.#station("Online", {
        username: "admin",
        time: this.timeText(this.now()),
        ip: "192.168.2.202",
        facesname: this.#options.name ?? "Face1",
      }),
    );
    this.#tell({ type: "announced", attempt });
    this.#onlineTimer = setTimeout(() => this.#announce(attempt + 1), this.#options.onlineEveryMs ?? 10_000);
  }

  #startHeartbeat(): void {
    clearInterval(this.#heartbeatTimer);
    this.#heartbeatTimer = setInterval(() => {
      if (this.#trouble.silence === true) return;
      this.#publish("mqtt/face/heartbeat", this.#station("HeartBeat", { time: this.timeText(this.now()) }));
    }, this.#heartbeatEveryMs);
  }

  #onClose(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    clearTimeout(this.#onlineTimer);
    clearInterval(this.#heartbeatTimer);
    if (!this.#connected) return;
    this.#connected = false;
    this.#tell({ type: "disconnected" });
  }

  #onMessage(payload: Uint8Array): void {
    const command = parseCommand(payload);
    if (command === undefined) return;
    switch (command.operator) {
      case "Online-Ack":
        if (acceptsOnline(command, this.#options.deviceId)) {
          clearTimeout(this.#onlineTimer);
          this.#tell({ type: "accepted" });
        }
        return;
      case "PushAck":
        this.#onPushAck(command);
        return;
      case "UpMQTTconfig": {
        const config = parseConfig(command);
        this.#resume = config.resume ?? this.#resume;
        if (config.heartbeatEveryMs !== undefined) {
          this.#heartbeatEveryMs = config.heartbeatEveryMs;
          this.#startHeartbeat();
        }
        this.#answer(command);
        return;
      }
      default:
        this.#obey(command);
    }
  }

  #obey(command: Command): void {
    if (this.#trouble.silence === true) return;
    if (this.#trouble.busy === true) {
      this.#answer(command, { result: "fail", detail: "busy" }, "410");
      return;
    }
    const own = selfCare(command, this);
    if (own !== undefined) {
      this.#answer(command, own.info);
      if (own.afterwards !== undefined) setImmediate(own.afterwards);
    } else if (this.#options.onCommand?.(command)) this.#answer(command);
  }

  #answer(command: Command, more: object = {}, code = "200"): void {
    this.#publish(`mqtt/face/${this.#options.deviceId}/Ack`, {
      messageId: command.messageId ?? "",
      operator: `${command.operator}-Ack`,
      code,
      info: { facesluiceId: this.#options.deviceId, result: "ok", ...more },
    });
  }

  #onPushAck(command: Command): void {
    const ack = parsePushAck(command);
    if (ack === undefined) return;
    this.#answer(command, { PushAckType: String(ack.type), SnapOrRecordID: String(ack.id) });
    const head = this.#queue[0];
    if (head === undefined || head.attempt === 0) return;
    if (ack.id !== head.record.id || (ack.type !== head.record.ackType && ack.type !== 3)) return;
    this.#tell({ type: "acknowledged", record: head.record, afterMs: Date.now() - (head.firstSentMs ?? Date.now()) });
    this.#next();
  }

  #next(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#queue.shift();
    this.#sendNext();
  }

  #sendNext(): void {
    const head = this.#queue[0];
    if (head === undefined || !this.#connected || this.#ackTimer !== undefined) return;
    if (this.#trouble.silence === true) return;
    head.attempt += 1;
    head.firstSentMs ??= Date.now();
    const late = head.late || this.#trouble.late === true || (head.attempt > 1 && this.#options.resendAsLate === true);
    const topic = `mqtt/face/${this.#options.deviceId}/${head.record.topic}`;
    if (this.#trouble.noise === true && this.#client?.connected === true)
      this.#client.publish(topic, noise(this.#sent++));
    const message = head.record.write(late);
    this.#publish(topic, message);
    if (this.#trouble.duplicates === true) this.#publish(topic, message);
    this.#tell({ type: "sent", record: head.record, attempt: head.attempt, late });
    if (!head.record.acknowledgeable || !this.#resume) {
      this.#next();
      return;
    }
    this.#ackTimer = setTimeout(() => {
      this.#ackTimer = undefined;
      this.#sendNext();
    }, this.#options.ackWithinMs ?? 10_000);
  }

  #tell(event: StationEvent): void {
    this.#options.onEvent?.(event);
  }
}
