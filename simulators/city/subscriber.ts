import { randomUUID } from "node:crypto";
import type { MqttClient } from "mqtt";
import { type CheckerOptions, CityChecker, type Disorder, type Fate, type PlacedRange } from "./checker.ts";
import { type CityConnection, connectCity } from "./connection.ts";
import {
  type Answer,
  alarmOf,
  type CityAlarm,
  type Envelope,
  gapOf,
  headsOf,
  parseAnswer,
  parseEnvelope,
  placeOf,
} from "./envelope.ts";

export interface CitySubscriberOptions extends CityConnection, CheckerOptions {
  /** `zhian/v1` unless said otherwise. */
  readonly prefix?: string | undefined;
  /** Called for each message, duplicates included. */
  readonly onMessage?: (message: CityMessage) => void;
  /** Every how many ms a command waits for its answer. */
  readonly answerWithinMs?: number;
}

/** One message as it came. `kind` is the first level below the gateway's topic: alarms, active, events, devices, … */
export interface CityMessage {
  readonly gateway: string;
  readonly kind: string;
  /** What stands below `kind` in the topic: an alarm's, device's or zone's id. */
  readonly key: string;
  readonly retained: boolean;
  /** Absent where the payload was empty (a state that is gone) or malformed. */
  readonly envelope?: Envelope;
  /** For the messages of a lane. */
  readonly fate?: Fate;
  /** For `responses`. */
  readonly answer?: Answer;
}

/**
 * The city's side of the contract: hears everything below the prefix, removes duplicates by id, watches sequences, order
 * and declared gaps, keeps the table of active alarms, and commands gateways.
 */
export class CitySubscriber {
  readonly #options: CitySubscriberOptions;
  readonly #prefix: string;
  readonly #checker: CityChecker;
  readonly #active = new Map<string, CityAlarm>();
  readonly #open = new Map<string, string>();
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  readonly malformed: { topic: string; payload: string }[] = [];
  #malformedCount = 0;
  #client: MqttClient | undefined;

  constructor(options: CitySubscriberOptions) {
    this.#options = options;
    this.#prefix = options.prefix ?? "zhian/v1";
    this.#checker = new CityChecker(options);
  }

