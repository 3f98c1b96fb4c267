import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { gstPanel, models } from "./models.ts";
import { TcpSlaves } from "./tcp-slaves.ts";
import { ExtinguisherUnit } from "./unit.ts";

const run = promisify(execFile);
const slaves = new TcpSlaves();
const unit = new ExtinguisherUnit({ ambientC: -10 });
let port = 0;

beforeAll(async () => {
  port = await slaves.listen();
  Object.values(models).forEach((model, i) => {
    slaves.attach(i + 1, () => model(unit));
  });
  slaves.attach(100, () => gstPanel([1, 2, 3, 0, 0, 0, 1, 0]));
});
afterAll(() => slaves.close());

/** What libmodbus reads: a master that is not ours. Rejects with what it printed. */
async function mbpoll(
  id: number,
  address: number,
  count: number,
  type = "4:hex",
  ...more: string[]
): Promise<string[]> {
  const tcp = ["-m", "tcp", "-p", String(port), "-0", "-1", "-q", "-o", "0.5"];
  const what = ["-a", String(id), "-t", type, "-r", String(address), "-c", String(count)];
  const { stdout } = await run("mbpoll", [...tcp, ...what, ...more, "127.0.0.1"]);
  return [...stdout.matchAll(/^\[\d+\]:\s+(\S+)/gm)].map(([, value = ""]) => value);
}

it("slaves over TCP are read by mbpoll, each model with its own map", async () => {
  const [temperature = 0] = (await mbpoll(1, 0, 3)).map(Number);
  expect(temperature).toBeGreaterThan(0xffff - 110);
  expect(await mbpoll(2, 2, 2)).toEqual(["0x0003", "0x0002"]);
  const [pressure = 0, celsius = 0] = [
    (await mbpoll(4, 0x16, 1, "4:float", "-B"))[0],
    (await mbpoll(4, 0x26, 1, "4:float", "-B"))[0],
  ].map(Number);
  expect(pressure).toBeCloseTo(unit.pressureMpa, 3);
  expect(celsius).toBeCloseTo(-10, 1);
  expect(await mbpoll(100, 30, 2)).toEqual(["0x06C0", "0x4000"]);
});

it("refuse what they have not, and say so for a unit that is not there", async () => {
  await expect(mbpoll(2, 7, 1)).rejects.toThrow(/Illegal data address/);
  await expect(mbpoll(1, 0, 1, "3")).rejects.toThrow(/Illegal function/);
  await expect(mbpoll(200, 0, 1)).rejects.toThrow(/Target device failed to respond/);
});

it("misbehave when told to", async () => {
  slaves.setFault(1, { mode: "silent" });
  await expect(mbpoll(1, 0, 1)).rejects.toThrow(/timed out/);
  slaves.setFault(1, { mode: "late", ms: 900 });
  await expect(mbpoll(1, 0, 1)).rejects.toThrow(/timed out/);
  slaves.setFault(1, { mode: "stale" });
  await expect(mbpoll(1, 0, 1)).rejects.toThrow(/Invalid data|Connection|timed out/);
  slaves.setFault(1, { mode: "absent" });
  await expect(mbpoll(1, 0, 1)).rejects.toThrow(/Target device failed to respond/);
  slaves.setFault(1, undefined);
  expect(await mbpoll(1, 0, 1)).toHaveLength(1);
});
