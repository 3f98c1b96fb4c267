import { z } from "zod";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DriverContext } from "../../gateway/ports/driver.ts";
import { boxOf } from "../throw-view/fractions.ts";
import { throwDraft } from "../throw-view/throw-report.ts";
import { type ViewProfile, viewProfileSchema } from "../throw-view/view-profile.ts";
import {
  believedTime,
  type DeviceClock,
  type DeviceTime,
  judgeClock,
  judgeRecord,
  unknownClock,
} from "./device-clock.ts";
import { foldKeys, text } from "./fields.ts";
import { localTimeReader, type ReadTime } from "./local-time.ts";
import type { Scene } from "./options.ts";
import type { Fact, PushedRecord } from "./records.ts";

const statusSchema = z.preprocess(foldKeys, z.object({ time: text }));

/** Turns what one device says into observations, with what is known of its clock. The same for both transports. */
export class Recorder {
  readonly #context: DriverContext<unknown>;
  readonly #scene: Scene | undefined;
  readonly #view: ViewProfile | undefined;
  readonly #readTime: ReadTime;
  #clock: DeviceClock = unknownClock;

  /** Throws `PROFILE_INVALID` where the context has a profile that is no view of a camera. */
  constructor(context: DriverContext<unknown>, scene: Scene | undefined) {
    this.#context = context;
    this.#scene = scene;
    this.#view = viewOf(context.profile);
    this.#readTime = localTimeReader(context.timeZone);
  }

  /** Online and HeartBeat: the device lives, and this is what its clock reads now. */
  async status(info: unknown, reason: string): Promise<void> {
    const status = statusSchema.safeParse(info);
    const fault = this.measure(status.success ? status.data.time : undefined);
    if (fault === undefined) this.#context.filtered(reason);
    else await this.observe([fault]);
  }

  /** Judges the clock by what it reads now, tells its skew, and hands back a fault that has begun or ended. */
  measure(written: string | undefined): ObservationDraft | undefined {
    const time = this.#timeOf(written);
    const now = this.#now();
    const { clock, fault } = judgeClock(this.#clock, time, now);
    this.#clock = clock;
    this.#context.seen(typeof time === "number" && now !== undefined ? { clockSkewMs: time - now } : {});
    return fault;
  }

  /** Resolves when the record is durable. */
  async record(record: PushedRecord): Promise<void> {
    const drafts = this.#drafts(record);
    if (drafts.length > 0) return this.observe(drafts);
    this.#context.seen();
    this.#context.filtered("late-reading");
  }

  async observe(drafts: readonly ObservationDraft[]): Promise<void> {
    try {
      await this.#context.observe(drafts);
    } catch (cause) {
      // The fault may not have been stored: judge the clock anew, so that it is reported after all.
      this.#clock = unknownClock;
      throw cause;
    }
  }

  /** Epoch ms of a time as the device writes it. */
  read(written: string): number | undefined {
    return this.#readTime(written, this.#context.clock.wall());
  }

  #drafts(record: PushedRecord): ObservationDraft[] {
    const now = this.#now();
    const time = this.#timeOf(record.time);
    const { clock, delivery, fault } = judgeRecord(this.#clock, record.delivery, time, now);
    this.#clock = clock;
    const believed = (each: DeviceTime) => believedTime(clock, each, delivery, now);
    const occurredAtMs = believed(time);
    const drafts = record.facts.flatMap((fact, index): ObservationDraft[] => {
      const common: Common = {
        ...(occurredAtMs === undefined ? {} : { occurredAtMs }),
        ...(record.receipt === undefined ? {} : { sourceRecordId: record.receipt.id }),
        // One record may tell several facts, and each is to be stored once.
        ...(record.dedupKey === undefined ? {} : { dedupKey: record.dedupKey + (index === 0 ? "" : `|${fact.kind}`) }),
      };
      const draft = this.#draft(fact, delivery, common, (written) => believed(this.#timeOf(written)));
      return draft === undefined ? [] : [draft];
    });
    return fault === undefined ? drafts : [fault, ...drafts];
  }

  #draft(fact: Fact, delivery: Delivery, common: Common, believe: Believe): ObservationDraft | undefined {
    const frame = this.#scene === undefined ? {} : { frame: { ...this.#scene, unit: "px" as const } };
    switch (fact.kind) {
      case "access.granted":
      case "access.stranger":
        return { ...common, kind: fact.kind, body: { delivery, ...fact.passage } };
      case "access.denied":
        return { ...common, kind: fact.kind, body: { delivery, ...fact.passage, reason: fact.reason } };
      case "throw.detected": {
        const startedAtMs = believe(fact.startedAt);
        const endedAtMs = believe(fact.endedAt);
        const report = {
          ...common,
          ...frame,
          delivery,
          ...(startedAtMs === undefined ? {} : { startedAtMs }),
          ...(endedAtMs === undefined ? {} : { endedAtMs }),
          ...(fact.box === undefined ? {} : { box: fact.box }),
        };
        return throwDraft(report, this.#view);
      }
      case "fire.detected": {
        const { active, sensor, confidence, box } = fact;
        const seen = box === undefined ? undefined : boxOf({ box, ...frame });
        return {
          ...common,
          kind: fact.kind,
          body: {
            delivery,
            active,
            sensor,
            ...(confidence === undefined ? {} : { confidence }),
            ...(seen === undefined ? {} : { box: seen }),
          },
        };
      }
      // It is what something measures now: an old one would be taken for a jump.
      case "thermal.reading":
        return delivery === "live"
          ? { ...common, kind: fact.kind, body: { temperatureC: fact.temperatureC } }
          : undefined;
    }
  }

  /** Undefined while our own clock is known to be wrong. */
  #now(): number | undefined {
    const { clock } = this.#context;
    return clock.quality().state === "unsynchronised" ? undefined : clock.wall();
  }

  #timeOf(written: string | undefined): DeviceTime {
    return written === undefined ? undefined : (this.read(written) ?? "unreadable");
  }
}

type Common = Pick<ObservationDraft, "occurredAtMs" | "sourceRecordId" | "dedupKey">;
type Believe = (written: string | undefined) => number | undefined;

function viewOf(profile: unknown): ViewProfile | undefined {
  if (profile === undefined) return undefined;
  const parsed = viewProfileSchema.safeParse(profile);
  if (parsed.success) return parsed.data;
  throw new GatewayError("PROFILE_INVALID", "the profile is no view of a camera", { cause: parsed.error });
}
