import fc from "fast-check";
import {
  type Act,
  type Asked,
  bitsReply,
  damaged,
  exceptionReply,
  frame,
  registersReply,
  type Script,
} from "./modbus-frames.ts";

/** What a slave, an adapter or the line may do to one request. */
export type Conduct =
  | { readonly kind: "good" }
  | { readonly kind: "silent" }
  | { readonly kind: "late"; readonly afterMs: number }
  | { readonly kind: "wrong-unit" }
  | { readonly kind: "wrong-function" }
  | { readonly kind: "wrong-length"; readonly by: number }
  | { readonly kind: "cut"; readonly to: number }
  | { readonly kind: "byte-by-byte"; readonly gapMs: number }
  | { readonly kind: "noise-before"; readonly noise: Uint8Array }
  | { readonly kind: "noise-after"; readonly noise: Uint8Array; readonly afterMs: number }
  | { readonly kind: "damaged"; readonly bit: number }
  | { readonly kind: "exception"; readonly code: number }
  | { readonly kind: "twice"; readonly afterMs: number };

const noise = fc.uint8Array({ minLength: 1, maxLength: 12 });

/** @param lateMs the longest delay of an answer; @param twiceMs the longest delay of its repetition */
export function conducts(lateMs: number, twiceMs: number): fc.Arbitrary<Conduct> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant<Conduct>({ kind: "good" }) },
    { weight: 1, arbitrary: fc.constant<Conduct>({ kind: "silent" }) },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("late" as const), afterMs: fc.integer({ min: 0, max: lateMs }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("twice" as const), afterMs: fc.integer({ min: 0, max: twiceMs }) }),
    },
    fc.constant<Conduct>({ kind: "wrong-unit" }),
    fc.constant<Conduct>({ kind: "wrong-function" }),
    fc.record({ kind: fc.constant("wrong-length" as const), by: fc.constantFrom(-2, -1, 1, 2) }),
    fc.record({ kind: fc.constant("cut" as const), to: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant("byte-by-byte" as const), gapMs: fc.integer({ min: 0, max: 6 }) }),
    fc.record({ kind: fc.constant("noise-before" as const), noise }),
    fc.record({ kind: fc.constant("noise-after" as const), noise, afterMs: fc.integer({ min: 0, max: 30 }) }),
    fc.record({ kind: fc.constant("damaged" as const), bit: fc.integer({ min: 0, max: 100 }) }),
    fc.record({ kind: fc.constant("exception" as const), code: fc.integer({ min: 1, max: 11 }) }),
  );
}

/**
 * What register or bit `address` of a slave holds when it is asked for the `nth` time by the line: another value for
 * each unit, function, address and request, so that it says where it comes from.
 */
export function valueAt(
  { unit, function: fn }: Pick<Asked, "unit" | "function">,
  address: number,
  nth: number,
): number {
  let mix =
    Math.imul(unit, 0x9e3779b1) ^
    Math.imul(fn, 0x85ebca6b) ^
    Math.imul(address, 0xc2b2ae35) ^
    Math.imul(nth, 0x27d4eb2f);
  mix = Math.imul(mix ^ (mix >>> 15), 0x2c1b3c6d);
  mix = (mix ^ (mix >>> 13)) >>> 0;
  return fn <= 2 ? (mix >> 7) & 1 : mix & 0xffff;
}

/** All that a right answer to the `nth` request says. */
export function valuesOf(asked: Asked, nth: number): number[] {
  return Array.from({ length: asked.count }, (_, i) => valueAt(asked, asked.address + i, nth));
}

/** Slaves that follow the list, request by request, and are good when it has come to its end. */
export function unruly(list: readonly Conduct[]): Script {
  let nth = 0;
  return (asked) => {
    const conduct = list[nth];
    return acts(asked, nth++, conduct ?? { kind: "good" });
  };
}

function acts(asked: Asked, nth: number, conduct: Conduct): readonly Act[] {
  const reply = replyOf(asked, asked.count, nth);
  switch (conduct.kind) {
    case "good":
      return [{ bytes: reply }];
    case "silent":
      return [];
    case "late":
      return [{ afterMs: conduct.afterMs, bytes: reply }];
    case "wrong-unit":
      return [{ bytes: replyOf({ ...asked, unit: (asked.unit % 3) + 1 }, asked.count, nth) }];
    case "wrong-function":
      return [{ bytes: replyOf({ ...asked, function: (asked.function % 4) + 1 }, asked.count, nth) }];
    case "wrong-length":
      return [{ bytes: replyOf(asked, otherCount(asked, conduct.by), nth) }];
    case "cut":
      return [{ bytes: reply.subarray(0, conduct.to) }];
    case "byte-by-byte":
      return [...reply].map((byte) => ({ afterMs: conduct.gapMs, bytes: Uint8Array.of(byte) }));
    case "noise-before":
      return [{ bytes: conduct.noise }, { bytes: reply }];
    case "noise-after":
      return [{ bytes: reply }, { afterMs: conduct.afterMs, bytes: conduct.noise }];
    case "damaged":
      return [{ bytes: damaged(reply, conduct.bit) }];
    case "exception":
      return [{ bytes: exceptionReply(asked, conduct.code) }];
    case "twice":
      return [{ bytes: reply }, { afterMs: conduct.afterMs, bytes: reply }];
  }
}

/** A count whose answer has another number of bytes: bits come by eights. */
function otherCount(asked: Asked, by: number): number {
  if (asked.function <= 2) return asked.count + 8 * Math.abs(by);
  return asked.count + by < 1 ? asked.count + 1 : asked.count + by;
}

function replyOf(asked: Asked, count: number, nth: number): Uint8Array {
  const values = valuesOf({ ...asked, count }, nth);
  if (asked.function > 4) return frame(asked.unit, asked.function, [values.length]);
  return asked.function <= 2
    ? bitsReply(
        asked,
        values.map((value) => value === 1),
      )
    : registersReply(asked, values);
}

/**
 * Slaves that answer each in its own order, each answer up to `lateMs` after the request or after the answer before it:
 * later than any bound that the master was told.
 */
export function slow(delaysMs: readonly number[], now: () => number): Script {
  const busyUntil = new Map<number, number>();
  let nth = 0;
  return (asked) => {
    const delay = delaysMs[nth] ?? 0;
    const start = Math.max(now(), busyUntil.get(asked.unit) ?? 0) + delay;
    const bytes = replyOf(asked, asked.count, nth++);
    busyUntil.set(asked.unit, start + 50);
    return [{ afterMs: start - now(), bytes }];
  };
}
