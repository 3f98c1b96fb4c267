import { z } from "zod";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceMqtt, DeviceSession, DriverContext, MqttMessage } from "../../gateway/ports/driver.ts";
import {
  believedTime,
  type DeviceClock,
  type DeviceTime,
  judgeClock,
  judgeRecord,
  unknownClock,
} from "./device-clock.ts";
import { type Envelope, openEnvelope } from "./envelope.ts";
import { text } from "./fields.ts";
import { localTimeReader, type ReadTime } from "./local-time.ts";
import type { FaceSluiceOptions } from "./options.ts";
import {
  type Decoded,
  decodeParabolicSnapPush,
  decodeRecPush,
  decodeStrSnapPush,
  type PushedRecord,
  type PushReceipt,
  receiptOfAnyPush,
} from "./records.ts";
import { onlineAck, pushAck } from "./replies.ts";

/**
 * One device that speaks the dialect over the embedded broker, of whatever family: a terminal may report a throw and a camera
 * a stranger. Every message ends as exactly one of observed, filtered or rejected. A connection that ends without a word is not
 * told here: whoever owns the connections gives the device time to come back.
 */
export function openFaceSluice(context: DriverContext<FaceSluiceOptions>): DeviceSession {
  const { mqtt, signal } = context;
  if (mqtt === undefined) throw new TypeError("facesluice-mqtt was opened without the embedded broker");
  const conversation = new Conversation(context, mqtt);
  mqtt.serve((message) => conversation.handle(message));
  const done = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return { done };
}

const statusSchema = z.object({ time: text });

class Conversation {
  readonly #context: DriverContext<FaceSluiceOptions>;
  readonly #mqtt: DeviceMqtt;
  readonly #topics: ReadonlySet<string>;
  readonly #readTime: ReadTime;
  #clock: DeviceClock = unknownClock;
  #replies = 0;

  constructor(context: DriverContext<FaceSluiceOptions>, mqtt: DeviceMqtt) {
    this.#context = context;
    this.#mqtt = mqtt;
    this.#topics = new Set(Object.values(context.options.topics));
    this.#readTime = localTimeReader(context.timeZone);
  }

  async handle(message: MqttMessage): Promise<void> {
    if (this.#context.signal.aborted) throw new GatewayError("LOG_CLOSED", "the session of this device has ended");
    if (!this.#topics.has(message.topic)) {
      return this.#reject(message, "wrong-topic", "not a topic on which this device may speak");
    }
    const opened = openEnvelope(message.payload);
    if (!opened.ok) {
      if (message.will) this.#context.gone("last-will");
      return this.#reject(message, opened.reason, opened.detail);
    }
    const { envelope } = opened;
    const { ownIds } = this.#context.options;
    const foreign = envelope.deviceIds.find((each) => !ownIds.includes(each));
    if (foreign !== undefined) {
      return this.#reject(message, "foreign-id", `the payload names ${foreign}, expected ${ownIds.join(" or ")}`);
    }
    // Stored by the broker at CONNECT: whatever it says, it is no news but that the client is gone.
    if (message.will) {
      this.#context.gone("last-will");
      return this.#context.filtered("last-will");
    }
    return this.#dispatch(message, envelope);
  }

  #dispatch(message: MqttMessage, envelope: Envelope): Promise<void> | void {
    const { operator, info } = envelope;
    switch (operator) {
      case "Online":
        this.#send(onlineAck(this.#messageId(envelope), this.#context.options.deviceId));
        return this.#status(info, "online");
      case "HeartBeat":
      case "Heartbeat":
      // The construction-site variant calls its heartbeat so.
      case "Basic":
        return this.#status(info, "heartbeat");
      case "Offline":
        this.#context.gone("said-so");
        return this.#context.filtered("offline");
      case "RecPush":
        return this.#push(
          message,
          envelope,
          decodeRecPush(info, (personId) => this.#context.pseudonym(personId)),
        );
      case "StrSnapPush":
        return this.#push(message, envelope, decodeStrSnapPush(info));
      case "ParabolicSnapPush":
        return this.#push(message, envelope, decodeParabolicSnapPush(info));
      default:
        return operator.endsWith("-Ack") ? this.#filter("reply") : this.#unknown(message, envelope);
    }
  }

