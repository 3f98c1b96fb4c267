import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { CityRecorder, type Envelope } from "../support/city-recorder.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { MetricsReader } from "../support/metrics-reader.ts";
import { type Act, type Asked, damaged, registersReply } from "../support/modbus-frames.ts";
import { ModbusPeer } from "../support/modbus-peer.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { seededRandom } from "../support/random.ts";
import { waitFor } from "../support/wait-for.ts";

const [steadyUnit, unrulyUnit, muteUnit] = [17, 18, 19];
const temperatures: Readonly<Record<number, number>> = { [steadyUnit]: 21, [unrulyUnit]: 31 };
/** The pressure says which request it answers, MPa. */
const pressureOf = (nth: number): number => (1000 + nth) / 1000;

const profile = `registers:
  - { name: temperature, function: 3, address: 0, type: int16, scale: 0.1, unit: degC }
  - { name: pressure, function: 3, address: 1, type: uint16, scale: 0.001, unit: MPa }
  - { name: status, function: 3, address: 2, type: uint16, bits: { 0: discharged, 1: lowPressure, 2: tamper } }
pollEvery: 200ms
answerWithin: 100ms
report: { temperature: 0, pressure: 0, every: 1s }
`;
const extinguishers = [
  ["ext-steady", "守时的", steadyUnit],
  ["ext-unruly", "捣乱的", unrulyUnit],
  ["ext-mute", "沉默的", muteUnit],
] as const;

/** It comes after the time-out: to the next request, where there is one meanwhile, as from a slave that answers in order. */
const late = "a late answer";
const lateMs = 300;

/** What the unruly one, its adapter or the line does to its answers, turn by turn. */
type Trouble = (reply: Uint8Array, asked: Asked, random: () => number) => readonly Act[];
const good: Trouble = (reply) => [{ bytes: reply }];
const troubles: Readonly<Record<string, Trouble>> = {
  "a bit that turned": (reply, _asked, random) => [{ bytes: damaged(reply, Math.floor(random() * reply.length * 8)) }],
  [late]: () => [],
  "noise in front": (reply, _asked, random) => [{ bytes: noise(random) }, { bytes: reply }],
  "noise behind": (reply, _asked, random) => [{ bytes: reply }, { bytes: noise(random) }],
  "an answer cut short": (reply) => [{ bytes: reply.subarray(0, 6) }],
  "an answer of a slave that was not asked": (_reply, asked) => [
    { bytes: registersReply({ ...asked, unit: 9 }, new Array<number>(asked.count).fill(999)) },
  ],
  "an answer that is too long": (_reply, asked) => [
    { bytes: registersReply(asked, new Array<number>(asked.count + 1).fill(999)) },
  ],
};

function noise(random: () => number): Uint8Array {
  return Uint8Array.from({ length: 1 + Math.floor(random() * 12) }, () => Math.floor(random() * 256));
}

