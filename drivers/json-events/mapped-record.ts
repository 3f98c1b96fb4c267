import { createHash } from "node:crypto";
import type { Delivery } from "../../gateway/domain/observation.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { EventClock } from "./event-clock.ts";
import type { MappedCondition, MappedTime, Mapping } from "./mapping.ts";
import { at, type Pointer } from "./pointer.ts";
import { type ReadTime, timeReader } from "./times.ts";
import { asText, same } from "./values.ts";

/** Records of one message; more are a mistake of the sender. */
const mostRecords = 256;

/** What every record has, whatever it is about. */
export interface MappedCommon {
  readonly delivery: Delivery;
  readonly occurredAtMs?: number;
  readonly sourceRecordId?: string;
  readonly dedupKey?: string;
  readonly clockSkewMs?: number;
}

/** Reads the records of one device out of messages whose shape only the configuration knows. */
export class RecordReader {
  readonly #mapping: Mapping;
  readonly #clock: Clock;
  readonly #events: EventClock | undefined;
  readonly #read: ReadTime;

  /** `connected`: the sender has a connection, and only what comes right after its start can be old. */
  constructor(mapping: Mapping, clock: Clock, timeZone: string, connected: boolean) {
    this.#mapping = mapping;
    this.#clock = clock;
    this.#read = timeReader(timeZone);
    this.#events = connected ? new EventClock(clock, mapping.lateAfter ?? Number.POSITIVE_INFINITY) : undefined;
  }

  connected(): void {
    this.#events?.connected();
  }

  /** The records in a message; undefined where the list that should be there is none. */
  records(value: unknown): readonly unknown[] | undefined {
    if (this.#mapping.each === undefined) return [value];
    const list = at(value, this.#mapping.each);
    return Array.isArray(list) ? list.slice(0, mostRecords) : undefined;
  }

  /** Whose a record is: undefined where it does not say so at the place where it should. */
  own(record: unknown): boolean | undefined {
    const { device } = this.#mapping;
    if (device === undefined) return true;
    const found = at(record, device.at);
    return asText(found) === undefined ? undefined : isOneOf(found, device.is);
  }

  time(record: unknown, where: MappedTime | undefined): number | undefined {
    return where === undefined ? undefined : this.#read(at(record, where.at), where.format, this.#clock.wall());
  }

  common(record: unknown): MappedCommon {
    const { time, late, manual, record: recordAt } = this.#mapping;
    const timeMs = this.time(record, time);
    const judged = this.#judge(timeMs);
    const marked = holdsAll(record, manual) ? "manual" : holdsAll(record, late) ? "late" : judged.delivery;
    const recordId = recordAt === undefined ? undefined : asText(at(record, recordAt));
    const dedupKey = this.#key(record);
    // A marked record may be as old as it says, but not of tomorrow.
    const old = marked !== "live" && timeMs !== undefined && timeMs <= this.#clock.wall() + 60_000;
    return {
      ...judged,
      delivery: marked,
      ...(old ? { occurredAtMs: timeMs } : {}),
      ...(recordId === undefined ? {} : { sourceRecordId: recordId }),
      ...(dedupKey === undefined ? {} : { dedupKey }),
    };
  }

  #judge(timeMs: number | undefined): MappedCommon {
    if (this.#events !== undefined) return this.#events.judge(timeMs);
    const judged = new EventClock(this.#clock, Number.POSITIVE_INFINITY).judge(timeMs);
    const { lateAfter } = this.#mapping;
    if (timeMs === undefined || this.#clock.quality().state === "unsynchronised") return judged;
    const ageMs = this.#clock.wall() - timeMs;
    if (lateAfter !== undefined && ageMs > lateAfter) return { delivery: "late", occurredAtMs: timeMs };
    return { ...judged, clockSkewMs: -ageMs };
  }

  /** A hash, since what the installer names may hold what nobody has to read. Absent unless every place holds something. */
  #key(record: unknown): string | undefined {
    const { key } = this.#mapping;
    const parts = key.map((place) => asText(at(record, place)));
    if (parts.length === 0 || parts.includes(undefined)) return undefined;
    return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 27);
  }
}

/** False for a list that is not there. */
function holdsAll(record: unknown, conditions: readonly MappedCondition[] | undefined): boolean {
  return conditions?.every(({ at: place, is }) => isOneOf(at(record, place), is)) ?? false;
}

function isOneOf(found: unknown, expected: MappedCondition["is"]): boolean {
  return Array.isArray(expected) ? expected.some((each) => same(each, found)) : same(expected, found);
}

/** The first of the entries whose conditions all hold. */
export function firstThatHolds<E extends { readonly when: readonly MappedCondition[] }>(
  record: unknown,
  entries: readonly E[],
): E | undefined {
  return entries.find(({ when }) => holdsAll(record, when));
}

/** Text at a place, where there is one. */
export function textAt(record: unknown, place: Pointer | undefined): string | undefined {
  return place === undefined ? undefined : asText(at(record, place));
}

/** What stands at the places that the entries look at, for who has to add one. */
export function describeLooked(
  record: unknown,
  entries: readonly { readonly when: readonly MappedCondition[] }[],
): string {
  const places = new Map(entries.flatMap(({ when }) => when.map((each) => [each.at.join("/"), each.at] as const)));
  const shown = [...places.values()].slice(0, 8).map((place) => {
    const value = textAt(record, place);
    return `/${place.join("/")} is ${value === undefined ? "not there" : JSON.stringify(value.slice(0, 60))}`;
  });
  return shown.join(", ");
}
