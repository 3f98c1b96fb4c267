import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { openSerialLines } from "../../drivers/serial-line/serial-lines.ts";
import { main } from "../../gateway/main.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { zhian } from "../support/command-line.ts";
import { exceptionReply, registersReply } from "../support/modbus-frames.ts";
import { ModbusPeer } from "../support/modbus-peer.ts";
import { ModbusTcpPeer, tcpFrame, tcpReply } from "../support/modbus-tcp-peer.ts";
import { ended } from "../support/mosquitto.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";
import { waitFor } from "../support/wait-for.ts";

const clock = new SystemClock();
const dir = mkdtempSync(join(tmpdir(), "zhian-probe-"));
const registers = [253, 1200, 0b010, 0xffff];
let peer: ModbusPeer;
let tcp: ModbusTcpPeer;

beforeAll(async () => {
  peer = await ModbusPeer.open(clock, (asked) => {
    if (asked.unit === 9) return [{ bytes: exceptionReply(asked, 1) }];
    if (asked.unit !== 17) return [];
    const end = asked.address + asked.count;
    if (end > registers.length) return [{ bytes: exceptionReply(asked, 2) }];
    return [{ bytes: registersReply(asked, registers.slice(asked.address, end)) }];
  });
  tcp = await ModbusTcpPeer.open((asked) => {
    if (asked.unit === 1) asked.say(tcpReply(asked, [0x7fff, 1200, 0].slice(0, asked.count)));
    else asked.say(tcpFrame(asked.transaction, asked.unit, [asked.function | 0x80, 11]));
  });
});
afterAll(async () => {
  await peer?.close();
  await tcp?.close();
  clock.close();
  rmSync(dir, { recursive: true, force: true });
});

const line = () => ["probe", "--line", peer.path];

