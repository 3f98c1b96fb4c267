import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Logs } from "../../gateway/log/open-logs.ts";
import type { NewObservation } from "../../gateway/ports/logs.ts";
import {
  alarmCursorName,
  alarmStep,
  denied,
  eventCursorName,
  openTestLogs,
  temperature,
  temporaryDir,
} from "../support/log-fixture.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** What one may do to the logs, in any order. */
type Act =
  | { readonly do: "append"; readonly keys: readonly (number | undefined)[]; readonly calls: number }
  | { readonly do: "throw away and append" }
  | { readonly do: "raise"; readonly alarm: number }
  | { readonly do: "fuse" }
  | { readonly do: "deliver"; readonly share: number }
  | { readonly do: "refuse" }
  | { readonly do: "trim" }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "set back"; readonly ms: number }
  | { readonly do: "restart" };

const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      keys: fc.array(fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }), { maxLength: 200, size: "max" }),
      calls: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "throw away and append" as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("raise" as const), alarm: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.constant({ do: "fuse" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("deliver" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "refuse" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "trim" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 3000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("set back" as const), ms: fc.integer({ min: 0, max: 10_000 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
);

/** Too small for what is appended, so that retention has to work. */
const budgetBytes = 200_000;

/** The logs beside the plainest thing that could be right: arrays and sets. */
class Model {
  readonly dir = temporaryDir();
  logs: Logs & { clock: ManualClock };
  /** Numbers by device and key. */
  readonly known = new Map<string, number>();
  readonly ids: string[] = [];
  readonly steps: string[] = [];
  readonly delivered = new Set<number>();
  readonly setAside = new Set<number>();
  #now = Date.parse("2026-11-24T00:00:00Z");

  constructor() {
    this.logs = this.#open();
  }

  #open(): Logs & { clock: ManualClock } {
    return openTestLogs(this.dir.path, { budgetBytes, clock: new ManualClock(this.#now), reserveBytes: 4096 });
  }

  async act(act: Act): Promise<void> {
    const { logs } = this;
    switch (act.do) {
      case "append":
        return this.#append(act.keys, act.calls);
      case "throw away and append": {
        const bad = denied(0, { body: { circular: undefined, big: 1n } } as never);
        const good = denied(1);
        const [refused, stored] = await Promise.allSettled([
          logs.observations.append([denied(2), bad]),
          logs.observations.append([good]),
        ]);
        expect([refused?.status, stored?.status]).toEqual(["rejected", "fulfilled"]);
        this.ids.push(good.id);
        return;
      }
      case "raise": {
        const id = `alarm-000${act.alarm}`;
        const place = this.steps.filter((step) => step.startsWith(id)).length + 1;
        logs.alarms.append([alarmStep(id, place % 3 === 0 ? "closed" : "updated", place)]);
        this.steps.push(`${id}-${place}`);
        return;
      }
      case "fuse":
        logs.alarms.append([], { cursor: logs.observations.head(), at: 0, states: [] });
        return;
      case "deliver":
        return this.#deliver(act.share);
      case "refuse":
        return this.#refuse();
      case "trim":
        for (let round = 0; round < 15; round += 1) logs.clock.advance(1000);
        return;
      case "pass":
        logs.clock.advance(act.ms);
        return;
      case "set back":
        this.#now = logs.clock.now() - act.ms;
        return this.#restart();
      case "restart":
        this.#now = logs.clock.now();
        return this.#restart();
    }
  }

  #restart(): void {
    const { epoch } = this.logs.observations;
    this.logs.close();
    this.logs = this.#open();
    expect(this.logs.damage).toBeUndefined();
    expect(this.logs.observations.epoch).toBe(epoch);
  }

  async #append(keys: readonly (number | undefined)[], calls: number): Promise<void> {
    const items = keys.map((key, i): NewObservation => {
      if (i % 4 === 3) return temperature(i);
      return denied(i, key === undefined ? {} : { dedupKey: String(key) }, `gate-${i % 2}`);
    });
    const size = Math.max(1, Math.ceil(items.length / calls));
    const batches = Array.from({ length: calls }, (_, i) => items.slice(i * size, (i + 1) * size));
    const appended = (await Promise.all(batches.map((batch) => this.logs.observations.append(batch)))).flat();
    for (const [i, item] of items.entries()) this.#expectAppended(item, appended[i]);
  }

  #expectAppended(item: NewObservation, got: { seq: number; duplicate: boolean } | undefined): void {
    const key = item.draft.dedupKey === undefined ? undefined : `${item.deviceId}/${item.draft.dedupKey}`;
    const before = key === undefined ? undefined : this.known.get(key);
    if (before !== undefined && got?.duplicate === true) {
      expect(got.seq).toBe(before);
      return;
    }
    // A record may be stored again when retention has forgotten it.
    if (before !== undefined) expect(this.logs.observations.read(before - 1, 1)[0]?.seq).not.toBe(before);
    this.ids.push(item.id);
    expect(got).toEqual({ seq: this.ids.length, duplicate: false });
    if (key !== undefined) this.known.set(key, this.ids.length);
  }

  #deliver(share: number): void {
    const { lanes, cursors } = this.logs;
    const waiting = lanes.events.read(cursors.get(eventCursorName), 10_000);
    const sent = waiting.slice(0, Math.floor(waiting.length * share));
    for (const { seq } of sent) if (!this.setAside.has(seq)) this.delivered.add(seq);
    const last = sent.at(-1);
    if (last !== undefined) cursors.set(eventCursorName, last.seq);
    cursors.set(alarmCursorName, lanes.alarms.head());
  }

  #refuse(): void {
    const { lanes, cursors, gaps } = this.logs;
    const entry = lanes.events.read(cursors.get(eventCursorName), 10).at(-1);
    if (entry === undefined) return;
    gaps.quarantine("events", entry, "refused");
    this.setAside.add(entry.seq);
  }

  /** The invariants, each found without the figures that it checks. */
  check(): void {
    const { observations, alarms, lanes, gaps, cursors } = this.logs;
    const rows = observations.read(0, 100_000);
    const there = new Set(rows.map((row) => row.seq));
    expect(observations.head()).toBe(this.ids.length);
    expect(rows.filter((row) => row.observation.id !== this.ids[row.seq - 1])).toEqual([]);
    expect(lanes.events.read(0, 100_000).map((entry) => entry.seq)).toEqual([...there]);
    expect(rows.filter((row, i) => row.at < (rows[i - 1]?.at ?? 0))).toEqual([]);

    const cursor = cursors.get(eventCursorName);
    const declared = gaps.read(0, 100_000).flatMap((gap) => {
      return Array.from({ length: gap.to - gap.from + 1 }, (_, i) => ({ seq: gap.from + i, reason: gap.reason }));
    });
    const evicted = declared.filter((gap) => gap.reason === "retention").map((gap) => gap.seq);
    expect(new Set(declared.map((gap) => gap.seq)).size).toBe(declared.length);
    expect(
      declared
        .filter((gap) => gap.reason === "poison")
        .map((gap) => gap.seq)
        .sort(),
    ).toEqual([...this.setAside].sort());
    const pending = [...there].filter((seq) => seq > cursor && !this.setAside.has(seq));
    const accounted = new Set([...there, ...this.delivered, ...this.setAside, ...evicted]);
    expect(accounted.size).toBe(this.ids.length);
    expect(evicted.filter((seq) => this.delivered.has(seq))).toEqual([]);
    expect(this.logs.ledger("events")).toEqual({
      accepted: this.ids.length,
      delivered: this.delivered.size,
      pending: pending.length,
      quarantined: this.setAside.size,
      evicted: evicted.length,
    });

    expect(alarms.read(0, 10_000).map((row) => row.transition.id)).toEqual(this.steps);
    expect(alarms.verify()).toMatchObject({ ok: true, rows: this.steps.length });
    const newest = new Map(this.steps.map((step) => [step.slice(0, 10), Number(step.slice(11))]));
    const openAlarms = [...newest].filter(([, place]) => place % 3 !== 0).map(([id]) => id);
    expect(
      alarms
        .openAlarms()
        .map((alarm) => alarm.id as string)
        .sort(),
    ).toEqual(openAlarms.sort());
  }

  end(): void {
    this.logs.close();
    this.dir.remove();
  }
}

describe("the logs, whatever is done to them", () => {
  test("numbers have no hole and keep their order, duplicates are known, every gap is declared, and the ledger adds up", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(acts, { minLength: 30, maxLength: 60, size: "max" }), async (sequence) => {
        const model = new Model();
        try {
          for (const act of sequence) {
            await model.act(act);
            model.check();
          }
        } finally {
          model.end();
        }
      }),
      { numRuns: process.env["ZHIAN_NIGHTLY"] === "1" ? 500 : 15, interruptAfterTimeLimit: 60_000 },
    );
  }, 120_000);
});
