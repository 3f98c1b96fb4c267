import { beforeEach, describe, expect, it } from "vitest";
import { offers } from "../../tests/support/ingress/scripted-driver.ts";
import { deviceId, RecordedLogger, RecordedTelemetry } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import type { CommandOutcome, DeviceCommand } from "../domain/command.ts";
import type { DeviceSession } from "../ports/driver.ts";
import { CommandDesk } from "./command-desk.ts";

const gate = deviceId("gate");
const guard = { name: "li", via: "console" as const };
const done: CommandOutcome = { ok: true, confirmed: true };
const unlock: DeviceCommand = { name: "unlock", args: {} };

let clock: ManualClock;
let logger: RecordedLogger;
let telemetry: RecordedTelemetry;
let desk: CommandDesk;
let carryOut: DeviceSession["command"];
let open: boolean;
beforeEach(() => {
  clock = new ManualClock();
  logger = new RecordedLogger();
  telemetry = new RecordedTelemetry();
  open = true;
  carryOut = () => Promise.resolve(done);
  const session = () => {
    const forever = new Promise<void>(() => {});
    return carryOut === undefined ? { done: forever } : { done: forever, command: carryOut };
  };
  const device = { offers: () => offers, session: () => (open ? session() : undefined) };
  desk = new CommandDesk({ clock, logger, telemetry, deviceOf: (id) => (id === gate ? device : undefined) });
});

const tell = (command: DeviceCommand = unlock) => desk.command(gate, command, guard);
const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

describe("a command to a device", () => {
  it("is carried out by its session, with the arguments, and the session's answer is the outcome", async () => {
    const told: DeviceCommand[] = [];
    carryOut = (command) => {
      told.push(command);
      return Promise.resolve({ ok: false, why: "refused", detail: "the door is held by the fire panel" });
    };
    const command = { name: "unlock", args: { door: 2 } };
    expect(await tell(command)).toEqual({ ok: false, why: "refused", detail: "the door is held by the fire panel" });
    expect(told).toEqual([command]);
  });

  it.each<[string, DeviceCommand, string]>([
    ["it does not offer", { name: "open", args: {} }, "gate has no command open; offered: unlock, set-time"],
    [
      "of a name of every object",
      { name: "constructor", args: {} },
      "gate has no command constructor; offered: unlock, set-time",
    ],
    [
      "with an argument that it does not have",
      { name: "unlock", args: { key: "x" } },
      "unlock has no argument key; it has door",
    ],
    [
      "with an argument where there is none",
      { name: "set-time", args: { at: 1 } },
      "set-time has no argument at; it has none",
    ],
  ])("%s is unsupported, and nobody is asked", async (_what, command, detail) => {
    carryOut = () => Promise.reject(new Error("must not be asked"));
    expect(await tell(command)).toEqual({ ok: false, why: "unsupported", detail });
  });

  it("is unsupported for a device that is not there, or whose driver takes none", async () => {
    expect(await desk.command(deviceId("nobody"), unlock, guard)).toMatchObject({ why: "unsupported" });
    expect(desk.offers(deviceId("nobody"))).toEqual([]);
    carryOut = undefined;
    expect(await tell()).toMatchObject({ why: "unsupported" });
  });

  it("finds no session: not connected", async () => {
    open = false;
    expect(await tell()).toMatchObject({ ok: false, why: "not-connected" });
  });

  it.each<[string, DeviceSession["command"]]>([
    [
      "throws",
      () => {
        throw new Error("secret of the device");
      },
    ],
    ["rejects", () => Promise.reject(new Error("secret of the device"))],
  ])("whose session %s has no answer, and what was thrown is told to nobody", async (_what, failing) => {
    carryOut = failing;
    const outcome = await tell();
    expect(outcome).toMatchObject({ ok: false, why: "no-answer" });
    expect(JSON.stringify([outcome, logger.lines])).not.toContain("secret");
  });

  it("whose session hangs has no answer after 30 s; the next one is carried out", async () => {
    carryOut = () => new Promise(() => {});
    const hung = tell();
    await turns();
    clock.advance(29_999);
    carryOut = () => Promise.resolve(done);
    clock.advance(1);
    expect(await hung).toMatchObject({ ok: false, why: "no-answer" });
    expect(await tell()).toEqual(done);
  });

  it("waits for the one before it; a sixth at once is refused", async () => {
    const held: (() => void)[] = [];
    carryOut = () => new Promise((resolve) => held.push(() => resolve(done)));
    const all = Array.from({ length: 6 }, () => tell());
    expect(await all[5]).toMatchObject({ ok: false, why: "refused" });
    for (let i = 0; i < 5; i++) {
      await turns();
      expect(held).toHaveLength(i + 1);
      held[i]?.();
      expect(await all[i]).toEqual(done);
    }
  });

  it("that waited ten seconds is refused and not carried out: a door that opens late opens for another", async () => {
    let told = 0;
    let release = () => {};
    carryOut = () => {
      told += 1;
      return new Promise((resolve) => {
        release = () => resolve(done);
      });
    };
    const [first, second] = [tell(), tell()];
    await turns();
    clock.advance(10_000);
    expect(await second).toMatchObject({ ok: false, why: "refused" });
    release();
    expect(await first).toEqual(done);
    await turns();
    expect(told).toBe(1);
  });

  it("is on record whatever becomes of it: who, what, and how it ended, without the arguments' values", async () => {
    await tell({ name: "unlock", args: { door: "private" } });
    await tell({ name: "open", args: {} });
    open = false;
    await tell();
    const records = logger.lines.filter((line) => line.includes('"audit"'));
    expect(records.map((line) => /"result":"([a-z-]+)"/.exec(line)?.[1])).toEqual([
      "confirmed",
      "unsupported",
      "not-connected",
    ]);
    expect(records[0]).toContain('"by":{"name":"li","via":"console"}');
    expect(records[0]).toContain('"device":"gate","command":"unlock","args":["door"]');
    expect(records.join()).not.toContain("private");
    expect(telemetry.of("zhian_device_commands_total unsupported")).toBe(1);
  });
});
