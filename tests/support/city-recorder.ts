import mqtt, { type MqttClient } from "mqtt";
import { z } from "zod";

const envelopeSchema = z.looseObject({
  specversion: z.literal("1.0"),
  id: z.string(),
  type: z.string(),
  source: z.string(),
  time: z.string(),
  epoch: z.string().optional(),
  sequence: z.string().optional(),
  lane: z.string().optional(),
  replayed: z.boolean().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
export type Envelope = z.infer<typeof envelopeSchema>;

export interface Received {
  readonly topic: string;
  readonly envelope: Envelope;
}

/** What the city got, message by message, with a session that misses none; and what is wrong with it. */
export class CityRecorder {
  readonly received: Received[] = [];
  /** Retained state by topic below the gateway's prefix; emptied topics are gone. */
  readonly retained = new Map<string, Envelope>();
  readonly unreadable: string[] = [];
  readonly #client: MqttClient;
  readonly #prefix: string;

  private constructor(client: MqttClient, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
    client.on("message", (topic, payload) => this.#take(topic, payload));
  }

  static async start(
    url: string,
    prefix: string,
    login: { username?: string; password?: string } = {},
  ): Promise<CityRecorder> {
    const client = await mqtt.connectAsync(url, {
      protocolVersion: 5,
      clientId: "city-recorder",
      clean: false,
      properties: { sessionExpiryInterval: 3600, receiveMaximum: 1000 },
      ...login,
    });
    const recorder = new CityRecorder(client, prefix);
    await client.subscribeAsync(`${prefix}/#`, { qos: 1 });
    return recorder;
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }

  on(topic: string): Envelope[] {
    return this.received.filter((r) => r.topic === topic).map((r) => r.envelope);
  }

  /** Lane messages without duplicates, in the order of their first arrival. */
  lane(topic: "events" | "alarms"): Envelope[] {
    const seen = new Set<string>();
    return this.on(topic).filter((e) => !seen.has(e.id) && seen.add(e.id));
  }

  /** The device's own record ids among the events. */
  recordIds(): Set<string> {
    return new Set(
      this.lane("events").flatMap((e) =>
        typeof e.data?.["sourceRecordId"] === "string" ? [e.data["sourceRecordId"]] : [],
      ),
    );
  }

  /** Breaks of the promises that can be seen from here: numbers out of order or missing after removal of duplicates. */
  faults(topic: "events" | "alarms"): string[] {
    const out: string[] = [];
    const last = new Map<string, number>();
    for (const envelope of this.lane(topic)) {
      const epoch = envelope.epoch ?? "none";
      const sequence = Number(envelope.sequence);
      const expected = (last.get(epoch) ?? 0) + 1;
      if (sequence !== expected) out.push(`${topic} ${epoch}: got ${sequence}, expected ${expected}`);
      last.set(epoch, sequence);
    }
    return out;
  }

  #take(topic: string, payload: Buffer): void {
    const below = topic.slice(this.#prefix.length + 1);
    if (payload.length === 0) {
      this.retained.delete(below);
      return;
    }
    try {
      const envelope = envelopeSchema.parse(JSON.parse(payload.toString("utf8")));
      this.received.push({ topic: below, envelope });
      if (/^(active|devices|zones)\/|^gateway$/.test(below)) this.retained.set(below, envelope);
    } catch {
      this.unreadable.push(below);
    }
  }
}
