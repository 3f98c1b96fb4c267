import { connect, type MqttClient } from "mqtt";
import { type Random, seeded } from "../random.ts";

/** What goes wrong with a device that publishes. All are off where not named. */
export interface LinkFaults {
  /** Every message goes out twice, as after a lost PUBACK. */
  readonly duplicates?: boolean;
  /** Says nothing any more, though it stays connected. */
  readonly silent?: boolean;
  /** One message in so many is followed by bytes that are none. */
  readonly noiseEvery?: number;
  /** The device's clock minus true time, ms. */
  readonly clockSkewMs?: number;
}

export interface LinkOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly will?: { readonly topic: string; readonly payload: string };
  readonly reconnectEveryMs?: number;
  /** Events are kept while the device is cut off, and sent when it is back. */
  readonly keeps?: boolean;
  readonly seed?: number;
  /** Each time a connection stands, before anything that was kept is sent. */
  readonly onConnect: () => void;
}

interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

/** The MQTT side of a camera: MQTT 3.1.1, QoS 1, a last will where it has one, and faults on demand. */
export class CameraLink {
  faults: LinkFaults = {};
  readonly #options: LinkOptions;
  readonly #random: Random;
  #client: MqttClient | undefined;
  #connected = false;
  #kept: Message[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#random = seeded(options.seed ?? 11);
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** What the device's own clock shows. */
  now(): number {
    return Date.now() + (this.faults.clockSkewMs ?? 0);
  }

  /** Connects and goes on connecting until `cut` or `stop`. */
  start(): void {
    if (this.#client !== undefined) return;
    const { url, clientId, username, password, will, reconnectEveryMs } = this.#options;
    const client = connect(url, {
      protocolVersion: 4,
      clientId,
      username,
      password,
      clean: true,
      keepalive: 30,
      reconnectPeriod: reconnectEveryMs ?? 3000,
      connectTimeout: 10_000,
      queueQoSZero: false,
      ...(will === undefined
        ? {}
        : { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1 as const, retain: true } }),
    });
    this.#client = client;
    client.on("connect", () => {
      if (this.#client !== client) return;
      this.#connected = true;
      this.#options.onConnect();
      for (const message of this.#kept.splice(0)) this.#send(message);
    });
    client.on("close", () => {
      if (this.#client === client) this.#connected = false;
    });
    // A broker that refuses is tried again; the device has nobody to tell.
    client.on("error", () => {});
  }

  /** Power or cable gone: no DISCONNECT, so that the broker speaks the last will. */
  cut(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#connected = false;
    client?.stream.destroy();
    client?.end(true);
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#connected = false;
    // Without a broker nothing that is on its way is ever acknowledged, and a polite end would wait for it for ever.
    await client?.endAsync(!client.connected);
  }

  publish(topic: string, payload: string, retain = false): void {
    const message = { topic, payload, retain };
    if (this.#connected) this.#send(message);
    // A state is told anew after every connect; only what happened is kept.
    else if (this.#options.keeps === true && !retain) this.#kept.push(message);
  }

  #send({ topic, payload, retain }: Message): void {
    const { silent, duplicates, noiseEvery } = this.faults;
    if (silent === true) return;
    const times = duplicates === true ? 2 : 1;
    for (let i = 0; i < times; i++) this.#put(topic, payload, retain);
    if (noiseEvery !== undefined && this.#random() < 1 / noiseEvery) {
      const noise = Buffer.from(Array.from({ length: 40 }, () => Math.floor(this.#random() * 256)));
      this.#put(topic, noise, false);
    }
  }

  #put(topic: string, payload: string | Buffer, retain: boolean): void {
    this.#client?.publish(topic, payload, { qos: 1, retain }, () => {});
  }
}
