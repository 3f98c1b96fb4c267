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
