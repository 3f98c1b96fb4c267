import { expect, test } from "vitest";
import type { CommandOutcome } from "../../gateway/domain/command.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { Subscription } from "./subscription.ts";

const done: CommandOutcome = { ok: true, confirmed: true };
const dead: CommandOutcome = { ok: false, why: "not-connected", detail: "refused" };

function subscribed(outcomes: readonly CommandOutcome[]) {
  const clock = new ManualClock();
  const abort = new AbortController();
  const asked: number[] = [];
  const lost: number[] = [];
  const start = clock.now();
  const subscription = new Subscription({
    clock,
    signal: abort.signal,
    silentAfterMs: 95_000,
    ask: () => {
      asked.push((clock.now() - start) / 1000);
      return Promise.resolve(outcomes[asked.length - 1] ?? done);
    },
    onLost: () => lost.push((clock.now() - start) / 1000),
  });
  /** In steps of a second, with a push at each of them where the device pushes. */
  const pass = async (seconds: number, pushing = false) => {
    for (let second = 0; second < seconds; second += 1) {
      clock.advance(1000);
      if (pushing) subscription.heard();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { subscription, asked, lost, pass, abort };
}

test("a device that pushes is subscribed once", async () => {
  const { subscription, asked, lost, pass } = subscribed([done]);
  await subscription.renew();
  await pass(600, true);
  expect([asked, lost]).toEqual([[0], []]);
});

test("a device that has restarted forgets, falls silent, and is subscribed again", async () => {
  const { subscription, asked, lost, pass } = subscribed([done]);
  await subscription.renew();
  await pass(100, true);
  await pass(94);
  expect(asked).toEqual([0]);
  await pass(2);
  expect([asked, lost]).toEqual([[0, 195], []]);
});

test("a device that is not there is asked less and less often, and is lost once silence counts", async () => {
  const { subscription, asked, lost, pass } = subscribed(Array(20).fill(dead));
  await subscription.renew();
  await pass(1300);
  expect(asked).toEqual([0, 5, 15, 35, 75, 155, 315, 615, 915, 1215]);
  expect(lost).toEqual([155, 315, 615, 915, 1215]);
});

test("when it comes back it is soon subscribed, and backing off begins anew", async () => {
  const { subscription, asked, pass } = subscribed([dead, dead, done, dead, done]);
  await subscription.renew();
  await pass(20);
  expect(asked).toEqual([0, 5, 15]);
  await pass(95);
  expect(asked).toEqual([0, 5, 15, 110, 115]);
});

test("one that pushes without being asked, and refuses to be asked, is let be while it pushes", async () => {
  const { subscription, asked, lost, pass } = subscribed(Array(20).fill(dead));
  subscription.heard();
  await subscription.renew();
  await pass(300, true);
  expect([asked, lost]).toEqual([[0], []]);
});

test("two who want it now share one request, and none is made after the end", async () => {
  const { subscription, asked, pass, abort } = subscribed([]);
  await Promise.all([subscription.renew(), subscription.renew()]);
  expect(asked).toEqual([0]);
  abort.abort();
  await pass(200);
  expect(asked).toEqual([0]);
});
