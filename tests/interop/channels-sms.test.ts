import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { submitPdus } from "../../gateway/alarms/channels/sms-pdu.ts";
import { GsmModem } from "../../simulators/channels/modem.ts";
import { openPty, type Pty } from "../../simulators/serial/pty.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Bench, bench, HurriedClock, isFailure, li, push, wang } from "./channels-fixture.ts";

const dir = mkdtempSync(join(tmpdir(), "zhian-modem-"));
/** Named as udev does, so that it can be taken away and come back. */
const path = join(dir, "modem");
let pty: Pty;
let modem: GsmModem;
const benches: Bench[] = [];

async function plugIn(): Promise<void> {
  pty = await openPty();
  modem = new GsmModem(pty.stream);
  symlinkSync(pty.path, path);
}

async function unplug(): Promise<void> {
  unlinkSync(path);
  await pty.close();
}

beforeEach(plugIn);
afterEach(async () => {
  await Promise.all(benches.splice(0).map((one) => one.channel.close()));
  await unplug();
});

function sms(more: object = {}, clock = new HurriedClock(10)): Bench {
  const opened = bench({ id: "sms", type: "sms", path, ...more }, clock);
  benches.push(opened);
  return opened;
}

describe("a text message", () => {
  test("says severity, what, where and tier to each who has a number", async () => {
    const delivery = await sms().try();
    expect(delivery).toEqual({ ok: true, receipt: "2 of 2 told, references 1 2" });
    const text = "【紧急】3栋1单元 2层 火警 第1级 金水湾小区\n[CRITICAL] Fire, block 3 unit 1, floor 2";
    expect(modem.inbox).toEqual([
      { to: "+8613800138000", text },
      { to: "+8613900139000", text },
    ]);
    expect(modem.sent.every((part) => part.validForMinutes === 120)).toBe(true);
  });

  test("has two parts at most, whatever the title, and says first that an exercise is one", async () => {
    const long = "很长的地名".repeat(60);
    expect((await sms().try(push({ exercise: true, to: [li], title: { zh: long, en: "x".repeat(300) } }))).ok).toBe(
      true,
    );
    expect(modem.sent).toHaveLength(2);
    expect(modem.inbox[0]?.text).toMatch(/^【演练 EXERCISE】【紧急】很长的地名.*…$/s);
  });

  test("is sent through the service centre that is configured", async () => {
    expect((await sms({ smsc: "+8613800100500" }).try(push({ to: [li] }))).ok).toBe(true);
    expect(modem.sent[0]?.serviceCentre).toBe("+8613800100500");
  });

  test("is one at a time, though many pushes come at once", async () => {
    const b = sms();
    const deliveries = await Promise.all(
      Array.from({ length: 5 }, (_, i) => b.try(push({ id: `push-${i}`, to: [li] }))),
    );
    expect(deliveries.every((delivery) => delivery.ok)).toBe(true);
    expect(modem.inbox).toHaveLength(5);
  });

  test("waits in a bounded line: what is too much is told so at once", async () => {
    const b = sms();
    const deliveries = await Promise.all(
      Array.from({ length: 12 }, (_, i) => b.try(push({ id: `push-${i}`, to: [li] }))),
    );
    const refused = deliveries.filter((delivery) => !delivery.ok).map(isFailure);
    expect(refused).toHaveLength(4);
    expect(refused.every((failure) => failure.transient)).toBe(true);
    expect(modem.inbox).toHaveLength(8);
  });

  test("is not tried where nobody has a number", async () => {
    const { phone: _, ...unreachable } = li;
    expect(isFailure(await sms().try(push({ to: [unreachable] })))).toMatchObject({ transient: false });
  });

  test("tells nobody twice: another try of a push goes to those whom the first did not reach", async () => {
    const b = sms();
    modem.faults = { refusesNumber: { [wang.phone]: "+CMS ERROR: 42" } };
    expect(isFailure(await b.try())).toMatchObject({
      transient: true,
      detail: expect.stringMatching(/^1 of 2 told: .*42/),
    });
    modem.faults = {};
    expect((await b.try()).ok).toBe(true);
    expect(modem.inbox.map(({ to }) => to)).toEqual([li.phone, wang.phone]);
  });

  test("still goes to the others where one number does not exist", async () => {
    modem.faults = { refusesNumber: { [li.phone]: "+CMS ERROR: 28" } };
    const delivery = await sms().try();
    expect(delivery).toMatchObject({
      ok: true,
      receipt: expect.stringMatching(/^1 of 2 told.*li: the subscriber is not identified/),
    });
    expect(modem.inbox.map(({ to }) => to)).toEqual([wang.phone]);
  });
});

