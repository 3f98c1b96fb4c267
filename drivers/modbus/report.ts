import type { BodyOf, ObservationDraft } from "../../gateway/domain/observation.ts";
import { fireBits, type PanelEvent, stateBits } from "./register.ts";
import type { Values } from "./values.ts";

/** What a poll found out. */
export interface Poll {
  readonly values: Values;
  /** Names of the registers that were read. */
  readonly read: ReadonlySet<string>;
  /** What the device refused to be asked; "" when it refused nothing; absent when that is not known. */
  readonly refused?: string;
}

export interface ReportRules {
  readonly temperature: number;
  readonly pressure: number;
  readonly everyMs: number;
}

type Reading = BodyOf<"thermal.reading">;
type State = BodyOf<"extinguisher.state">;

/** What was reported, and what has to be. */
export interface Memory {
  /** The newest reading that is durable; log time ms. */
  readonly reading?: Reading & { readonly at: number };
  readonly bits: ReadonlyMap<string, boolean>;
  /** Of a panel's points, as last seen. It outlives a silence: a panel of hundreds is not told anew for each. */
  readonly points: ReadonlyMap<string, PanelEvent>;
  readonly invalid: ReadonlyMap<string, string>;
  readonly state?: State;
  /** By code: what makes it active, "" when it is not. */
  readonly faults: ReadonlyMap<string, string>;
  /** Changes of state and of faults that are not durable yet, oldest first. */
  readonly edges: readonly ObservationDraft[];
}

export const nothingReported: Memory = {
  bits: new Map(),
  points: new Map(),
  invalid: new Map(),
  faults: new Map(),
  edges: [],
};

/** Changes kept while the log refuses, and one for each point of a panel; at the bound the oldest goes that is no danger. */
const edgeBound = 16;
/** A change of just the dead band counts, whatever binary fractions make of it. */
const hair = 1e-9;

/** Adds a poll to the memory: its edges, and the reading to report with them, where there is one to report. */
export function remember(
  memory: Memory,
  poll: Poll,
  rules: ReportRules,
  at: number,
): { memory: Memory; reading?: Reading } {
  const bits = new Map([...memory.bits, ...poll.values.bits]);
  const invalid = new Map(
    [...memory.invalid].filter(([name]) => !poll.read.has(name)).concat([...poll.values.invalid]),
  );
  const edges = [...memory.edges];

  const state = stateOf(bits) ?? memory.state;
  const changed = state !== undefined && !sameState(state, memory.state);
  if (changed) edges.push({ kind: "extinguisher.state", body: state });
  edges.push(...newsOf(memory, poll.values, state !== undefined));

  const faults = new Map(memory.faults);
  const level = (code: string, cause: string, detail: string): void => {
    if (faults.get(code) === cause) return;
    faults.set(code, cause);
    const active = cause !== "";
    edges.push({ kind: "device.fault", body: { code, active, ...(active && detail !== "" ? { detail } : {}) } });
  };
  const reading = readingOf(poll.values);
  const judged = reading !== undefined || poll.values.points.size > 0 || poll.values.invalid.size > 0;
  if (judged || [...memory.invalid.keys()].some((name) => poll.read.has(name)))
    level("sensor-invalid", [...invalid.keys()].sort().join(), [...invalid.values()].join("; "));
  if (poll.refused !== undefined) level("modbus-exception", poll.refused, poll.refused);
  for (const [name, set] of poll.values.bits)
    if (!stateBits.includes(name) && !fireBits.has(name)) level(kebab(name), set ? name : "", "");

  const known = withoutInvalid(memory.reading, invalid);
  const points = new Map([...memory.points, ...poll.values.points]);
  const next = { ...memory, bits, points, invalid, faults, edges };
  return {
    memory: { ...withoutReading(next), ...(known === undefined ? {} : { reading: known }), ...(state && { state }) },
    ...(reading !== undefined && (changed || worthReporting(reading, known, rules, at)) ? { reading } : {}),
  };
}

