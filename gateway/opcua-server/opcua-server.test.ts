import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AttributeIds,
  type ClientAlarmList,
  type ClientSession,
  installAlarmMonitoring,
  MessageSecurityMode,
  OPCUAClient,
  SecurityPolicy,
  StatusCodes,
  UserTokenType,
} from "node-opcua-client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openPki, trustedFolder } from "../../drivers/opcua/pki.ts";
import { freePort } from "../../tests/support/free-port.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { MemoryAlarmLog } from "../../tests/support/memory-logs.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { createAlarmDesk } from "../alarms/desk.ts";
import type { DatedSignal } from "../alarms/respond.ts";
import type { AlarmSignal } from "../domain/alarm.ts";
import type { Device, DeviceState, Zone } from "../domain/device.ts";
import { GatewayError } from "../domain/errors.ts";
import { deviceIdSchema, observationIdSchema, siteIdSchema, zoneIdSchema } from "../domain/ids.ts";
import type { LoggedObservation, Observation } from "../domain/observation.ts";
import { type RunningOpcUaServer, startOpcUaServer } from "./opcua-server.ts";

const zoneId = zoneIdSchema.parse("b3");
const deviceId = deviceIdSchema.parse("ext-1");
const dataDir = mkdtempSync(join(tmpdir(), "zhian-opcua-server-"));
const clock = new ManualClock(Date.now());
const alarmLog = new MemoryAlarmLog();
const desk = createAlarmDesk({ log: alarmLog, clock, telemetry: countingTelemetry() });
const devices: Device[] = [
  { id: deviceId, name: "3栋灭火装置", driver: "thermal-extinguisher", dialect: "modbus-rtu", zoneId },
];
const zones: Zone[] = [{ id: zoneId, name: "3栋" }];
let state: DeviceState = { deviceId, online: "online", since: Date.now(), lastSeen: Date.now() };
const stateListeners = new Set<(state: DeviceState) => void>();
const commitListeners = new Set<(batch: readonly LoggedObservation[]) => void>();
let mayAct = true;
let port = 0;
let server: RunningOpcUaServer;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  port = await freePort();
  server = await start();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(async () => {
  await server.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function start(): Promise<RunningOpcUaServer> {
  return startOpcUaServer({
    listen: { host: "127.0.0.1", port },
    dataDir,
    site: { id: "jinshuiwan", name: "金水湾小区" },
    language: "zh",
    places: () => zones,
    devices: {
      devices: () => devices,
      states: () => [state],
      onChanged(listener) {
        stateListeners.add(listener);
        return () => stateListeners.delete(listener);
      },
      strangers: () => [],
      health: () => [{ deviceId, received: 7, rejected: 1, perMinute: 60 }],
    },
    desk,
    log: {
      onCommitted(listener) {
        commitListeners.add(listener);
        return () => commitListeners.delete(listener);
      },
    },
    users: {
      check: (name, password) => Promise.resolve(name === "li" && password === "correct horse battery"),
      mayAct: () => mayAct,
    },
    clock,
    logger: quietLogger,
    telemetry: countingTelemetry(),
    version: "1.2.3",
  });
}

async function client(folder: string, trusted: boolean): Promise<OPCUAClient> {
  const pki = await openPki(join(dataDir, folder));
  cpSync(server.certificateFile, join(trustedFolder(pki.folder), "server.pem"));
  if (trusted) cpSync(pki.certificateFile, join(dataDir, "opcua/server/trusted/certs", `${folder}.pem`));
  const it = OPCUAClient.create({
    applicationName: "bms",
    applicationUri: pki.applicationUri,
    clientCertificateManager: pki.store,
    certificateFile: pki.certificateFile,
    privateKeyFile: pki.privateKeyFile,
    securityMode: MessageSecurityMode.SignAndEncrypt,
    securityPolicy: SecurityPolicy.Basic256Sha256,
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
  });
  closing.push(() => it.disconnect());
  return it;
}

/** A building-management system that is trusted and signed in. */
async function bms(): Promise<ClientSession> {
  const connected = await waitFor("the certificate to be seen among the trusted", async () => {
    const it = await client("bms", true);
    return it.connect(server.url).then(
      () => it,
      () => undefined,
    );
  });
  const session = await connected.createSession2(li);
  closing.push(() => session.close());
  return session;
}
const li = { type: UserTokenType.UserName, userName: "li", password: "correct horse battery" } as const;

const read = async (session: ClientSession, id: string) => {
  const { value, statusCode } = await session.read({ nodeId: `ns=1;s=${id}`, attributeId: AttributeIds.Value });
  return { value: value.value as unknown, status: statusCode.name };
};

function observe(body: Pick<Observation, "kind" | "body">): void {
  const now = new Date().toISOString();
  const observation = {
    id: observationIdSchema.parse("o"),
    seq: 1,
    siteId: siteIdSchema.parse("s"),
    deviceId,
    zoneId,
    occurredAt: now,
    receivedAt: now,
    dialect: "modbus-rtu",
    ...body,
  } as Observation;
  for (const listener of commitListeners) listener([{ seq: 1, at: clock.now(), observation }]);
}

function become(online: DeviceState["online"]): void {
  state = { ...state, online };
  for (const listener of stateListeners) listener(state);
}

let openings = 0;
function raise(change: Partial<Extract<AlarmSignal, { type: "raise" }>> = {}): DatedSignal {
  const openedBy = observationIdSchema.parse(`o${++openings}`);
  return {
    rule: "fire",
    wallAt: new Date(clock.wall()).toISOString(),
    signal: {
      type: "raise",
      subject: deviceId,
      zoneId,
      openedBy,
      severity: "critical",
      certainty: "likely",
      causes: [openedBy],
      explanation: { zh: "3栋火警", en: "fire in building 3" },
      ...change,
    },
  };
}
const clear = (subject: string = deviceId): DatedSignal => ({
  rule: "fire",
  wallAt: new Date(clock.wall()).toISOString(),
  signal: { type: "clear", subject },
});

/** The library's list keeps what is not retained until it is told to look. */
const gone = (list: ClientAlarmList) =>
  waitFor("the end of the condition", () => {
    list.purgeUnusedAlarms();
    return list.length === 0;
  });

const alarmsOf = (list: ClientAlarmList) =>
  list.alarms().map(({ fields }) => ({
    retain: fields.retain.value,
    active: fields.activeState.id.value,
    acked: fields.ackedState.id.value,
  }));

describe("the OPC UA server", () => {
  test("refuses an application whose certificate nobody has trusted, and keeps the certificate aside", async () => {
    const stranger = await client("stranger", false);
    await expect(stranger.connect(server.url)).rejects.toThrow();
    expect(readdirSync(join(dataDir, "opcua/server/rejected"))).toHaveLength(1);
    expect(readdirSync(join(dataDir, "opcua/server/trusted/certs"))).toEqual([]);
  });

  test("lets nobody in without a name, with a wrong password, or without encryption", async () => {
    await (await bms()).close();
    const it = await client("bms", true);
    await it.connect(server.url);
    await expect(it.createSession2()).rejects.toThrow(/ANONYMOUS/);
    await expect(it.createSession2({ ...li, password: "guess" })).rejects.toThrow(/BadUserAccessDenied/);
    const endpoints = await it.getEndpoints();
    expect(endpoints.map(({ securityMode }) => securityMode)).not.toContain(MessageSecurityMode.None);
    const open = OPCUAClient.create({ connectionStrategy: { maxRetry: 0 }, endpointMustExist: false });
    closing.push(() => open.disconnect());
    await open.connect(server.url).catch(() => undefined);
    await expect(open.createSession2()).rejects.toThrow();
  });

  test("shows site, zones and devices with their newest readings, and says of each how good it is", async () => {
    const session = await bms();
    const { references } = await session.browse("ns=1;s=zone/b3");
    expect(references?.map(({ displayName }) => displayName.text)).toContain("3栋灭火装置");
    expect(await read(session, "device/ext-1/Temperature")).toMatchObject({ status: "BadWaitingForInitialData" });
    observe({ kind: "thermal.reading", body: { temperatureC: 23.5, pressureMpa: 1.2 } });
    observe({ kind: "contact.state", body: { active: true, role: "discharge" } });
    expect(await read(session, "device/ext-1/Temperature")).toEqual({ value: 23.5, status: "Good" });
    expect(await read(session, "device/ext-1/Contact.discharge")).toEqual({ value: true, status: "Good" });
    expect(await read(session, "device/ext-1/Received")).toEqual({ value: 7, status: "Good" });
    become("offline");
    expect(await read(session, "device/ext-1/Online")).toEqual({ value: false, status: "Good" });
    expect(await read(session, "device/ext-1/Temperature")).toMatchObject({ status: "BadNoCommunication" });
    expect(await read(session, "device/ext-1/Tamper")).toMatchObject({ status: "BadNoCommunication" });
    become("online");
    expect(await read(session, "device/ext-1/Temperature")).toEqual({
      value: 23.5,
      status: "UncertainLastUsableValue",
    });
    observe({ kind: "thermal.reading", body: { temperatureC: 24 } });
    expect(await read(session, "device/ext-1/Temperature")).toEqual({ value: 24, status: "Good" });
    const written = await session.write({
      nodeId: "ns=1;s=device/ext-1/Temperature",
      attributeId: AttributeIds.Value,
      value: { value: { dataType: "Double", value: 1 } },
    });
    expect(written.isGood()).toBe(false);
  });

  test("shows an alarm as a condition; an acknowledgement reaches the desk with who gave it and why", async () => {
    desk.take([raise()]);
    const session = await bms();
    const list = await installAlarmMonitoring(session);
    await waitFor("the condition", () => list.length === 1);
    expect(alarmsOf(list)).toEqual([{ retain: true, active: true, acked: false }]);
    const [shown] = list.alarms();
    const [alarm] = desk.open();
    if (shown === undefined || alarm === undefined) throw new Error("no alarm");
    expect(shown.getField("severity")?.value).toBe(1000);
    expect(shown.getField("message")?.value.text).toBe("3栋火警");
    expect(shown.getField("conditionName")?.value).toBe("fire");

    expect((await shown.acknowledge(session, "seen it")).name).toBe("Good");
    expect(desk.get(alarm.id)).toMatchObject({
      acknowledged: true,
      acknowledgedBy: { name: "li", via: "opcua" },
      comment: "seen it",
    });
    await waitFor("the acknowledged state", () => alarmsOf(list)[0]?.acked === true);
    expect(alarmsOf(list)).toEqual([{ retain: true, active: true, acked: true }]);

    desk.take([clear()]);
    await gone(list);
    expect(desk.open()).toEqual([]);
  });

  test("keeps a latched alarm until somebody confirms it, and only once it is gone and acknowledged", async () => {
    desk.take([raise({ latched: true })]);
    const [alarm] = desk.open();
    if (alarm === undefined) throw new Error("no alarm");
    const session = await bms();
    const list = await installAlarmMonitoring(session);
    await waitFor("the condition", () => list.length === 1);
    const shown = () => list.alarms()[0];
    expect((await shown()?.confirm(session, ""))?.name).toBe("BadInvalidState");
    desk.take([clear()]);
    await waitFor("the return", () => alarmsOf(list)[0]?.active === false);
    expect(alarmsOf(list)).toEqual([{ retain: true, active: false, acked: false }]);
    expect((await shown()?.acknowledge(session, ""))?.name).toBe("Good");
    await waitFor("the acknowledgement", () => alarmsOf(list)[0]?.acked === true);
    expect((await shown()?.confirm(session, "looked at it"))?.name).toBe("Good");
    expect(desk.get(alarm.id)).toMatchObject({ state: "closed", closedBy: { name: "li", via: "opcua" } });
    await gone(list);
  });

  test("answers an acknowledgement Good only when it is durable, and by the right people for what they have seen", async () => {
    desk.take([raise()]);
    const [alarm] = desk.open();
    if (alarm === undefined) throw new Error("no alarm");
    const session = await bms();
    const list = await installAlarmMonitoring(session);
    await waitFor("the condition", () => list.length === 1);
    const [shown] = list.alarms();
    if (shown === undefined) throw new Error("no condition");
    const append = alarmLog.append.bind(alarmLog);
    alarmLog.append = () => {
      throw new GatewayError("DISK_FULL", "no space");
    };
    expect((await shown.acknowledge(session, "")).name).toBe("BadResourceUnavailable");
    alarmLog.append = append;
    expect(desk.get(alarm.id)?.acknowledged).toBe(false);
    mayAct = false;
    expect((await shown.acknowledge(session, "")).name).toBe("BadUserAccessDenied");
    mayAct = true;
    const old = await session.acknowledgeCondition(shown.conditionId, Buffer.alloc(16), "");
    expect(old).toBe(StatusCodes.BadEventIdUnknown);
    expect(desk.get(alarm.id)?.acknowledged).toBe(false);
    desk.close(alarm.id, { name: "wang", via: "console" }, "false");
    await gone(list);
  });

  test("says what was wrong where its port is taken", async () => {
    await expect(start()).rejects.toMatchObject({ code: "PORT_IN_USE" });
  });

  test("keeps its key for itself", () => {
    const key = readFileSync(join(dataDir, "opcua/server/own/private/private_key.pem"), "utf8");
    expect(key).toContain("PRIVATE KEY");
  });
});
