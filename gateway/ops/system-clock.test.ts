import { mkdtempSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { SystemClock } from "./system-clock.ts";

const clocks: SystemClock[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) clock.close();
});

const noon = Date.parse("2026-11-24T12:00:00Z");

function machine(wall = noon) {
  const state = { wall, monotonic: 5_000, bootedAt: wall - 60_000 };
  return {
    state,
    pass(ms: number) {
      state.wall += ms;
      state.monotonic += ms;
    },
    sources: { wall: () => state.wall, monotonic: () => state.monotonic, bootedAt: () => state.bootedAt },
  };
}

function clockOf(options: ConstructorParameters<typeof SystemClock>[0]): SystemClock {
  const clock = new SystemClock({ witnesses: [], ...options });
  clocks.push(clock);
  return clock;
}

test("log time passes with the monotonic clock and ignores a step of the wall clock", () => {
  const box = machine();
  const clock = clockOf({ sources: box.sources });
  box.pass(1_500);
  box.state.wall -= 3_600_000;
  box.pass(500);
  expect(clock.now()).toBe(noon + 2_000);
  expect(clock.wall()).toBe(noon + 2_000 - 3_600_000);
});

test("after a restart with the clock back in 1970 log time goes on from the newest entry of the log", () => {
  const box = machine(1_000);
  const clock = clockOf({ sources: box.sources, floor: noon });
  box.pass(10);
  expect(clock.now()).toBe(noon + 10);
});

test("log time is lifted to the newest entry of a log that was opened later, and never lowered", () => {
  const box = machine();
  const clock = clockOf({ sources: box.sources });
  clock.raiseTo(noon + 5_000);
  expect(clock.now()).toBe(noon + 5_000);
  clock.raiseTo(noon - 5_000);
  expect(clock.now()).toBe(noon + 5_000);
});

test("steps of the wall clock add up, slewing by an NTP daemon does not count", () => {
  const box = machine();
  const clock = clockOf({ sources: box.sources });
  box.state.wall += 40;
  expect(clock.quality().steppedMs).toBe(0);
  box.state.wall += 10_000;
  expect(clock.quality().steppedMs).toBe(10_000);
  box.state.wall -= 2_500;
  expect(clock.quality().steppedMs).toBe(7_500);
});

test("a wall clock from before this version was built is known to be wrong, and is believed again once it was set", () => {
  const box = machine(Date.parse("1970-01-01T00:01:00Z"));
  const clock = clockOf({ sources: box.sources });
  expect(clock.quality().state).toBe("unsynchronised");
  box.state.wall = noon;
  expect(clock.quality().state).toBe("assumed");
});

test("the clock is synchronised while a time daemon has vouched for it since the boot, and not by an old file", () => {
  const path = join(mkdtempSync(join(tmpdir(), "zhian-clock-")), "synchronized");
  const box = machine();
  const witnesses = [{ path, validForMs: 3_600_000 }];
  const state = () => clockOf({ sources: box.sources, witnesses }).quality().state;
  expect(state()).toBe("assumed");
  writeFileSync(path, "");
  const touch = (at: number) => utimesSync(path, at / 1000, at / 1000);
  touch(noon);
  expect(state()).toBe("synchronised");
  touch(box.state.bootedAt - 1_000);
  expect(state()).toBe("assumed");
  touch(noon);
  box.pass(3_600_001);
  expect(state()).toBe("assumed");
});

test("the verdict on the clock is kept for ten seconds", () => {
  const path = join(mkdtempSync(join(tmpdir(), "zhian-clock-")), "synchronized");
  const box = machine();
  const clock = clockOf({ sources: box.sources, witnesses: [{ path, validForMs: 3_600_000 }] });
  expect(clock.quality().state).toBe("assumed");
  writeFileSync(path, "");
  utimesSync(path, noon / 1000, noon / 1000);
  box.pass(9_000);
  expect(clock.quality().state).toBe("assumed");
  box.pass(1_000);
  expect(clock.quality().state).toBe("synchronised");
});

test("a timer fires once, and not after it was cancelled", async () => {
  const clock = clockOf({});
  const fired: string[] = [];
  const cancel = clock.after(1, () => fired.push("cancelled"));
  cancel();
  await new Promise<void>((resolve) => {
    clock.after(5, () => {
      fired.push("due");
      resolve();
    });
  });
  expect(fired).toEqual(["due"]);
});

test("a timer of fifty days does not fire at once", async () => {
  const clock = clockOf({});
  let fired = false;
  const cancel = clock.after(50 * 86_400_000, () => {
    fired = true;
  });
  await new Promise<void>((resolve) => {
    clock.after(20, resolve);
  });
  cancel();
  expect(fired).toBe(false);
});