describe("the modem", () => {
  test.each([
    ["with echo", { echo: true }, {}],
    ["without echo", { echo: false }, {}],
    ["that says things unasked in between", {}, { chatters: true }],
    ["on a noisy line", {}, { noise: true }],
    ["whose answers come a byte at a time", {}, { pieces: 1 }],
    ["that takes its time", {}, { lateMs: 5 }],
    ["roaming", { registration: 5 }, {}],
    ["on LTE alone", { registration: 0, lteRegistration: 1 }, {}],
  ])("%s sends", async (_, state, faults) => {
    Object.assign(modem, state);
    modem.faults = faults;
    expect(await sms({}, new HurriedClock(2)).try(push({ to: [li] }))).toMatchObject({ ok: true });
    expect(modem.inbox).toHaveLength(1);
  });

  test.each([
    ["silent", {}, { silent: true }, true, /does not answer/],
    ["on no network", { registration: 2 }, {}, true, /no network/],
    ["that the network refuses", { registration: 3 }, {}, false, /refuses this SIM/],
    ["without a SIM", { sim: "none" }, {}, false, /no SIM/],
    ["whose SIM wants a PIN", { sim: "SIM PIN" }, {}, false, /wants a PIN/],
    ["whose SIM is locked", { sim: "SIM PUK" }, {}, false, /PUK/],
    ["that hangs after its prompt", {}, { hangsAfterPrompt: true }, true, /what became of the message/],
    ["that answers ERROR instead of the prompt", {}, { insteadOfPrompt: "ERROR" }, true, /ERROR/],
    ["that says OK instead of the prompt", {}, { insteadOfPrompt: "OK" }, true, /does not ask/],
    ["whose network has no room", {}, { refuses: "+CMS ERROR: 42" }, true, /42/],
    ["whose network does not answer", {}, { refuses: "+CMS ERROR: 332" }, true, /332/],
    ["whose operator bars messages", {}, { refuses: "+CMS ERROR: 8" }, false, /bars/],
    ["without a service centre", {}, { refuses: "+CMS ERROR: 330" }, false, /service centre/],
    ["that says a code of its maker", {}, { refuses: "+CMS ERROR: 777" }, true, /777/],
    ["that says OK without a reference", {}, { refuses: "OK" }, true, /what became/],
  ])("%s is told of", async (_, state, faults, transient, why) => {
    Object.assign(modem, state);
    modem.faults = faults;
    const failure = isFailure(await sms().try(push({ to: [li] })));
    expect(failure.detail).toMatch(why);
    expect(failure.transient).toBe(transient);
    expect(modem.inbox).toEqual([]);
  });

  test("is found again after it was unplugged, between pushes and in the middle of one", async () => {
    const b = sms();
    expect((await b.try()).ok).toBe(true);
    await unplug();
    expect(isFailure(await b.try(push({ id: "push-2" })))).toMatchObject({
      transient: true,
      detail: expect.stringContaining("is not there"),
    });
    await plugIn();
    modem.faults = { hangsAfterPrompt: true };
    const trying = b.try(push({ id: "push-2" }));
    await waitFor("the modem to be asked", () => modem.heard.some((line) => line.startsWith("AT+CMGS")));
    await pty.close();
    expect(isFailure(await trying)).toMatchObject({ transient: true, detail: expect.stringContaining("unplugged") });
    unlinkSync(path);
    await plugIn();
    expect((await b.try(push({ id: "push-2" }))).ok).toBe(true);
    expect(modem.inbox).toHaveLength(2);
  });

  test("lets go at once when the push is given up, and when the gateway stops", async () => {
    const b = sms({}, new HurriedClock(1));
    modem.faults = { hangsAfterPrompt: true };
    const asked = () => modem.heard.filter((line) => line.startsWith("AT+CMGS")).length;
    const ending = new AbortController();
    const first = b.try(push({ to: [li] }), ending.signal);
    await waitFor("the modem to be asked", () => asked() === 1);
    const begun = performance.now();
    ending.abort();
    expect(isFailure(await first)).toMatchObject({ transient: true, detail: expect.stringContaining("given up") });
    const second = b.try(push({ to: [li] }));
    await waitFor("the modem to be asked again", () => asked() === 2);
    await b.channel.close();
    expect(isFailure(await second)).toMatchObject({ transient: true, detail: expect.stringContaining("given up") });
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  test("is not left waiting for a message that nobody will type: the next push works", async () => {
    const b = sms();
    modem.faults = { hangsAfterPrompt: true };
    expect((await b.try(push({ to: [li] }))).ok).toBe(false);
    modem.faults = {};
    expect((await b.try(push({ to: [li] }))).ok).toBe(true);
  });

  test("gets the PIN that is configured, never a wrong one twice, and the right one again after a loss of power", async () => {
    modem.sim = "SIM PIN";
    const right = sms({ pin: "1234" });
    expect((await right.try(push({ to: [li] }))).ok).toBe(true);
    modem.sim = "SIM PIN";
    expect((await right.try(push({ to: [li], id: "push-2" }))).ok).toBe(true);
    modem.sim = "SIM PIN";
    const wrong = sms({ pin: "9753" });
    for (let i = 0; i < 4; i++) {
      const failure = isFailure(await wrong.try(push({ to: [li] })));
      expect(failure.transient).toBe(false);
      expect(JSON.stringify([failure, wrong.log])).not.toContain("9753");
    }
    expect(modem.pinTries).toBe(2);
  });

  test("is looked at while nothing is to be sent: ready, signal, and a line in the log when that changes", async () => {
    const b = sms({ checkEvery: "10s" }, new HurriedClock(40));
    await waitFor("the first look", () => b.gauges.get("zhian_modem_ready") === 1);
    expect(b.gauges.get("zhian_modem_signal_dbm")).toBe(-73);
    modem.registration = 2;
    await waitFor("the network's loss to be seen", () => b.gauges.get("zhian_modem_ready") === 0);
    expect(b.log.join("\n")).toMatch(/ready to send.*cannot send.*no network/s);
    modem.registration = 1;
    await waitFor("the network's return to be seen", () => b.gauges.get("zhian_modem_ready") === 1);
  });

  test("keeps numbers out of receipts, details and the log", async () => {
    const b = sms();
    const told = [await b.try()];
    modem.faults = { refuses: `+CMS ERROR: ${li.phone}` };
    told.push(await b.try(push({ id: "push-2" })));
    expect(JSON.stringify([told, b.log])).not.toMatch(/1380013800|1390013900/);
  });

  test("that is in use by another program is told of", async () => {
    const { SerialPort } = await import("serialport");
    const other = await SerialPort.binding.open({ path, baudRate: 9600, lock: true });
    expect(isFailure(await sms().try()).detail).toMatch(/in use by another program/);
    await other.close();
  });
});

const run = promisify(execFile);

describe("peers that are not ours (libgammu)", () => {
  const decode = `
import gammu, json, sys
for line in sys.stdin:
    d = gammu.DecodePDU(bytes.fromhex(line.strip()), True)
    print(json.dumps([d["Number"], d["Text"], d["SMSC"]["Number"], d["SMSC"]["Validity"], d["UDH"]["ID8bit"], d["UDH"]["PartNumber"], d["UDH"]["AllParts"], d["Coding"], d["Type"]]))
`;

  test("read our messages as we meant them: number, text, service centre, validity, parts", () => {
    const text = `【紧急】3栋1单元 2层 火警 第1级 金水湾小区${"火".repeat(60)}😉 end`;
    const pdus = submitPdus(text, {
      to: "+8613800138000",
      smsc: "+8613800100500",
      validForMs: 7_200_000,
      reference: 7,
    });
    const input = pdus.map(({ hex }) => hex).join("\n");
    const lines = execFileSync("/usr/bin/python3", ["-c", decode], { input }).toString().trim().split("\n");
    const read = lines.map((line) => JSON.parse(line));
    expect(read.map(([, part]) => part).join("")).toBe(text);
    const rest = read.map(([number, , ...others]) => [number, ...others]);
    expect(rest).toEqual(
      [1, 2].map((part) => [
        "+8613800138000",
        "+8613800100500",
        "120M",
        7,
        part,
        2,
        "Unicode_No_Compression",
        "Submit",
      ]),
    );
  });

  test("send through the simulated modem, so that it answers as a modem does", async () => {
    const rc = join(dir, "gammurc");
    writeFileSync(rc, `[gammu]\nport = ${path}\nconnection = at115200\n`);
    const { stdout } = await run(
      "gammu",
      [
        "-c",
        rc,
        "sendsms",
        "TEXT",
        "+8613800138000",
        "-smscnumber",
        "+8613800100500",
        "-unicode",
        "-text",
        "火警 test",
      ],
      { timeout: 20_000 },
    );
    expect(stdout).toMatch(/OK, message reference=\d+/);
    expect(modem.inbox).toEqual([{ to: "+8613800138000", text: "火警 test" }]);
  });
});

process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