describe("trouble on a serial line", { timeout: 60_000 }, () => {
  const clock = new SystemClock();
  const random = seededRandom(4711);
  let city: Mosquitto;
  let recorder: CityRecorder;
  let site: SiteFiles;
  let metrics: MetricsReader;
  let gateway: GatewayProcess;
  let peer: ModbusPeer;
  /** What was said in good order, by unit: nothing else may ever be reported. */
  const honest = new Map<number, Set<number>>(extinguishers.map(([, , unit]) => [unit, new Set()]));
  const spoilt: string[] = [];
  let asks = 0;
  let owed: Uint8Array | undefined;

  function answer(asked: Asked): readonly Act[] {
    const said = honest.get(asked.unit);
    if (said === undefined || asked.unit === muteUnit) return [];
    if (owed !== undefined && asked.unit === unrulyUnit) return payDebt();
    const nth = peer.heard.length;
    const registers = [(temperatures[asked.unit] ?? 0) * 10, 1000 + nth, 0];
    const reply = registersReply(asked, registers.slice(asked.address, asked.address + asked.count));
    if (asked.unit === unrulyUnit && ++asks % 3 === 0) {
      const [name, trouble] = Object.entries(troubles)[spoilt.length % Object.keys(troubles).length] ?? ["", good];
      spoilt.push(name);
      if (name === late) {
        owed = reply;
        clock.after(lateMs, () => {
          for (const { bytes } of owed === reply ? payDebt() : []) peer.say(bytes);
        });
      }
      return trouble(reply, asked, random);
    }
    said.add(pressureOf(nth));
    return good(reply, asked, random);
  }

  function payDebt(): readonly Act[] {
    const acts = owed === undefined ? [] : [{ bytes: owed }];
    owed = undefined;
    return acts;
  }

  beforeAll(async () => {
    peer = await ModbusPeer.open(clock, answer);
    city = await startMosquitto();
    recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
    const device = ([id, name, unit]: (typeof extinguishers)[number]) =>
      `  - { id: ${id}, name: ${name}, driver: thermal-extinguisher, dialect: modbus-rtu, zone: b3-u1,
      options: { line: rs485-1, unit: ${unit}, profile: ./quick.yaml } }`;
    site = await writeSite({
      uplinkPort: city.port,
      serialLines: `serialLines:\n  - { id: rs485-1, path: ${peer.path}, baudRate: 115200, lateBound: 400ms }`,
      devices: extinguishers.map(device).join("\n"),
      extra: "rules: { device-offline: { grace: 1s } }",
    });
    writeFileSync(join(site.dir, "quick.yaml"), profile);
    metrics = new MetricsReader(site);
    gateway = await startGatewayProcess(site);
  });
  afterAll(async () => {
    await gateway?.stop();
    await recorder?.stop();
    await city?.stop();
    await peer?.close();
    clock.close();
    site?.remove();
  });

  const of = (deviceId: string, kind: string): Envelope[] =>
    recorder.lane("events").filter(({ data }) => data?.["deviceId"] === deviceId && data["kind"] === kind);
  const bodyOf = (envelope: Envelope): Record<string, unknown> => ({ ...(envelope.data?.["body"] as object) });
  const readings = (deviceId: string): Record<string, unknown>[] => of(deviceId, "thermal.reading").map(bodyOf);
  const alarmSteps = (rule: string, subject?: string): unknown[] =>
    recorder
      .lane("alarms")
      .filter(({ data }) => data?.["rule"] === rule && (subject === undefined || data["subject"] === subject))
      .map(({ data }) => data?.["step"]);
  const metric = (kind: string): Promise<number> => metrics.value("zhian_serial_errors_total", { kind });

  it("brings no wrong value to the city, while noise, damage, late and foreign answers come in", async () => {
    await waitFor("two rounds of every trouble", () => spoilt.length >= 2 * Object.keys(troubles).length, 45_000);
    await waitFor("the steady one's readings", () => readings("ext-steady").length >= 20);
    await waitFor("the unruly one's readings", () => readings("ext-unruly").length >= 5);
    for (const [id, , unit] of extinguishers) {
      const wrong = readings(id).filter(({ temperatureC, pressureMpa }) => {
        return temperatureC !== temperatures[unit] || !honest.get(unit)?.has(Number(pressureMpa));
      });
      expect(wrong).toEqual([]);
      for (const state of of(id, "extinguisher.state").map(bodyOf)) {
        expect(state).toEqual({ discharged: false, lowPressure: false, tamper: false });
      }
    }
    expect(readings("ext-mute")).toEqual([]);
    expect(alarmSteps("fire")).toEqual([]);
    console.info(
      `${spoilt.length} spoilt answers: ${readings("ext-steady").length} readings of the steady one, ` +
        `${readings("ext-unruly").length} of the unruly one, none wrong`,
    );
  });

  it("is counted by kind", async () => {
    for (const kind of ["bad-crc", "foreign", "timeout", "short"]) expect(await metric(kind), kind).toBeGreaterThan(0);
    for (const reason of ["bad-crc", "foreign-reply", "short-reply"]) {
      const labels = { device: "ext-unruly", reason };
      expect(await metrics.value("zhian_ingress_quarantined_total", labels), reason).toBeGreaterThan(0);
    }
    expect(await metrics.value("zhian_telemetry_undeclared_total")).toBe(0);
  });

  it("shows the slave that never answers as offline, with an alarm, and does not touch the steady one", async () => {
    await waitFor("word of the silence", () => of("ext-mute", "device.offline")[0]);
    await waitFor("the alarm", () => alarmSteps("device-offline", "ext-mute").includes("raised"));
    expect(bodyOf(of("ext-mute", "device.offline")[0] as Envelope)).toEqual({ reason: "no-answer" });
    const before = readings("ext-steady").length;
    await waitFor("the steady one to go on", () => readings("ext-steady").length >= before + 5);
    expect(of("ext-steady", "device.offline")).toEqual([]);
  });

  it("is over by itself when the line, which was pulled, comes back under another name behind its link", async () => {
    const before = peer.target;
    await peer.unplug();
    await waitFor("the alarm of the steady one", () => alarmSteps("device-offline", "ext-steady").includes("raised"));
    expect(bodyOf(of("ext-steady", "device.offline")[0] as Envelope)).toEqual({ reason: "link-lost" });
    // Others take the free numbers up to its own, so that the adapter comes back under a new one.
    const squatters: ModbusPeer[] = [];
    while (squatters.length < 10 && squatters.every(({ target }) => target !== before)) {
      squatters.push(await ModbusPeer.open(clock, () => []));
    }
    const sofar = readings("ext-steady").length;
    await peer.plug();
    expect(peer.target).not.toBe(before);
    await waitFor("readings over the new device", () => readings("ext-steady").length >= sofar + 3, 20_000);
    await waitFor("the alarm to return", () => alarmSteps("device-offline", "ext-steady").includes("returned"));
    for (const squatter of squatters) await squatter.close();
    expect(await metrics.value("zhian_serial_opens_total")).toBe(2);
    const wrong = readings("ext-steady").filter(({ pressureMpa }) => !honest.get(steadyUnit)?.has(Number(pressureMpa)));
    expect(wrong).toEqual([]);
    expect([...recorder.faults("events"), ...recorder.faults("alarms"), ...recorder.unreadable]).toEqual([]);
  });
});
