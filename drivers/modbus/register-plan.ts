import { durationMs } from "./duration.ts";
import type { Profile } from "./profile.ts";
import { bearsAlarm, type Register, sizeOf } from "./register.ts";

/** One request of a poll. */
export interface Batch {
  readonly function: Register["function"];
  readonly address: number;
  readonly count: number;
  readonly everyMs: number;
  /** Something in it raises alarms. */
  readonly alarm: boolean;
}

/** MODBUS application protocol V1.1b3, §6.1 and §6.3. */
const mostBits = 2000;
const mostRegisters = 125;
/** What raises no alarm is asked for so much less often. */
const seldom = 5;
const longestMs = 60_000;
/**
 * What need not be asked so often rides along up to this many registers: a request of its own costs the line 13 bytes and
 * two silences, as much as ten registers.
 */
const rideAlong = 8;

/**
 * The fewest requests that read all registers, those first that raise alarms: neighbours of one function in one, across
 * gaps up to `maxGap`.
 */
export function planOf(profile: Pick<Profile, "registers" | "maxGap" | "pollEvery">): readonly Batch[] {
  const batches: Batch[] = [];
  const spans = profile.registers.flatMap((register) => spansOf(register, durationMs(profile.pollEvery)));
  for (const span of spans.sort((a, b) => a.function - b.function || a.address - b.address)) {
    const last = batches.at(-1);
    if (last !== undefined && joins(last, span, profile.maxGap)) {
      const count = Math.max(last.count, span.address + span.count - last.address);
      const everyMs = Math.min(last.everyMs, span.everyMs);
      batches[batches.length - 1] = { ...last, count, everyMs, alarm: last.alarm || span.alarm };
    } else batches.push(span);
  }
  return [...batches.filter(({ alarm }) => alarm), ...batches.filter(({ alarm }) => !alarm)];
}

/** The register, and those that say how it is to be read. */
function spansOf(register: Register, pollEveryMs: number): Batch[] {
  const { function: fn, address, decimalsAt, offsetAt, unitAt } = register;
  const alarm = bearsAlarm(register);
  const otherwise = alarm ? pollEveryMs : Math.min(longestMs, seldom * pollEveryMs);
  const everyMs = register.every === undefined ? otherwise : durationMs(register.every);
  const settings = [decimalsAt, offsetAt, unitAt?.address].filter((each) => each !== undefined);
  return [
    ...pieces({ function: fn, address, count: sizeOf(register), everyMs, alarm }),
    ...settings.map((each): Batch => ({ function: fn, address: each, count: 1, everyMs: longestMs, alarm: false })),
  ];
}

/** More than one answer can carry, as of a large panel, in several. */
function pieces(span: Batch): Batch[] {
  const most = mostOf(span);
  const from = Array.from({ length: Math.ceil(span.count / most) }, (_, i) => i * most);
  return from.map((at) => ({ ...span, address: span.address + at, count: Math.min(most, span.count - at) }));
}

function joins(last: Batch, span: Batch, maxGap: number): boolean {
  const end = Math.max(last.address + last.count, span.address + span.count);
  const slower = last.everyMs > span.everyMs ? last : span;
  return (
    last.function === span.function &&
    span.address - (last.address + last.count) <= maxGap &&
    end - last.address <= mostOf(span) &&
    (last.everyMs === span.everyMs || slower.count <= rideAlong)
  );
}

function mostOf({ function: fn }: Batch): number {
  return fn <= 2 ? mostBits : mostRegisters;
}
