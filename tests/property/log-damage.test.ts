import { closeSync, cpSync, openSync, readFileSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Observation } from "../../gateway/domain/observation.ts";
import { alarmStep, denied, eventCursorName, openTestLogs, temporaryDir } from "../support/log-fixture.ts";

const pageBytes = 4096;
const rows = 1500;

/** Where is given as a share of the file, so that the same damage fits any of them. */
type Damage =
  | { readonly do: "page"; readonly where: number; readonly fill: number }
  | { readonly do: "bit"; readonly where: number; readonly bit: number }
  | { readonly do: "noise"; readonly where: number; readonly bytes: Uint8Array }
  | { readonly do: "turned"; readonly where: number; readonly length: number }
  | { readonly do: "cut"; readonly where: number };

const where = fc.double({ min: 0, max: 0.999, noNaN: true });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("page" as const), where, fill: fc.constantFrom(0, 0xff, 0x5a) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("bit" as const), where, bit: fc.integer({ min: 0, max: 7 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("noise" as const),
      where,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 3000, size: "max" }),
    }),
  },
  // Turned bits leave the lengths of rows plausible, and their numbers anything.
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("turned" as const), where, length: fc.integer({ min: 1, max: 20_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), where }) },
);

function inflict(file: string, { where: share, ...what }: Damage): void {
  const { size } = statSync(file);
  const at = Math.floor(share * size);
  if (what.do === "cut") {
    truncateSync(file, at);
    return;
  }
  const page = Math.floor(at / pageBytes) * pageBytes;
  const [place, bytes] =
    what.do === "page"
      ? [page, Buffer.alloc(pageBytes, what.fill)]
      : what.do === "noise"
        ? [at, what.bytes]
        : what.do === "turned"
          ? [
              at,
              readFileSync(file)
                .subarray(at, at + what.length)
                .map((byte) => byte ^ 0xff),
            ]
          : [at, Buffer.from([(readFileSync(file)[at] ?? 0) ^ (1 << what.bit)])];
  const fd = openSync(file, "r+");
  writeSync(fd, bytes, 0, Math.min(bytes.length, size - place), place);
  closeSync(fd);
}

/** An observation but for its number, which a new epoch gives anew. */
function content({ seq: _, ...rest }: Observation): string {
  return JSON.stringify(rest);
}

describe("a log file that was damaged anywhere", () => {
  const original = temporaryDir();
  const recorded: string[] = [];
  let epoch = "";
  beforeAll(async () => {
    const logs = openTestLogs(original.path);
    epoch = logs.observations.epoch;
    await logs.observations.append(Array.from({ length: rows }, (_, n) => denied(n, { dedupKey: `record-${n}` })));
    for (let n = 1; n <= 40; n += 1) {
      logs.alarms.append([
        alarmStep(`alarm-${String(n % 20).padStart(3, "0")}`, n > 30 ? "closed" : "updated", Math.ceil(n / 20)),
      ]);
    }
    logs.alarms.append([], { cursor: rows, at: 1, states: [{ rule: "fire", key: "k", state: 1 }] });
    logs.cursors.set(eventCursorName, 1000);
    recorded.push(...logs.observations.read(0, rows).map((entry) => content(entry.observation)));
    logs.close();
  });
  afterAll(() => original.remove());

  test("the gateway starts, hands out nothing that was not written, keeps the order, and what it lost it says", async () => {
    const known = new Map(recorded.map((text, i) => [text, i + 1]));
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
        const dir = temporaryDir();
        cpSync(original.path, dir.path, { recursive: true });
        for (const one of damages) inflict(join(dir.path, "zhian.db"), one);
        const logs = openTestLogs(dir.path);
        try {
          const kept = logs.observations.read(0, rows + 1).map((entry) => known.get(content(entry.observation)));
          expect(kept).not.toContain(undefined);
          expect(kept).toEqual([...kept].sort((a, b) => Number(a) - Number(b)));
          expect(logs.observations.head()).toBe(kept.length);
          // Text that was changed into other text is for the chain to find; copied into a new file it is counted.
          if (logs.damage !== undefined) expect(logs.alarms.verify()).toMatchObject({ rows: logs.alarms.head() });
          const { accepted, delivered, pending, quarantined, evicted } = logs.ledger("events");
          expect(delivered + pending + quarantined + evicted).toBe(accepted);
          expect(Math.min(delivered, pending)).toBeGreaterThanOrEqual(0);

          const lost = recorded.map((_, i) => i + 1).filter((seq) => !kept.includes(seq));
          if (lost.length > 0) expect(logs.observations.epoch).not.toBe(epoch);
          expect(logs.damage?.lost.observations ?? 0).toBeGreaterThanOrEqual(lost.length);
          const declared = logs.gaps.read(0, 10_000).filter((gap) => gap.lane === "events" && gap.epoch === epoch);
          for (const seq of lost.filter((one) => one > 1000)) {
            expect(declared.some((gap) => gap.from <= seq && seq <= gap.to)).toBe(true);
          }
          await logs.observations.append([denied(9999)]);
          logs.alarms.append([alarmStep("alarm-new", "raised")]);
        } finally {
          logs.close();
        }
        const again = openTestLogs(dir.path);
        expect(again.damage).toBeUndefined();
        again.close();
        dir.remove();
      }),
      { numRuns: process.env["ZHIAN_NIGHTLY"] === "1" ? 1000 : 40, interruptAfterTimeLimit: 60_000 },
    );
  }, 180_000);
});
