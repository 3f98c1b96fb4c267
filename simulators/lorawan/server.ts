import { connect, type MqttClient } from "mqtt";
import { seeded } from "../random.ts";
import type { LoraNode } from "./node.ts";

export interface LoraServerOptions {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly applicationId: string;
  /** 4 writes what ChirpStack 4 writes, 3 the protobuf JSON of ChirpStack 3. */
  readonly version?: 3 | 4 | undefined;
  readonly seed?: number | undefined;
}

/** What is wrong with the radio, the server and its clock. */
export interface LoraFaults {
  /** Every frame is published so many times. */
  readonly copies?: number | undefined;
  /** Part of the frames that no gateway hears. */
  readonly lost?: number | undefined;
  /** The server's clock minus the true time, ms. */
  readonly clockSkewMs?: number | undefined;
  /** Payloads are cut after so many bytes. */
  readonly cutAfter?: number | undefined;
}

/** A LoRaWAN server that publishes its devices' events by MQTT, as ChirpStack does. What happens while it is cut off waits. */
export class LoraServer {
  readonly #options: LoraServerOptions;
  readonly #client: MqttClient;
  readonly #random: () => number;
  readonly #waiting: { topic: string; payload: string }[] = [];
  readonly downlinks: { topic: string; payload: string }[] = [];
  faults: LoraFaults = {};
  #held = false;

  constructor(options: LoraServerOptions) {
    this.#options = options;
    this.#random = seeded(options.seed ?? 11);
    const { url, username, password } = options;
    this.#client = connect(url, { username, password, clientId: `chirpstack-${username}`, reconnectPeriod: 500 });
    // Refusals come again and again; whoever runs the simulator sees that nothing arrives.
    this.#client.on("error", () => undefined);
    this.#client.on("message", (topic, payload) => this.downlinks.push({ topic, payload: payload.toString() }));
  }

  get connected(): boolean {
    return this.#client.connected;
  }

  /** A frame of the device was heard now. False where the radio lost it. */
  hear(node: LoraNode): boolean {
    const { copies = 1, lost = 0, cutAfter } = this.faults;
    const fCnt = node.fCnt++;
    if (this.#random() < lost) return false;
    const data = Buffer.from(node.payload().subarray(0, cutAfter)).toString("base64");
    const event = this.#uplink(node, fCnt, data);
    for (let copy = 0; copy < copies; copy += 1) this.#publish(node, "up", event);
    return true;
  }

  /** The device answered a DevStatusReq. */
  status(node: LoraNode): void {
    this.#publish(node, "status", { ...this.#head(node), margin: 10, batteryLevel: node.batteryPercent });
  }

  join(node: LoraNode): void {
    node.restart();
    this.#publish(node, "join", { ...this.#head(node), devAddr: "00189440" });
  }

  /** Takes what the gateway sends down to the device. */
  async listen(node: LoraNode): Promise<void> {
    await this.#client.subscribeAsync(`${this.#topic(node)}/command/down`);
  }

  /** Holds all back, and gives it out in one go: what a broken line between server and gateway does. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held)
      for (const { topic, payload } of this.#waiting.splice(0)) this.#client.publish(topic, payload, { qos: 1 });
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }

  #uplink(node: LoraNode, fCnt: number, data: string): object {
    const rssi = -120 + Math.floor(this.#random() * 60);
    if (this.#options.version === 3) {
      const time = this.#time();
      const rxInfo = [{ gatewayID: "AwMDAwMDAwM=", time, rssi, loRaSNR: 7 }];
      return { ...this.#head(node), rxInfo, fCnt, fPort: 1, data };
    }
    const rxInfo = [{ gatewayId: "0016c001f153a14c", uplinkId: fCnt, rssi, snr: 7.5 }];
    return { ...this.#head(node), devAddr: "00189440", dr: 1, fCnt, fPort: 1, data, rxInfo };
  }

  #head(node: LoraNode): object {
    const { applicationId, version } = this.#options;
    if (version === 3)
      return { applicationID: applicationId, devEUI: Buffer.from(node.devEui, "hex").toString("base64") };
    return { deduplicationId: this.#uuid(), time: this.#time(), deviceInfo: { applicationId, devEui: node.devEui } };
  }

  /** Nine digits of a second and an offset, as ChirpStack 4 writes it. */
  #time(): string {
    const at = new Date(Date.now() + (this.faults.clockSkewMs ?? 0)).toISOString();
    return at.replace("Z", "000000+00:00");
  }

  #uuid(): string {
    const hex = (digits: number) =>
      Array.from({ length: digits }, () => Math.floor(this.#random() * 16).toString(16)).join("");
    return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
  }

  #topic({ devEui }: LoraNode): string {
    return `application/${this.#options.applicationId}/device/${devEui}`;
  }

  #publish(node: LoraNode, event: string, value: object): void {
    const message = { topic: `${this.#topic(node)}/event/${event}`, payload: JSON.stringify(value) };
    if (this.#held) this.#waiting.push(message);
    else this.#client.publish(message.topic, message.payload, { qos: 1 });
  }
}