  /** Resolves when the subscription stands. From then on it reconnects by itself. Rejects where the broker refuses it. */
  async connect(): Promise<void> {
    const filter = `${this.#prefix}/#`;
    this.#client = await connectCity(this.#options, filter, (topic, payload, retained) =>
      this.#hear(topic, payload, retained),
    );
  }

  async close(): Promise<void> {
    await this.#client?.endAsync();
    this.#client = undefined;
  }

  /** 5 or 4 (3.1.1): what the broker offered. */
  get protocolVersion(): number | undefined {
    return this.#client?.options.protocolVersion;
  }

  get counters(): Readonly<CityChecker["counters"] & { malformed: number; active: number }> {
    return { ...this.#checker.counters, malformed: this.#malformedCount, active: this.#active.size };
  }

  /** Ranges that are due, were not heard and were not declared. Empty is what the gateway promises. */
  missing(): readonly PlacedRange[] {
    return this.#checker.missing();
  }

  /** The first thousand messages that came in the wrong order within their subject. */
  get disorder(): readonly Disorder[] {
    return this.#checker.disorder;
  }

  /** The first thousand messages that share an id or a place with another. */
  get conflicts(): CityChecker["conflicts"] {
    return this.#checker.conflicts;
  }

  lanes(): ReturnType<CityChecker["lanes"]> {
    return this.#checker.lanes();
  }

  /** The retained alarm states, by `{siteId}/{gatewayId}/{alarmId}`. */
  active(): ReadonlyMap<string, CityAlarm> {
    return this.#active;
  }

  /** Alarms of which table and steps disagree: open by one and not by the other. Empty once everything has arrived. */
  disagreements(): string[] {
    const both = new Set([...this.#active.keys(), ...this.#open.keys()]);
    return [...both].filter((key) => this.#active.has(key) !== this.#open.has(key));
  }

  /** Commands a gateway (`{siteId}/{gatewayId}`) and waits for its answer. Rejects when none comes. */
  async command(gateway: string, name: string, command: Record<string, unknown> = {}): Promise<Answer> {
    const client = this.#client;
    if (client === undefined) throw new Error("the city is not connected");
    const requestId = randomUUID();
    const responses = `${this.#prefix}/${gateway}/responses`;
    if (name === "replay-range") this.#expectReplay(gateway, command);
    const answered = new Promise<Answer>((resolve, reject) => {
      const withinMs = this.#options.answerWithinMs ?? 10_000;
      const timer = setTimeout(() => {
        this.#waiting.delete(requestId);
        reject(new Error(`${gateway} did not answer ${name} within ${withinMs} ms`));
      }, withinMs);
      this.#waiting.set(requestId, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
    const properties = { responseTopic: responses, correlationData: Buffer.from(requestId) };
    client.publish(
      `${this.#prefix}/${gateway}/commands/${name}`,
      JSON.stringify({ requestId, ...command }),
      { qos: 1, ...(client.options.protocolVersion === 5 ? { properties } : {}) },
      () => {},
    );
    return answered;
  }

  #expectReplay(gateway: string, { lane, epoch, from, to }: Record<string, unknown>): void {
    if (typeof lane !== "string" || typeof epoch !== "string") return;
    this.#checker.expectReplay({ gateway, lane, epoch, from: Number(from), to: Number(to) });
  }

  #hear(topic: string, payload: Uint8Array, retained: boolean): void {
    const [site, gatewayId, kind, ...rest] = topic.slice(this.#prefix.length + 1).split("/");
    if (site === undefined || gatewayId === undefined || kind === undefined || kind === "commands") return;
    const message = { gateway: `${site}/${gatewayId}`, kind, key: rest.join("/"), retained };
    const digest = this.#digest(message, topic, payload);
    this.#options.onMessage?.({ ...message, ...digest });
  }

  #digest(
    { gateway, kind, key }: { gateway: string; kind: string; key: string },
    topic: string,
    payload: Uint8Array,
  ): Pick<CityMessage, "envelope" | "fate" | "answer"> {
    if (kind === "responses") {
      const answer = parseAnswer(payload);
      if (answer === undefined) return this.#bad(topic, payload);
      this.#waiting.get(answer.requestId)?.(answer);
      this.#waiting.delete(answer.requestId);
      return { answer };
    }
    if (payload.length === 0) {
      if (kind === "active") this.#active.delete(`${gateway}/${key}`);
      return {};
    }
    const envelope = parseEnvelope(payload);
    if (envelope === undefined) return this.#bad(topic, payload);
    switch (kind) {
      case "alarms":
      case "events": {
        const place = placeOf(envelope);
        const alarm = kind === "alarms" ? alarmOf(envelope) : undefined;
        if (place?.lane !== kind || (kind === "alarms" && alarm === undefined)) return this.#bad(topic, payload);
        const fate = this.#checker.accept({ gateway, ...place, id: envelope.id });
        if (fate === "new" && alarm !== undefined) this.#follow(gateway, alarm);
        return { envelope, fate };
      }
      case "active": {
        const alarm = alarmOf(envelope);
        if (alarm === undefined) return this.#bad(topic, payload);
        this.#active.set(`${gateway}/${key}`, alarm);
        return { envelope };
      }
      case "gaps": {
        const gap = gapOf(envelope);
        if (gap === undefined) return this.#bad(topic, payload);
        this.#checker.declare({ gateway, ...gap });
        return { envelope };
      }
      case "gateway":
        for (const { lane, epoch, head } of headsOf(envelope)) this.#checker.expectHead({ gateway, lane, epoch }, head);
        return { envelope };
      default:
        return { envelope };
    }
  }

  #follow(gateway: string, alarm: CityAlarm): void {
    const key = `${gateway}/${alarm.alarmId ?? ""}`;
    if (alarm.state === "closed") this.#open.delete(key);
    else this.#open.set(key, alarm.state);
  }

  #bad(topic: string, payload: Uint8Array): Record<string, never> {
    this.#malformedCount += 1;
    if (this.malformed.length < 100)
      this.malformed.push({ topic, payload: Buffer.from(payload).toString().slice(0, 2000) });
    return {};
  }
}
