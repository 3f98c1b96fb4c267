import mqtt, { type MqttClient } from "mqtt";
import { contractErrors } from "../contract.ts";
import { root } from "./city-site.ts";

export interface Heard {
  /** Below the gateway's root. */
  readonly topic: string;
  readonly text: string;
  readonly message: Record<string, unknown>;
  readonly retained: boolean;
  readonly properties: { contentType?: string; correlationData?: Buffer } | undefined;
}

/** The city: hears everything of one gateway over a session that misses nothing, and checks it against the schemas. */
export class CityEar {
  readonly heard: Heard[] = [];
  /** Messages that are not what their schema says. */
  readonly faults: string[] = [];
  /** Retained topics as they stand. */
  readonly retained = new Map<string, Heard>();
  readonly client: MqttClient;

  private constructor(client: MqttClient) {
    this.client = client;
    client.on("message", (whole, payload, packet) => {
      const topic = whole.startsWith(`${root}/`) ? whole.slice(root.length + 1) : whole;
      const text = payload.toString();
      const { retain: retained, properties } = packet;
      if (text === "") {
        this.retained.delete(topic);
        this.heard.push({ topic, text, message: {}, retained, properties: undefined });
        return;
      }
      const message = JSON.parse(text);
      this.faults.push(...contractErrors(whole, message));
      const heard: Heard = { topic, text, message, retained, properties: properties as Heard["properties"] };
      this.heard.push(heard);
      if (/^(active|devices|zones)\/|^gateway$/.test(topic)) this.retained.set(topic, heard);
    });
  }

  static async listen(url: string, filter = `${root}/#`, clientId = "city"): Promise<CityEar> {
    const session = { clean: false, properties: { sessionExpiryInterval: 600 } };
    const client = await mqtt.connectAsync(url, { protocolVersion: 5, clientId, reconnectPeriod: 50, ...session });
    const ear = new CityEar(client);
    await client.subscribeAsync(filter, { qos: 1, rap: true });
    return ear;
  }

  on(topic: string): Heard[] {
    return this.heard.filter((heard) => heard.topic === topic);
  }

  /** Sequences of a lane in order of first arrival. */
  sequences(lane: "alarms" | "events"): number[] {
    return [...new Set(this.on(lane).map((heard) => Number(heard.message["sequence"])))];
  }

  async command(name: string, body: object, properties?: object): Promise<void> {
    await this.client.publishAsync(`${root}/commands/${name}`, JSON.stringify(body), {
      qos: 1,
      ...(properties === undefined ? {} : { properties }),
    });
  }

  async stop(): Promise<void> {
    await this.client.endAsync(true);
  }
}

/** Subjects whose first arrivals are not in the order of their sequences. */
export function disorder(messages: readonly Record<string, unknown>[]): string[] {
  const newest = new Map<string, number>();
  const seen = new Set<unknown>();
  const faults: string[] = [];
  for (const { id, subject, sequence } of messages) {
    if (seen.has(id)) continue;
    seen.add(id);
    const last = newest.get(String(subject)) ?? 0;
    if (Number(sequence) < last) faults.push(`${subject}: ${sequence} after ${last}`);
    newest.set(String(subject), Number(sequence));
  }
  return faults;
}