/** All of it is durable. */
export function stored(memory: Memory, reading: Reading | undefined, at: number): Memory {
  const newest = reading === undefined ? memory.reading : { ...memory.reading, ...reading, at };
  return { ...memory, ...(newest === undefined ? {} : { reading: newest }), edges: [] };
}

/** Nothing of it is durable: the edges wait, with the time at which they were seen (wall clock ms). */
export function refused(memory: Memory, seenAtMs: number): Memory {
  const edges = memory.edges.map((edge) => ({ occurredAtMs: seenAtMs, ...edge }));
  while (edges.length > edgeBound + memory.points.size) {
    const spare = edges.findIndex((edge) => !isDanger(edge));
    edges.splice(spare === -1 ? 1 : spare, 1);
  }
  return { ...memory, edges };
}

/** The device is gone: what it says when it comes back is news, changed or not. */
export function forgotten(memory: Memory): Memory {
  const { reading: _reading, state: _state, ...rest } = memory;
  return { ...rest, bits: new Map() };
}

/** What detectors and panels say that is new, dangers first; and the tamper contact of what is no extinguisher. */
function newsOf(memory: Memory, values: Values, extinguisher: boolean): ObservationDraft[] {
  const news: ObservationDraft[] = [];
  for (const [name, active] of values.bits) {
    if (memory.bits.get(name) === active) continue;
    const sensor = fireBits.get(name);
    if (sensor !== undefined) news.push({ kind: "fire.detected", body: { delivery: "live", active, sensor } });
    else if (name === "tamper" && !extinguisher) news.push({ kind: "device.tamper", body: { active } });
  }
  for (const [point, event] of values.points)
    if (memory.points.get(point) !== event) news.push({ kind: "panel.event", body: { event, point } });
  return [...news.filter(isDanger), ...news.filter((each) => !isDanger(each))];
}

function isDanger(edge: ObservationDraft): boolean {
  if (edge.kind === "extinguisher.state") return edge.body.discharged;
  if (edge.kind === "fire.detected") return edge.body.active;
  return edge.kind === "panel.event" && (edge.body.event === "fire" || edge.body.event === "pre-alarm");
}

function stateOf(bits: ReadonlyMap<string, boolean>): State | undefined {
  if (!bits.has("discharged") && !bits.has("lowPressure")) return undefined;
  const is = (name: string) => bits.get(name) ?? false;
  return { discharged: is("discharged"), lowPressure: is("lowPressure"), tamper: is("tamper") };
}

function sameState(a: State, b: State | undefined): boolean {
  return a.discharged === b?.discharged && a.lowPressure === b.lowPressure && a.tamper === b.tamper;
}

function readingOf({ temperatureC, pressureMpa }: Values): Reading | undefined {
  if (temperatureC === undefined && pressureMpa === undefined) return undefined;
  return {
    ...(temperatureC === undefined ? {} : { temperatureC }),
    ...(pressureMpa === undefined ? {} : { pressureMpa }),
  };
}

function worthReporting(reading: Reading, known: Memory["reading"], rules: ReportRules, at: number): boolean {
  const moved = (now: number | undefined, before: number | undefined, by: number) =>
    now !== undefined && (before === undefined || (now !== before && Math.abs(now - before) >= by - hair));
  return (
    moved(reading.temperatureC, known?.temperatureC, rules.temperature) ||
    moved(reading.pressureMpa, known?.pressureMpa, rules.pressure) ||
    known === undefined ||
    at - known.at >= rules.everyMs
  );
}

/** A value that became impossible is reported again as soon as it is possible. */
function withoutInvalid(reading: Memory["reading"], invalid: ReadonlyMap<string, string>): Memory["reading"] {
  if (reading === undefined) return undefined;
  const { temperatureC, pressureMpa, at } = reading;
  return {
    at,
    ...(temperatureC === undefined || invalid.has("temperature") ? {} : { temperatureC }),
    ...(pressureMpa === undefined || invalid.has("pressure") ? {} : { pressureMpa }),
  };
}

function withoutReading({ reading: _, ...rest }: Memory): Omit<Memory, "reading"> {
  return rest;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