describe("zhian probe", { timeout: 60_000 }, () => {
  it("shows what a slave says, raw and as its profile has it", async () => {
    const { code, out, err } = await zhian([...line(), "--unit", "17", "--profile", "generic-extinguisher"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/temperature +holding register 0 +0x00FD +25\.3 °C +ok/);
    expect(out).toMatch(/pressure +holding register 1 +0x04B0 +1\.2 MPa +ok/);
    expect(out).toMatch(/lowPressure +yes\n +tamper +no/);
  });

  it("shows registers that no profile explains", async () => {
    const { code, out } = await zhian([...line(), ..."--unit 17 --function 3 --address 0x1 --count 3".split(" ")]);
    expect(code).toBe(0);
    expect(out).toMatch(/holding register 3 +0xFFFF +65535 +-1 +1111111111111111/);
  });

  it("lists who is on the bus, with the entry for the configuration, and asks only to read", async () => {
    const before = peer.heard.length;
    const { code, out } = await zhian([...line(), "--scan", "8-18", "--timeout", "60ms"]);
    expect(code).toBe(0);
    expect(out).toContain("2 of 11 units answer");
    expect(out).toMatch(/ 9 +exception 1: illegal function/);
    expect(out).toMatch(/17 +register 0 is 253/);
    const entries: unknown = parse(out.slice(out.indexOf("serialLines:")));
    expect(entries).toMatchObject({
      serialLines: [{ id: "rs485-1", path: peer.path, baudRate: 9600, parity: "none" }],
      devices: [{ dialect: "modbus-rtu", options: { line: "rs485-1", unit: 9 } }, { options: { unit: 17 } }],
    });
    const asked = peer.heard.slice(before);
    expect(asked.map(({ unit }) => unit)).toEqual(Array.from({ length: 11 }, (_, i) => i + 8));
    expect(peer.heard.every(({ function: fn }) => fn <= 4)).toBe(true);
  });

  it("says what a value is that cannot be believed, and reads over TCP by what the configuration says of a device", async () => {
    const file = join(dir, "site.yaml");
    const device = `{ id: ext-1, name: 灭火装置, driver: thermal-extinguisher, dialect: modbus-tcp,
      options: { host: 127.0.0.1, port: ${tcp.port}, unit: 1, profile: generic-extinguisher } }`;
    writeFileSync(file, `site: { id: s, name: 小区 }\ngateway: { id: gw-01 }\ndevices:\n  - ${device}\n`);
    const [read, found] = await Promise.all([
      zhian(["probe", "--config", file, "--device", "ext-1", "--json"]),
      zhian(["probe", "--config", file, "--host", "127.0.0.1", "--port", String(tcp.port), "--scan", "1-2", "--json"]),
    ]);
    expect(read.code).toBe(0);
    expect(JSON.parse(read.out)).toMatchObject({
      place: `127.0.0.1 port ${tcp.port}`,
      unit: 1,
      profile: "generic-extinguisher",
      requests: [{ function: 3, address: 0, count: 3, ok: true, registers: [0x7fff, 1200, 0] }],
      registers: [
        { name: "temperature", raw: [0x7fff], value: 3276.7, doubt: "temperature 3276.7 °C is outside -40 to 125" },
        { name: "pressure", value: 1.2, unit: "MPa" },
        {
          name: "status",
          bits: [
            ["discharged", false],
            ["lowPressure", false],
            ["tamper", false],
          ],
        },
      ],
    });
    expect(JSON.parse(found.out)).toMatchObject({ asked: 2, found: [{ unit: 1, device: "ext-1" }] });
  });

  it("fails where nobody answers, or the slave refuses, and says which", async () => {
    const [silent, refused] = await Promise.all([
      zhian(["probe", "--host", "127.0.0.1", "--port", String(tcp.port), "--unit", "5", "--function", "4"]),
      zhian([...line(), "--unit", "17", "--function", "3", "--address", "2", "--json"]),
    ]);
    expect([silent.code, refused.code]).toEqual([1, 1]);
    expect(silent.out).toContain("gateway target device failed to respond");
    expect(JSON.parse(refused.out)).toMatchObject({ requests: [{ why: "exception", ok: false }] });
  });

  it("leaves a port alone that a gateway has, and says to stop it first", async () => {
    const lines = openSerialLines(
      [{ id: "a", path: peer.path, baudRate: 9600, parity: "none", dataBits: 8, stopBits: 1 }],
      { clock, logger: quietLogger, telemetry: countingTelemetry() },
    );
    await waitFor("the port to be open", () => lines.line("a").open());
    const { code, out, err } = await zhian([...line(), "--unit", "17", "--function", "3"]);
    await lines.close();
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(`LINK_LOST: ${peer.path} is in use by another program`);
    expect(err).toContain("stop the gateway");
  });

  it.each([
    "probe",
    "probe --line /dev/x --host h",
    "probe --line /dev/x --unit 0 --function 3",
    "probe --line /dev/x --unit 1",
    "probe --line /dev/x --unit 1 --function 6",
    "probe --line /dev/x --unit 1 --profile nosuch",
    "probe --line /dev/x --unit 1 --function 3 --count 126",
    "probe --line /dev/x --scan 0-9",
    "probe --line /dev/x --scan --timeout 5",
    "probe --line /dev/x --baud fast --scan",
    "probe --device a",
  ])("refuses `%s` as bad usage", async (args) => {
    expect(await main(args.split(" "))).toBe(2);
  });

  it("says what is wrong with bad usage: it never writes, for one", async () => {
    const { code, out, err } = await zhian(["probe", "--line", "/dev/x", "--unit", "1", "--function", "6"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("a probe never writes");
  });

  it("fails where a port is not there", async () => {
    expect(await main("probe --line /dev/no-such-port --unit 1 --function 3".split(" "))).toBe(1);
  });

  it("goes on with --watch until it is told to stop, and a scan tells what it has found", async () => {
    const program = resolve(import.meta.dirname, "../../gateway/main.ts");
    const start = (...args: string[]): { child: ChildProcess; out: () => string; code: Promise<number | null> } => {
      const child = spawn(process.execPath, [program, ...args]);
      let out = "";
      child.stdout.on("data", (data) => {
        out += data;
      });
      return { child, out: () => out, code: new Promise((done) => child.on("close", done)) };
    };
    const host = ["--host", "127.0.0.1", "--port", String(tcp.port)];
    const watching = start("probe", ...host, "--unit", "1", "--function", "3", "--count", "2", "--watch", "--json");
    await waitFor("two readings", () => watching.out().split("\n").length > 2);
    watching.child.kill("SIGINT");
    expect(await watching.code).toBe(0);
    expect(JSON.parse(watching.out().split("\n")[1] ?? "")).toMatchObject({
      requests: [{ registers: [0x7fff, 1200] }],
    });

    const asked = peer.heard.length;
    const scanning = start(...line(), "--scan", "17-247", "--json");
    await waitFor("a few units to be asked", () => peer.heard.length > asked + 2);
    scanning.child.kill("SIGINT");
    expect(await scanning.code).toBe(1);
    const told = JSON.parse(scanning.out());
    expect(told).toMatchObject({ units: 231, found: [{ unit: 17 }] });
    expect(told.asked).toBeLessThan(50);
    await ended(scanning.child);
  });
});
