import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FakeDriverContext, FakeModbusLine } from "../../tests/support/driver-context.ts";
import { open } from "./modbus-rtu.ts";
import type { ModbusRtuOptions } from "./options.ts";
import { profileSchema } from "./profile.ts";

const generic: unknown = parse(
  readFileSync(new URL("../../config/profiles/generic-extinguisher.yaml", import.meta.url), "utf8"),
);
const options: ModbusRtuOptions = { line: "rs485-1", unit: 17, profile: "generic-extinguisher" };

let line: FakeModbusLine;
let context: FakeDriverContext<ModbusRtuOptions>;

function start(profile: unknown = generic) {
  context = new FakeDriverContext({ options, line, profile: profileSchema.parse(profile) });
  return open(context);
}

/** All that follows from what happened, without time passing. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

async function polls(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    context.clock.advance(1000);
    await settle();
  }
}

function set(temperature: number, pressure: number, status: number): void {
  for (const [address, value] of [temperature, pressure, status].entries()) line.set(17, address, value & 0xffff);
}

const kinds = () => context.observed.map(({ kind }) => kind);
const readings = () => context.observed.filter(({ kind }) => kind === "thermal.reading").map(({ body }) => body);
const states = () => context.observed.filter(({ kind }) => kind === "extinguisher.state");
const faults = () =>
  context.observed.flatMap((draft) => (draft.kind === "device.fault" ? [[draft.body.code, draft.body.active]] : []));
const calm = { discharged: false, lowPressure: false, tamper: false };

beforeEach(() => {
  line = new FakeModbusLine("rs485-1");
  set(253, 1200, 0);
});

describe("an extinguisher on a serial line", () => {
  it("is read at once: its state, its values, and that nothing is wrong with them", async () => {
    start();
    await settle();
    expect(readings()).toEqual([{ temperatureC: 25.3, pressureMpa: 1.2 }]);
    expect(states().map(({ body }) => body)).toEqual([calm]);
    expect(faults()).toEqual([
      ["sensor-invalid", false],
      ["modbus-exception", false],
    ]);
    expect(line.requests).toBe(1);
  });

  it("is polled once a second, and what did not change is not reported", async () => {
    start();
    await settle();
    const before = context.observed.length;
    await polls(10);
    expect(line.requests).toBe(11);
    expect(context.observed.length).toBe(before);
    expect(context.filteredReasons).toEqual(new Array(10).fill("unchanged"));
    expect(context.seenDetails).toHaveLength(10);
  });

  it("is reported when it moved by the dead band since the last report, however slowly, and not before", async () => {
    start();
    await settle();
    for (const tenths of [254, 255, 256, 257, 256]) {
      set(tenths, 1200, 0);
      await polls(1);
    }
    expect(readings().slice(1)).toEqual([
      { temperatureC: 25.5, pressureMpa: 1.2 },
      { temperatureC: 25.7, pressureMpa: 1.2 },
    ]);
    set(256, 1190, 0);
    await polls(1);
    expect(readings().at(-1)).toEqual({ temperatureC: 25.6, pressureMpa: 1.19 });
  });

  it("is reported once a minute though nothing moves", async () => {
    start();
    await settle();
    await polls(121);
    expect(readings()).toHaveLength(3);
    expect(states()).toHaveLength(1);
  });

  it("is reported at once with its reading when a bit of its state changes", async () => {
    start();
    await settle();
    const before = context.observed.length;
    set(253, 1200, 1);
    await polls(1);
    set(253, 1200, 0);
    await polls(1);
    expect(context.observed.slice(before)).toEqual([
      { kind: "extinguisher.state", body: { ...calm, discharged: true } },
      { kind: "thermal.reading", body: { temperatureC: 25.3, pressureMpa: 1.2 } },
      { kind: "extinguisher.state", body: calm },
      { kind: "thermal.reading", body: { temperatureC: 25.3, pressureMpa: 1.2 } },
    ]);
  });

  it("obeys the dead bands and the interval of its profile", async () => {
    start({ ...Object(generic), pollEvery: "5s", report: { temperature: 5, pressure: 1, every: "10s" } });
    await settle();
    set(290, 1900, 0);
    await polls(9);
    expect(line.requests).toBe(2);
    expect(readings()).toHaveLength(1);
    await polls(1);
    expect(readings()).toHaveLength(2);
  });
});

describe("an extinguisher whose sensor is broken", () => {
  it("is a fault while it lasts, and no reading", async () => {
    start();
    await settle();
    set(0x7fff, 1200, 0);
    await polls(3);
    expect(faults().slice(2)).toEqual([["sensor-invalid", true]]);
    expect(readings()).toEqual([{ temperatureC: 25.3, pressureMpa: 1.2 }]);
    set(253, 1200, 0);
    await polls(1);
    expect(faults().slice(2)).toEqual([
      ["sensor-invalid", true],
      ["sensor-invalid", false],
    ]);
    expect(readings().at(-1)).toEqual({ temperatureC: 25.3, pressureMpa: 1.2 });
    expect(readings()).toHaveLength(2);
  });

  it("still reports what the other sensor says, and its state", async () => {
    start();
    await settle();
    set(0x7fff, 900, 2);
    await polls(1);
    expect(readings().at(-1)).toEqual({ pressureMpa: 0.9 });
    expect(states().at(-1)?.body).toEqual({ ...calm, lowPressure: true });
  });

  it("says by a bit of its own what is wrong", async () => {
    const status = { name: "status", address: 2, bits: { 0: "discharged", 3: "batteryLow" } };
    start({ registers: [{ name: "temperature", address: 0, type: "int16", scale: 0.1 }, status] });
    await settle();
    set(253, 1200, 8);
    await polls(2);
    expect(faults().filter(([code]) => code === "battery-low")).toEqual([
      ["battery-low", false],
      ["battery-low", true],
    ]);
  });
});

describe("an extinguisher that does not answer", () => {
  it("is gone after three polls without an answer, is told so once, and is back with an answer", async () => {
    start();
    await settle();
    line.state = "silent";
    await polls(2);
    expect(context.goneReasons).toEqual([]);
    await polls(5);
    expect(context.goneReasons).toEqual(["no-answer"]);
    expect(context.rejections).toEqual([]);
    line.state = "answering";
    await polls(1);
    expect(readings()).toHaveLength(2);
    expect(states()).toHaveLength(2);
    line.state = "silent";
    await polls(3);
    expect(context.goneReasons).toEqual(["no-answer", "no-answer"]);
  });

  it("is gone at once with its line", async () => {
    start();
    await settle();
    line.state = "unplugged";
    await polls(5);
    expect(context.goneReasons).toEqual(["link-lost"]);
    line.state = "answering";
    await polls(1);
    expect(readings()).toHaveLength(2);
  });

  it("is rejected with the reason when its answers are damaged, and counts as gone in the end", async () => {
    start();
    await settle();
    line.state = "noisy";
    await polls(3);
    expect(context.rejections.map(({ reason, source }) => [reason, source])).toEqual(
      new Array(3).fill(["bad-crc", "rs485-1 unit 17"]),
    );
    expect(context.goneReasons).toEqual(["no-answer"]);
  });

  it("is alive when it answers with an exception, and that is a fault", async () => {
    start();
    await settle();
    line.registers.delete("17:2");
    await polls(5);
    expect(context.goneReasons).toEqual([]);
    expect(context.rejections.map(({ reason }) => reason)).toEqual(new Array(5).fill("modbus-exception"));
    expect(faults().slice(2)).toEqual([["modbus-exception", true]]);
    set(253, 1200, 0);
    await polls(1);
    expect(faults().slice(3)).toEqual([["modbus-exception", false]]);
  });

  it("keeps the state in sight when only another part of its map is refused", async () => {
    const status = { name: "status", address: 2, bits: { 0: "discharged" } };
    const temperature = { name: "temperature", address: 100, type: "int16", scale: 0.1 };
    start({ registers: [temperature, status] });
    await settle();
    set(253, 1200, 1);
    await polls(1);
    expect(states().map(({ body }) => body)).toEqual([calm, { ...calm, discharged: true }]);
  });
});

describe("when the log refuses", () => {
  const full = new GatewayError("DISK_FULL", "no space");

  it("the reading is reported again at the next poll", async () => {
    start();
    await settle();
    context.logError = full;
    set(300, 1200, 0);
    await polls(3);
    expect(readings()).toHaveLength(1);
    context.logError = undefined;
    await polls(1);
    expect(readings().slice(1)).toEqual([{ temperatureC: 30, pressureMpa: 1.2 }]);
  });

  it("a discharge is not lost, though its bit falls back before the log takes anything", async () => {
    start();
    await settle();
    context.logError = full;
    const seenAt = context.clock.wall() + 1000;
    set(253, 400, 1);
    await polls(1);
    for (let i = 0; i < 40; i++) {
      set(253, 400, i % 2 === 0 ? 2 : 0);
      await polls(1);
    }
    context.logError = undefined;
    await polls(1);
    const told = states().slice(1);
    expect(told[0]).toEqual({
      kind: "extinguisher.state",
      body: { ...calm, discharged: true },
      occurredAtMs: seenAt,
    });
    expect(told.at(-1)?.body).toEqual(calm);
    expect(told.length).toBeLessThanOrEqual(16);
  });

  it("from the very beginning, nothing is skipped", async () => {
    start();
    context.logError = full;
    await polls(2);
    context.logError = undefined;
    await polls(1);
    expect(new Set(kinds())).toEqual(new Set(["extinguisher.state", "device.fault", "thermal.reading"]));
  });
});

describe("a session", () => {
  it("ends on abort and says nothing from then on", async () => {
    const session = start();
    await settle();
    context.abort();
    await session.done;
    const before = [context.outcomes.length, line.requests];
    set(900, 1200, 7);
    await polls(5);
    expect([context.outcomes.length, line.requests]).toEqual(before);
  });

  it("ends with an error that names the profile where that is none", async () => {
    context = new FakeDriverContext({ options, line, profile: { registers: [] } });
    await expect(open(context).done).rejects.toMatchObject({ code: "PROFILE_INVALID" });
  });
});

describe("a smoke detector on a line", () => {
  const detector = { registers: [{ name: "state", address: 2, codes: { 0: "normal", 1: "smoke" } }] };
  const fires = () => context.observed.filter(({ kind }) => kind === "fire.detected").map(({ body }) => body);
  const smoke = (active: boolean) => ({ delivery: "live", active, sensor: "smoke" });

  it("is told as it stands at the first answer, then at each change, at once", async () => {
    start(detector);
    await settle();
    line.set(17, 2, 1);
    await polls(3);
    line.set(17, 2, 0);
    await polls(2);
    expect(fires()).toEqual([smoke(false), smoke(true), smoke(false)]);
    expect(kinds()).not.toContain("extinguisher.state");
  });

  it("is a fault where it says what the profile does not know, and its word stands until it says another", async () => {
    start(detector);
    await settle();
    line.set(17, 2, 1);
    await polls(1);
    line.set(17, 2, 9);
    await polls(2);
    expect(fires()).toEqual([smoke(false), smoke(true)]);
    expect(faults().at(-1)).toEqual(["sensor-invalid", true]);
    line.set(17, 2, 1);
    await polls(1);
    expect(faults().at(-1)).toEqual(["sensor-invalid", false]);
    expect(fires()).toHaveLength(2);
  });

  it("is not forgotten by a log that refuses for a while", async () => {
    start(detector);
    await settle();
    context.logError = new GatewayError("DISK_FULL", "no space");
    line.set(17, 2, 1);
    await polls(1);
    for (let i = 0; i < 40; i++) {
      line.set(17, 2, i % 2);
      await polls(1);
    }
    context.logError = undefined;
    await polls(1);
    expect(fires()).toContainEqual(smoke(true));
    expect(fires().at(-1)).toEqual(smoke(true));
  });

  it("has its tamper contact told as that of a device", async () => {
    start({ registers: [{ name: "s", address: 2, bits: { 0: "smoke", 1: "tamper" } }] });
    await settle();
    line.set(17, 2, 2);
    await polls(1);
    const tampers = context.observed.filter(({ kind }) => kind === "device.tamper").map(({ body }) => body);
    expect(tampers).toEqual([{ active: false }, { active: true }]);
  });
});

describe("a panel on a line", () => {
  const panel = { registers: [{ name: "zone", address: 30, points: { zone: "001", count: 6, skip: 2 } }] };
  const events = () =>
    context.observed.flatMap((draft) => (draft.kind === "panel.event" ? [[draft.body.point, draft.body.event]] : []));

  it("has all its points told once, those in danger first, then each when it changes", async () => {
    line.set(17, 30, 0b0000_0001_0000);
    start(panel);
    await settle();
    expect(events()).toHaveLength(6);
    expect(events()[0]).toEqual(["001-004", "fire"]);
    line.set(17, 30, 0b1000_0000_0000);
    await polls(3);
    expect(events().slice(6)).toEqual([
      ["001-001", "fault"],
      ["001-004", "normal"],
    ]);
  });

  it("that was silent for a while is not told anew: only what changed meanwhile is", async () => {
    line.set(17, 30, 0);
    start(panel);
    await settle();
    line.state = "silent";
    await polls(5);
    expect(context.goneReasons).toEqual(["no-answer"]);
    line.state = "answering";
    line.set(17, 30, 0b0100_0000_0000);
    await polls(1);
    expect(events().slice(6)).toEqual([["001-001", "fire"]]);
  });
});

describe("registers that are not all read at once", () => {
  const slow = { name: "battery", address: 90, bits: { 0: "batteryLow" } };
  const status = { name: "status", address: 2, bits: { 0: "discharged" } };

  it("keep each its own pace, and those that raise alarms come first", async () => {
    line.set(17, 90, 0);
    const asked: number[] = [];
    const read = line.readHolding.bind(line);
    line.readHolding = (unit, address, count, expect) => {
      asked.push(address);
      return read(unit, address, count, expect);
    };
    start({ registers: [slow, status] });
    await settle();
    await polls(10);
    expect(asked.slice(0, 2)).toEqual([2, 90]);
    expect(asked.filter((address) => address === 2)).toHaveLength(11);
    expect(asked.filter((address) => address === 90)).toHaveLength(3);
  });

  it("leave the fault of one that was refused as it is, while only the others are read", async () => {
    start({ registers: [slow, status] });
    await settle();
    expect(faults()).toEqual([["modbus-exception", true]]);
    await polls(4);
    expect(faults()).toHaveLength(1);
    line.set(17, 90, 0);
    await polls(1);
    expect(faults().slice(1)).toEqual([
      ["modbus-exception", false],
      ["battery-low", false],
    ]);
  });

  it("give a value once the registers that explain it were read too", async () => {
    const pressure = { name: "pressure", address: 4, type: "int16", decimalsAt: 50, unit: "bar" };
    line.set(17, 4, 121);
    start({ registers: [pressure] });
    await settle();
    expect(readings()).toEqual([]);
    line.set(17, 50, 1);
    await polls(60);
    expect(readings().at(-1)).toEqual({ pressureMpa: 1.21 });
    line.set(17, 4, 90);
    await polls(1);
    expect(readings().at(-1)).toEqual({ pressureMpa: 0.9 });
  });
});

describe("a command to a slave", () => {
  const withTest = { ...Object(generic), commands: { test: { coil: 2, value: true } } };

  it("is carried out by its session, and refused where the device is gone", async () => {
    const session = start(withTest);
    await settle();
    expect(await session.command?.({ name: "test", args: {} })).toEqual({ ok: true, confirmed: true });
    expect(line.writes).toEqual([{ unit: 17, address: 2, value: 1 }]);
    line.state = "silent";
    await polls(4);
    expect(await session.command?.({ name: "test", args: {} })).toMatchObject({ ok: false, why: "not-connected" });
    context.abort();
    expect(await session.command?.({ name: "test", args: {} })).toMatchObject({ ok: false, why: "not-connected" });
    expect(line.writes).toHaveLength(1);
  });

  it("that waits too long on a busy line is told as one that may be carried out yet", async () => {
    const session = start(withTest);
    await settle();
    line.writeCoil = () => new Promise(() => {});
    const given = session.command?.({ name: "test", args: {} });
    await polls(20);
    expect(await given).toMatchObject({ ok: false, why: "no-answer" });
  });
});
