import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeChip } from "../../simulators/gpio/fake-chip.ts";
import { waitFor } from "../support/wait-for.ts";
import { GpioSession } from "./gpio-session.ts";

const ways = [
  { way: "the gpiod tools 1.6", backend: "chardev", gpiod: "1.6.3" },
  { way: "the gpiod tools 2", backend: "chardev", gpiod: "2.2.1" },
  { way: "sysfs", backend: "sysfs" },
] as const;

let chip: FakeChip;
const sessions: GpioSession[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
  chip.close();
});

/** The rest differs only in which tool holds the line: 1.6 is looked at in full in the nightly command. */
const looked = process.env["ZHIAN_NIGHTLY"] === "1" ? ways : ways.slice(1);

describe.each(ways)("a relay by $way", ({ way, backend, ...parts }) => {
  const inFull = it.runIf(looked.some((each) => each.way === way));

  beforeEach(() => {
    chip = new FakeChip("gpiod" in parts ? { gpiod: parts.gpiod } : {});
  });

  /** The level that is driven now. */
  const level = (offset = 3) => (backend === "chardev" ? chip.driven(offset).at(-1)?.high : chip.value(offset));

  async function siren(options: object = {}, id = "siren-1"): Promise<GpioSession> {
    const session = new GpioSession(chip, { direction: "out", role: "siren", maxOn: "30s", backend, ...options }, id);
    sessions.push(session);
    await session.until("open", () => session.levels().length > 0 || session.error !== undefined);
    return session;
  }

  it("is safe at start, follows what it is told, and is safe at stop", async () => {
    const session = await siren();
    expect(level()).toBe(false);
    expect(await session.command("on")).toMatchObject({ ok: true, confirmed: true });
    expect(level()).toBe(true);
    expect(await session.command("off")).toMatchObject({ ok: true });
    expect(level()).toBe(false);
    await session.command("on");
    await session.close();
    expect(level()).toBe(false);
    expect(session.levels()).toEqual([false, true, false, true]);
  });

  inFull("with the safe state on and active low is low at start, and high while it is off", async () => {
    const session = await siren({ role: "magnet-lock", safe: "on", activeLow: true });
    expect([level(), session.levels()]).toEqual([false, [true]]);
    await session
      .command("off", { seconds: 60 })
      .then((outcome) => expect(outcome).toMatchObject({ why: "forbidden" }));
    await session.command("off", { seconds: 20 });
    expect([level(), session.levels()]).toEqual([true, [true, false]]);
  });

  it("goes back after the seconds it was given", async () => {
    const session = await siren();
    await session.command("on", { seconds: 0.3 });
    await waitFor("off", () => level() === false);
    await session.until("told", () => session.levels().length === 3);
    expect(session.levels()).toEqual([false, true, false]);
  });

  inFull("is away from its safe state for no longer than its bound, however often it is asked", async () => {
    const session = await siren({ maxOn: "600ms" });
    await session.command("on");
    const started = performance.now();
    while (session.levels().length < 3) {
      if (level() === true) await session.command("on", { seconds: 0.5 });
      await session.pass(20);
      expect(performance.now() - started).toBeLessThan(8_000);
    }
    // An `on` that came just after the bound began anew; the first went back all the same.
    expect(session.levels().slice(0, 3)).toEqual([false, true, false]);
  });

  inFull("is safe soon after the gateway is killed, or cannot be asked any more", async () => {
    const program = resolve(import.meta.dirname, "../gpio/relay-process.ts");
    const options = {
      chip: chip.label,
      line: 3,
      direction: "out",
      role: "siren",
      maxOn: 1_500,
      backend,
      root: chip.root,
    };
    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      const gateway = spawn(process.execPath, [program, JSON.stringify(options)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        await once(gateway.stdout, "data");
        expect(level()).toBe(true);
        gateway.kill(signal);
        await waitFor("off", () => level() === false, 10_000);
      } finally {
        const exit = gateway.exitCode === null && gateway.signalCode === null ? once(gateway, "exit") : undefined;
        gateway.kill("SIGKILL");
        await exit;
        await waitFor("its guardian to end", () => guardians(gateway.pid).length === 0);
      }
    }
  });

  it("whose guardian is killed ends, and is safe when it is opened again", async () => {
    const session = await siren();
    await session.command("on");
    for (const guardian of guardians(process.pid)) process.kill(guardian, "SIGKILL");
    await session.until("lost", () => session.error !== undefined);
    expect(session.error).toMatchObject({ message: expect.stringContaining("guardian") });
    expect(session.context.goneReasons).toEqual(["link-lost"]);
    const again = await siren();
    expect(again.error).toBeUndefined();
    expect(level()).toBe(false);
  });

  inFull("shares its guardian with the others, and none of them takes another's line", async () => {
    const first = await siren();
    const second = await siren({ line: 4 }, "siren-2");
    await waitFor("one guardian for both", () => guardians(process.pid).length === 1);
    const third = await siren({ line: 4 }, "siren-3");
    expect(third.error).toMatchObject({ code: "GPIO_BUSY" });
    await first.close();
    expect(await second.command("on")).toMatchObject({ ok: true });
    expect(level(4)).toBe(true);
  });

  inFull("of a chip that is not there ends, and says what there is", async () => {
    const session = await siren({ chip: "pinctrl-bcm2835" });
    expect(session.error).toMatchObject({ code: "GPIO_ABSENT", message: expect.stringContaining("fake-gpio") });
  });
});

describe("a command to a relay", () => {
  beforeEach(() => {
    chip = new FakeChip();
  });

  it("that it does not know, that asks for too much or that comes too early is refused, each with why", async () => {
    const session = new GpioSession(chip, { direction: "out", role: "siren", maxOn: "30s" });
    sessions.push(session);
    const refusals = [
      ["on", { seconds: -1 }, "unsupported"],
      ["on", { seconds: Number.NaN }, "unsupported"],
      ["on", { seconds: 86_401 }, "unsupported"],
      ["on", { seconds: 31 }, "forbidden"],
      ["blink", {}, "unsupported"],
      ["on", {}, "not-connected"],
    ] as const;
    for (const [name, args, why] of refusals)
      expect(await session.command(name, args)).toMatchObject({ ok: false, why });
  });
});

/** Guardians whose parent is this process, or all of a parent that is gone. */
function guardians(parent: number | undefined): number[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("guardian-process")) return [];
      const ppid = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      return ppid === parent ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}
