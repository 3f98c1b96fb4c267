import { closeSync, cpSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LoggedObservation } from "../../gateway/domain/observation.ts";
import { birthSchema, gapSchema } from "../../gateway/uplink/contract.ts";
import { addsUp, laneCursors } from "../../gateway/uplink/ledger.ts";
import { CityRecorder, type Envelope } from "../support/city-recorder.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { openTestLogs } from "../support/log-fixture.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { RecordSender } from "../support/record-sender.ts";
import { waitFor } from "../support/wait-for.ts";
import { fillWithWaitingEvents } from "../support/waiting-events.ts";

describe("a damaged database", { timeout: 90_000 }, () => {
  let city: Mosquitto;
  let line: FaultProxy;
  let recorder: CityRecorder;
  let site: SiteFiles;
  let gateway: GatewayProcess;
  let sender: RecordSender;

  beforeEach(async () => {
    city = await startMosquitto();
    line = await startFaultProxy(city.port);
    recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
    site = await writeSite({ uplinkPort: line.port });
    const login = { deviceId: "1026700", username: "gate-east", password: "gate-secret-1" };
    const never = Number.POSITIVE_INFINITY;
    sender = new RecordSender({ port: site.brokerPort, ...login, denyEvery: 5, throwEvery: never });
  });
  afterEach(async () => {
    sender?.close();
    await gateway?.kill();
    await recorder?.stop();
    await line?.close();
    await city?.stop();
    site?.remove();
  });

  const births = (): Envelope[] => recorder.on("gateway").filter(({ type }) => type === "zhian.gateway.birth");
  const epochOf = (birth: Envelope | undefined): string => birthSchema.parse(birth?.data).lanes.events?.epoch ?? "";
  const damageSteps = (): unknown[] =>
    recorder.lane("alarms").flatMap(({ data }) => (data?.["subject"] === "gateway/log-damaged" ? [data["step"]] : []));
  const missing = (): string[] => {
    const got = recorder.recordIds();
    return [...sender.acknowledged].filter((id) => !got.has(id));
  };
  async function acknowledges(more: number): Promise<void> {
    const before = sender.acknowledged.size;
    await waitFor(`${more} records more`, () => sender.acknowledged.size >= before + more, 30_000);
  }

  it("is set aside and salvaged at the start: a new epoch begins, what is lost is declared, an alarm tells, and records flow again", async () => {
    gateway = await startGatewayProcess(site);
    sender.start();
    await waitFor("live records at the city", () => recorder.recordIds().size > 50);
    line.cut();
    await acknowledges(2000);
    sender.pause();
    await waitFor("the terminal to be done", () => sender.settled);
    expect(await gateway.stop()).toBe(0);
    const old = epochOf(births().at(-1));
    const damaged = damage(join(site.dataDir, "zhian.db"));

    line.mend();
    gateway = await startGatewayProcess(site);
    await waitFor("the birth", () => births().length === 2);
    const fresh = epochOf(births().at(-1));
    expect(fresh).not.toBe(old);
    const aside = readdirSync(site.dataDir).filter((name) => name.startsWith("corrupt-"));
    expect(aside).toHaveLength(1);
    // All but the first page, whose change counter moves when it is looked into.
    const kept = readFileSync(join(site.dataDir, aside[0] ?? "", "zhian.db"));
    expect(kept.subarray(4096).equals(damaged.subarray(4096))).toBe(true);

    // One damage, one story: what was salvaged is not taken for an old copy too.
    expect(gateway.log()).not.toContain("the end of the log is missing");

    await waitFor("the alarm", () => damageSteps().includes("raised"));
    await waitFor("the declared gap", () => recorder.on("gaps").length > 0);
    sender.start();
    await acknowledges(50);
    sender.pause();
    await waitFor("the terminal to be done", () => sender.settled);
    const gaps = recorder.on("gaps").map(({ data }) => gapSchema.parse(data));
    for (const gap of gaps) expect(gap).toMatchObject({ epoch: old, reason: "damaged" });
    const declared = gaps.filter(({ lane }) => lane === "events").reduce((sum, { from, to }) => sum + to - from + 1, 0);
    await waitFor("all that is not declared lost at the city", () => missing().length <= declared);
    console.info(
      `${sender.acknowledged.size} records acknowledged, ${missing().length} lost with the damaged pages, ${declared} declared`,
    );
    expect(missing().length).toBeGreaterThan(0);
    expect(jumps(recorder.lane("events"), fresh)).toEqual([]);
    expect(jumps(recorder.lane("alarms"), fresh)).toEqual([]);
    expect(recorder.unreadable).toEqual([]);
    const { lanes } = birthSchema.parse(births().at(-1)?.data);
    for (const lane of [lanes.alarms, lanes.events]) expect(lane && addsUp(lane.ledger)).toBe(true);

    // The next start finds all in order, and says that too.
    expect(await gateway.stop()).toBe(0);
    gateway = await startGatewayProcess(site);
    await waitFor("the next birth", () => births().length === 3);
    expect(epochOf(births().at(-1))).toBe(fresh);
    await waitFor("the alarm to return", () => damageSteps().includes("returned"));
    expect(damageSteps()).toEqual(["raised", "returned"]);
  });

  it("is found out while the gateway runs too: it ends and says why, and its next start salvages", async () => {
    const events = 60_000;
    await fillWithWaitingEvents(site.dataDir, events);
    line.cut();
    gateway = await startGatewayProcess(site);
    damage(join(site.dataDir, "zhian.db"));
    line.mend();
    await waitFor("the end of the gateway", () => gateway.child.exitCode !== null, 30_000);
    expect(gateway.child.exitCode).toBe(1);
    expect(gateway.log()).toContain("DB_CORRUPT");
    const old = epochOf(births()[0]);

    gateway = await startGatewayProcess(site);
    await waitFor("the next birth", () => births().length === 2);
    const fresh = epochOf(births().at(-1));
    expect(fresh).not.toBe(old);
    await waitFor("the alarm", () => damageSteps().includes("raised"));
    const declared = (): number =>
      recorder
        .on("gaps")
        .map(({ data }) => gapSchema.parse(data))
        .reduce((sum, { lane, from, to }) => sum + (lane === "events" ? to - from + 1 : 0), 0);
    await waitFor("the declared gap", () => declared() > 0);
    const arrived = (): number =>
      recorder.lane("events").filter(({ data }) => String(data?.["id"]).startsWith("observation-")).length;
    // The count of all copies first, since it costs nothing.
    const all = (): boolean => recorder.received.length >= events - declared() && arrived() + declared() >= events;
    await waitFor("the others at the city", all, 30_000);
    expect(declared()).toBeLessThan(100);
    expect(jumps(recorder.lane("events"), fresh)).toEqual([]);
    console.info(`found while running: ${arrived()} of ${events} events at the city, ${declared()} declared lost`);
  });
});