  /** Online and HeartBeat say that the device lives and what its clock reads now. */
  async #status(info: unknown, reason: string): Promise<void> {
    const status = statusSchema.safeParse(info);
    const time = this.#timeOf(status.success ? status.data.time : undefined);
    const now = this.#now();
    const { clock, fault } = judgeClock(this.#clock, time, now);
    this.#clock = clock;
    this.#context.seen(typeof time === "number" && now !== undefined ? { clockSkewMs: time - now } : {});
    if (fault === undefined) this.#context.filtered(reason);
    else await this.#observe([fault]);
  }

  async #push(message: MqttMessage, envelope: Envelope, decoded: Decoded): Promise<void> {
    switch (decoded.kind) {
      case "record":
        await this.#observe(this.#drafts(decoded.record));
        return this.#acknowledge(envelope, decoded.record.receipt);
      case "filtered":
        this.#filter(decoded.reason);
        return this.#acknowledge(envelope, decoded.receipt);
      case "rejected":
        this.#reject(message, decoded.reason, decoded.detail);
        return this.#acknowledge(envelope, decoded.receipt);
    }
  }

  #unknown(message: MqttMessage, envelope: Envelope): void {
    const { operator, info } = envelope;
    const shown = /^[A-Za-z0-9-]{1,40}$/.test(operator) ? operator : "no name of an operator";
    this.#reject(message, "unknown-operator", `found ${shown}`);
    this.#acknowledge(envelope, receiptOfAnyPush(operator, info));
  }

  #drafts(record: PushedRecord): ObservationDraft[] {
    const now = this.#now();
    const time = this.#timeOf(record.time);
    const { clock, delivery, fault } = judgeRecord(this.#clock, record.delivery, time, now);
    this.#clock = clock;
    const believed = (each: DeviceTime) => believedTime(clock, each, delivery, now);
    const occurredAtMs = believed(time);
    const common = {
      ...(occurredAtMs === undefined ? {} : { occurredAtMs }),
      ...(record.receipt === undefined ? {} : { sourceRecordId: record.receipt.id }),
      ...(record.dedupKey === undefined ? {} : { dedupKey: record.dedupKey }),
    };
    const draft = draftOf(record.fact, delivery, common, (written) => believed(this.#timeOf(written)));
    return fault === undefined ? [draft] : [fault, draft];
  }

  async #observe(drafts: readonly ObservationDraft[]): Promise<void> {
    try {
      await this.#context.observe(drafts);
    } catch (cause) {
      // The fault may not have been stored: judge the clock anew, so that it is reported after all.
      this.#clock = unknownClock;
      throw cause;
    }
  }

  #acknowledge(envelope: Envelope, receipt: PushReceipt | undefined): void {
    if (receipt !== undefined) this.#send(pushAck(this.#messageId(envelope), receipt));
  }

  #messageId(envelope: Envelope): string {
    this.#replies += 1;
    return envelope.messageId ?? String(this.#replies);
  }

  #send(payload: string): void {
    this.#mqtt.publish(this.#context.options.topics.command, payload);
  }

  #filter(reason: string): void {
    this.#context.seen();
    this.#context.filtered(reason);
  }

  #reject(message: MqttMessage, reason: string, detail: string): void {
    this.#context.reject({ reason, detail, source: message.topic, bytes: message.payload.byteLength });
  }

  /** Undefined while our own clock is known to be wrong. */
  #now(): number | undefined {
    const { clock } = this.#context;
    return clock.quality().state === "unsynchronised" ? undefined : clock.wall();
  }

  #timeOf(written: string | undefined): DeviceTime {
    if (written === undefined) return undefined;
    return this.#readTime(written, this.#context.clock.wall()) ?? "unreadable";
  }
}

type Believe = (written: string | undefined) => number | undefined;

function draftOf(fact: PushedRecord["fact"], delivery: Delivery, common: object, believe: Believe): ObservationDraft {
  switch (fact.kind) {
    case "access.granted":
    case "access.stranger":
      return { ...common, kind: fact.kind, body: { delivery, ...fact.passage } };
    case "access.denied":
      return { ...common, kind: fact.kind, body: { delivery, ...fact.passage, reason: fact.reason } };
    case "throw.detected": {
      const started = believe(fact.startedAt);
      const ended = believe(fact.endedAt);
      return {
        ...common,
        kind: fact.kind,
        body: {
          delivery,
          ...(started === undefined ? {} : { startedAt: new Date(started).toISOString() }),
          ...(ended === undefined ? {} : { endedAt: new Date(ended).toISOString() }),
        },
      };
    }
  }
}
