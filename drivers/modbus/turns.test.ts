import { beforeEach, describe, expect, it } from "vitest";
import type { Exchange } from "../../gateway/ports/driver.ts";
import { Turns } from "./turns.ts";

const answer: Exchange = { ok: true, registers: [] };
const silence: Exchange = { ok: false, why: "timeout", detail: "" };
const garbled: Exchange = { ok: false, why: "bad-crc", detail: "" };

let turns: Turns;
let now: number;
beforeEach(() => {
  turns = new Turns();
  now = 1_000_000;
});

function ask(unit: number, urgent = false): boolean {
  return turns.add({ request: { unit, function: 3, address: 0, count: 3 }, timeoutMs: 500, urgent, done: () => {} });
}

/** Serves the next one; `tookMs` of line time. */
function serve(exchange: Exchange = answer, tookMs = 30): number | undefined {
  const waiting = turns.take(now);
  if (waiting === undefined) return undefined;
  now += tookMs;
  turns.ended(waiting.request, exchange, now);
  return waiting.request.unit;
}

describe("whose turn it is", () => {
  it("goes round among units that cost the same", () => {
    for (const unit of [1, 1, 1, 2, 2, 2, 3, 3, 3]) ask(unit);
    expect(Array.from({ length: 9 }, () => serve())).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
    expect(serve()).toBeUndefined();
  });

  it("lets nobody save up turns", () => {
    for (let i = 0; i < 50; i++) {
      ask(1);
      serve();
    }
    for (const unit of [2, 2, 2, 2, 1, 1, 1]) ask(unit);
    expect(Array.from({ length: 4 }, () => serve())).toEqual([2, 1, 2, 1]);
  });

  it("comes to silent units when no other waits, and on a busy line after seven times what the silence cost", () => {
    ask(2);
    serve();
    ask(1);
    serve(silence, 500);
    ask(1);
    const silentAt = now;
    const servedAt: number[] = [];
    while (now - silentAt < 6000) {
      ask(2);
      if (serve() === 1) servedAt.push(now - silentAt);
    }
    expect(servedAt.map((at) => Math.round(at / 100))).toEqual([35]);
    ask(1);
    expect(turns.nextAt()).toBeLessThanOrEqual(now);
  });

  it("leaves the line to those that answer for twice as long as a time-out cost, before it tries another that may be silent", () => {
    for (const unit of [1, 2, 3, 4]) ask(unit);
    expect([serve(), serve(silence, 500)]).toEqual([1, 2]);
    const silentAt = now;
    expect(serve()).toBeUndefined();
    expect(turns.nextAt()).toBe(silentAt + 1000);
    ask(1);
    expect(serve()).toBe(1);
    now = silentAt + 1000;
    ask(1);
    expect(serve()).toBe(3);
    expect([serve(), serve()]).toEqual([4, 1]);
  });

  it("comes soon to one of which a single answer was missed, before those that are known as silent", () => {
    for (const unit of [1, 2, 3]) ask(unit);
    expect([serve(), serve(silence, 500)]).toEqual([1, 2]);
    now += 1000;
    expect(serve()).toBe(3);
    for (const unit of [1, 2, 3]) ask(unit);
    expect([serve(), serve(silence, 500)]).toEqual([1, 3]);
    // Unit 2 has never answered, unit 3 has.
    ask(3);
    const missedAt = now;
    for (let served: number | undefined; served !== 3; ) {
      ask(1);
      served = serve();
      expect(now - missedAt).toBeLessThan(1200);
    }
  });

  it("counts what a silence costs the line beyond the time-out", () => {
    for (const unit of [1, 2, 3]) ask(unit);
    serve();
    const waiting = turns.take(now);
    now += 500;
    if (waiting !== undefined) turns.ended(waiting.request, silence, now, 300);
    expect(turns.nextAt()).toBe(now + 300 + 2 * 800);
  });

  it("does not wait for anybody where none has ever answered", () => {
    for (const unit of [1, 2, 3]) ask(unit);
    expect([serve(silence, 500), serve(silence, 500), serve(silence, 500)]).toEqual([1, 2, 3]);
  });

  it("rests a silent unit for 1, 2, 4, 8, 16, 30, 30 s, and not any more when it answers", () => {
    const rests = Array.from({ length: 7 }, () => {
      ask(1);
      now = turns.nextAt() ?? now;
      serve(silence);
      const ended = now;
      ask(1);
      const rest = (turns.nextAt() ?? 0) - ended;
      turns.take(ended + rest);
      return rest;
    });
    expect(rests).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    ask(1);
    now = turns.nextAt() ?? now;
    serve();
    ask(1);
    expect(turns.nextAt()).toBeLessThanOrEqual(now);
  });

  it("does not rest a unit whose answers are damaged: noise is no silence", () => {
    ask(1);
    serve(garbled);
    ask(1);
    expect(turns.nextAt()).toBeLessThanOrEqual(now);
  });

  it("comes to the unit that answered last when another was silent", () => {
    for (const unit of [1, 2, 3, 4]) ask(unit);
    expect([serve(), serve(), serve(), serve()]).toEqual([1, 2, 3, 4]);
    for (const unit of [1, 2, 3, 4]) ask(unit);
    expect(serve(silence, 800)).toBe(1);
    expect(serve()).toBe(4);
    expect(serve()).toBe(2);
  });

  it("is first that of requests that bear alarms, of any unit, and every fourth turn another's all the same", () => {
    for (const unit of [1, 1, 1]) ask(unit);
    for (const unit of [2, 2, 3, 3, 4, 4]) ask(unit, true);
    expect(Array.from({ length: 9 }, () => serve())).toEqual([2, 3, 4, 1, 2, 3, 4, 1, 1]);
    ask(1);
    ask(1, true);
    expect(turns.take(now)?.urgent).toBe(true);
  });

  it("is not that of a request that may not be sent yet", () => {
    turns = new Turns(({ unit }) => (unit === 1 ? now + 40 : 0));
    ask(1);
    expect(turns.nextAt()).toBe(now + 40);
    expect(serve()).toBeUndefined();
    ask(2);
    expect(serve()).toBe(2);
  });

  it("is bounded for each unit", () => {
    expect(Array.from({ length: 16 }, () => ask(1))).not.toContain(false);
    expect(ask(1)).toBe(false);
    expect(ask(2)).toBe(true);
  });

  it("is over when the line is lost: all are handed back, and rests forgotten", () => {
    ask(1);
    serve(silence);
    ask(1);
    ask(2);
    expect(turns.clear().map(({ request }) => request.unit)).toEqual([1, 2]);
    ask(1);
    expect(turns.nextAt()).toBeLessThanOrEqual(now);
  });
});
