import type { Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DriverContext } from "../../gateway/ports/driver.ts";
import {
  believedTime,
  type DeviceClock,
  type DeviceTime,
  judgeClock,
  judgeRecord,
  unknownClock,
} from "../facesluice/device-clock.ts";
import { localTimeReader, type ReadTime } from "../facesluice/local-time.ts";

export interface TimedRecord {
  readonly delivery: Delivery;
  readonly occurredAtMs?: number;
  /** What the record shows about the device's clock: stored before it. */
  readonly faults: readonly ObservationDraft[];
}

type Needs = Pick<DriverContext<unknown>, "clock" | "timeZone" | "seen">;

/** Before this no such device was made: 1970 is what some firmware writes into its events though its clock is right. */
const unsetBeforeMs = Date.UTC(2015, 0, 1);

/** A device's clock as its messages show it, and what to believe of their times. */
export class RecordClock {
  readonly #needs: Needs;
  readonly #read: ReadTime;
  #clock: DeviceClock = unknownClock;

  constructor(needs: Needs) {
    this.#needs = needs;
    this.#read = localTimeReader(needs.timeZone);
  }

  /** A message that says nothing but what the clock reads now. Tells the sign of life, and gives what there is to observe. */
  heartbeat(written: string | undefined): readonly ObservationDraft[] {
    const now = this.#now();
    const time = this.#timeOf(written);
    const { clock, fault } = judgeClock(this.#clock, time, now);
    this.#clock = clock;
    this.#seen(time, now);
    return fault === undefined ? [] : [fault];
  }

  /** `said`: what the device says of the delivery. A record that it calls current shows its clock as well. */
  record(said: Delivery | undefined, written: string | undefined): TimedRecord {
    const now = this.#now();
    let time = this.#timeOf(written);
    const unset = typeof time === "number" && time < unsetBeforeMs;
    if (unset && this.#clock.measured && this.#clock.state === "right") time = undefined;
    const judged = judgeRecord(this.#clock, said, time, now);
    this.#clock = judged.clock;
    const { delivery, fault } = judged;
    if (said === "live" && delivery === "live") this.#seen(time, now);
    const occurredAtMs = believedTime(this.#clock, time, delivery, now);
    return {
      delivery,
      faults: fault === undefined ? [] : [fault],
      ...(occurredAtMs === undefined ? {} : { occurredAtMs }),
    };
  }

  /** A time beside the record's own; undefined where it cannot be believed. */
  believed(written: string | undefined, delivery: Delivery): number | undefined {
    return believedTime(this.#clock, this.#timeOf(written), delivery, this.#now());
  }

  /** Epoch ms as written, whether believed or not: for keys. */
  instant(written: string | undefined): number | undefined {
    const time = this.#timeOf(written);
    return typeof time === "number" ? time : undefined;
  }

  /** Where the log refuses what was found about the clock, the result takes it back, so that it is found again. */
  mark(): () => void {
    const before = this.#clock;
    return () => {
      this.#clock = before;
    };
  }

  #seen(time: DeviceTime, now: number | undefined): void {
    const known = typeof time === "number" && now !== undefined;
    this.#needs.seen(known ? { clockSkewMs: time - now } : {});
  }

  #timeOf(written: string | undefined): DeviceTime {
    if (written === undefined) return undefined;
    // The guide's own example has no seconds: 2009-11-14T15:27Z.
    const whole = written.replace(/^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(?=$|Z|[+-])/, "$1:00");
    return this.#read(whole, this.#needs.clock.wall()) ?? "unreadable";
  }

  /** Undefined while our own clock is known to be wrong. */
  #now(): number | undefined {
    const { clock } = this.#needs;
    return clock.quality().state === "unsynchronised" ? undefined : clock.wall();
  }
}
