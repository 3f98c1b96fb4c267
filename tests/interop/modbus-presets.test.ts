import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadProfile } from "../../config/profiles.ts";
import { openModbusTcp } from "../../drivers/modbus/open-modbus-tcp.ts";
import { profileSchema } from "../../drivers/modbus/profile.ts";
import { openSlave } from "../../drivers/modbus/slave-session.ts";
import { openSerialLines } from "../../drivers/serial-line/serial-lines.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import type { ModbusLine } from "../../gateway/ports/driver.ts";
import { openPty, type Pty } from "../../simulators/serial/pty.ts";
import { SlaveLine } from "../../simulators/thermal-extinguisher/line.ts";
import { gstPanel, models } from "../../simulators/thermal-extinguisher/models.ts";
import { TcpSlaves } from "../../simulators/thermal-extinguisher/tcp-slaves.ts";
import { ExtinguisherUnit } from "../../simulators/thermal-extinguisher/unit.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";
import { waitFor } from "../support/wait-for.ts";

const clock = new SystemClock();
const deps = { clock, logger: quietLogger, telemetry: countingTelemetry() };
const names = Object.keys(models);
const panelUnit = 100;
const hot = new ExtinguisherUnit({ ambientC: 55 });
const tcp = new TcpSlaves();
const opened = openModbusTcp(deps);
let pty: Pty;
let lines: ReturnType<typeof openSerialLines>;
let over: Readonly<Record<"a serial line" | "TCP", ModbusLine>>;

beforeAll(async () => {
  pty = await openPty();
  const slaves = new SlaveLine(pty.stream, { baudRate: 115_200 });
  names.forEach((name, i) => {
    const tables = () => models[name]?.(hot) ?? {};
    slaves.attach(i + 1, tables);
    tcp.attach(i + 1, tables);
  });
  const panel = () => gstPanel([0, 1, 2, 3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  slaves.attach(panelUnit, panel);
  tcp.attach(panelUnit, panel);
  const port = await tcp.listen();
  lines = openSerialLines(
    [{ id: "a", path: pty.path, baudRate: 115_200, parity: "none", dataBits: 8, stopBits: 1 }],
    deps,
  );
  over = { "a serial line": lines.line("a"), TCP: opened.line({ host: "127.0.0.1", port }) };
});
afterAll(async () => {
  await lines?.close();
  opened.close();
  await tcp.close();
  await pty?.close();
  clock.close();
});

/** All that the session of a slave with this built-in profile observes at its first answers. */
async function observed(name: string, unit: number, line: ModbusLine, count: number) {
  const loaded = loadProfile(name, ".", profileSchema);
  if (!loaded.ok) throw new Error(`${name} is no profile`);
  const context = new FakeDriverContext<unknown>({ options: {}, profile: loaded.value });
  const session = openSlave(context, () => ({ line, unit, profile: name }));
  await waitFor(`what ${name} says`, () => context.observed.length >= count);
  context.abort();
  await session.done;
  expect(context.rejections).toEqual([]);
  return context.observed;
}

describe.each(["a serial line", "TCP"] as const)("the built-in profiles, over %s", (way) => {
  it.each(names.map((name, i) => [name, i + 1] as const))("read %s as its device is", async (name, unit) => {
    const drafts = await observed(name, unit, over[way], name.endsWith("extinguisher") ? 3 : 2);
    const reading = drafts.find(({ kind }) => kind === "thermal.reading")?.body as
      | { temperatureC?: number; pressureMpa?: number }
      | undefined;
    if (name === "rs485-smoke")
      expect(drafts.find(({ kind }) => kind === "fire.detected")?.body).toMatchObject({
        active: true,
        sensor: "smoke",
      });
    else expect(reading).toBeDefined();
    if (reading?.temperatureC !== undefined) expect(reading.temperatureC).toBeCloseTo(55, 0);
    if (reading?.pressureMpa !== undefined) expect(reading.pressureMpa).toBeCloseTo(hot.pressureMpa, 1);
    expect(name.includes("pressure") || name.endsWith("extinguisher")).toBe(reading?.pressureMpa !== undefined);
    const faults = drafts.filter(({ kind, body }) => kind === "device.fault" && "active" in body && body.active);
    expect(faults).toEqual([]);
  });

  it("read the points of a GST panel", async () => {
    const drafts = await observed("gst-panel", panelUnit, over[way], 22);
    const events = drafts.flatMap(({ kind, body }) => (kind === "panel.event" ? [body] : []));
    expect(events).toHaveLength(22);
    expect(events.filter((body) => "event" in body && body.event !== "normal")).toEqual([
      { event: "fire", point: "001-002" },
      { event: "fire", point: "001-007" },
      { event: "fault", point: "001-003" },
      { event: "disabled", point: "001-004" },
    ]);
  });
});