describe("turned bits", () => {
  const events = 5000;
  const original = mkdtempSync(join(tmpdir(), "zhian-damaged-"));
  /** Numbers in the ids of the events, which go up one by one. */
  let firstId = 0;
  beforeAll(async () => {
    await fillWithWaitingEvents(original, events);
    const logs = open(original);
    firstId = idOf(logs.observations.read(0, 1)[0]);
    logs.close();
  });
  afterAll(() => rmSync(original, { recursive: true }));

  const open = (dir: string) =>
    openTestLogs(dir, { eventCursorName: laneCursors.events, alarmCursorName: laneCursors.alarms });
  const idOf = (entry: LoggedObservation | undefined): number =>
    Number(/\d+$/.exec(entry?.observation.id ?? "")?.[0] ?? Number.NaN);

  const places = Array.from({ length: 12 }, (_, i) => (i + 1) / 14);
  it.each(places)("at %f of the file cost nothing that is not declared", (share) => {
    const dir = mkdtempSync(join(tmpdir(), "zhian-damaged-"));
    cpSync(original, dir, { recursive: true });
    damage(join(dir, "zhian.db"), share);
    const logs = open(dir);
    const kept = new Set(logs.observations.read(0, events).map((entry) => idOf(entry) - firstId + 1));
    const gaps = logs.gaps.read(0, events).filter(({ lane }) => lane === "events");
    logs.close();
    rmSync(dir, { recursive: true });
    expect(gaps.length).toBeGreaterThan(0);
    const silent = Array.from({ length: events }, (_, i) => i + 1).filter((seq) => {
      return !kept.has(seq) && !gaps.some(({ from, to }) => from <= seq && seq <= to);
    });
    expect(silent).toEqual([]);
  });

  it.each([16, 18, 21, 44, 47, 52, 56, 60, 96])(
    "in the head of the file, at byte %i, keep no gateway from its start and cost nothing",
    (at) => {
      const dir = mkdtempSync(join(tmpdir(), "zhian-damaged-"));
      cpSync(original, dir, { recursive: true });
      turn(join(dir, "zhian.db"), at, 4);
      const logs = open(dir);
      expect(logs.observations.head()).toBe(events);
      logs.close();
      rmSync(dir, { recursive: true });
    },
  );
});

/** Turns every bit of 16 KiB from the first observation behind a share of the file. Answers with what is there then. */
function damage(path: string, share = 0.5): Buffer {
  const bytes = readFileSync(path);
  const at = bytes.indexOf('"kind":"access.', Math.floor(bytes.length * share));
  expect(at).toBeGreaterThan(0);
  turn(path, at, 16 * 1024);
  return readFileSync(path);
}

function turn(path: string, at: number, length: number): void {
  const turned = readFileSync(path)
    .subarray(at, at + length)
    .map((byte) => byte ^ 0xff);
  const file = openSync(path, "r+");
  writeSync(file, turned, 0, turned.length, at);
  closeSync(file);
}

/** Places at which the numbers of an epoch do not go on by one. */
function jumps(lane: readonly Envelope[], epoch: string): string[] {
  const numbers = lane.filter((envelope) => envelope.epoch === epoch).map(({ sequence }) => Number(sequence));
  expect(numbers.length).toBeGreaterThan(0);
  return numbers.flatMap((number, i) => {
    const before = numbers[i - 1];
    return before === undefined || number === before + 1 ? [] : [`${before} → ${number}`];
  });
}
