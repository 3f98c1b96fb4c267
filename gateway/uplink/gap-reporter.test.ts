import { beforeEach, expect, test } from "vitest";
import { validateAgainstSchemas } from "../../tests/support/contract.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { quietLogger } from "../../tests/support/quiet.ts";
import { MemoryCursors, MemoryGaps } from "../../tests/support/uplink/memory-city-sources.ts";
import { GapReporter, gapCursor } from "./gap-reporter.ts";

const origin = { source: "/x", siteId: "jinshuiwan", gatewayId: "gw-01" };
const clock = new ManualClock();
const link = { wake: () => {} };
let gaps: MemoryGaps;
let cursors: MemoryCursors;
let reporter: GapReporter;

beforeEach(() => {
  gaps = new MemoryGaps();
  cursors = new MemoryCursors();
  reporter = new GapReporter({ gaps, cursors, clock, logger: quietLogger, origin, topic: "x/gaps" });
});

test("every declared gap is told once, in order, and counts as told only when it is acknowledged", () => {
  gaps.declare("events", 5, 90, "retention");
  gaps.declare("alarms", 7, 7, "poison");
  reporter.attach(link);
  const first = reporter.next();
  validateAgainstSchemas("x/gaps", first?.payload ?? "");
  expect(JSON.parse(first?.payload ?? "").data).toMatchObject({ lane: "events", from: 5, to: 90, reason: "retention" });
  expect(reporter.next()).toBeUndefined();
  reporter.detach();
  first?.settle({ kind: "accepted", heard: true });
  expect(cursors.get(gapCursor)).toBe(0);

  reporter.attach(link);
  const again = reporter.next();
  expect(again?.payload).toBe(first?.payload);
  again?.settle({ kind: "accepted", heard: true });
  const second = reporter.next();
  expect(JSON.parse(second?.payload ?? "").data).toMatchObject({ lane: "alarms", from: 7, to: 7 });
  second?.settle({ kind: "accepted", heard: true });
  expect(reporter.next()).toBeUndefined();
  expect(cursors.get(gapCursor)).toBe(2);
});

test("what retention declares without a word is found within half a minute", () => {
  reporter.attach(link);
  expect(reporter.next()).toBeUndefined();
  gaps.declare("events", 1, 2, "retention");
  expect(reporter.next()).toBeUndefined();
  clock.advance(30_000);
  expect(reporter.next()).toBeDefined();
});

test("a refusal does not lose it: it is told again with the next look", () => {
  gaps.declare("events", 1, 2, "retention");
  reporter.attach(link);
  reporter.next()?.settle({ kind: "refused", code: 0x97 });
  expect(reporter.next()).toBeUndefined();
  reporter.look();
  expect(reporter.next()).toBeDefined();
});
