import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { loadProfile } from "../../config/profiles.ts";
import { readEvent } from "../../drivers/thermal-extinguisher/chirpstack-event.ts";
import { open } from "../../drivers/thermal-extinguisher/chirpstack-mqtt.ts";
import { chirpStackGrants, chirpStackOptions } from "../../drivers/thermal-extinguisher/chirpstack-options.ts";
import { chirpStackProfileSchema } from "../../drivers/thermal-extinguisher/chirpstack-profile.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const fixture = (name: string) =>
  readFileSync(new URL(`../../drivers/thermal-extinguisher/fixtures/${name}.json`, import.meta.url));

const given = { applicationId: "17c82e96-be03-4f38-aef3-f83d48582d97", username: "lns", password: "p", profile: "x" };
const topicOf = (devEui: string, event = "up") => `application/${given.applicationId}/device/${devEui}/event/${event}`;

function session(profile: unknown, devEui = "0101010101010101") {
  const options = chirpStackOptions.parse({ ...given, devEui });
  const context = new FakeDriverContext({ options, profile });
  return { context, session: open(context) };
}

const builtIn = (name: string) => {
  const loaded = loadProfile(name, ".", chirpStackProfileSchema);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded));
  return loaded.value;
};

describe("events as ChirpStack's documentation has them", () => {
  test("an uplink of version 4", () => {
    expect(readEvent(fixture("chirpstack-4-up"))).toEqual({
      devEui: "0101010101010101",
      id: "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
      atMs: Date.UTC(2022, 6, 18, 9, 34, 15, 775),
      fPort: 1,
      data: Buffer.from([0xaa]),
      signalDbm: -36,
    });
  });

  test("uplinks of both marshalers of version 3: ids in base64 and in hexadecimal, the codec's object as text and as object", () => {
    expect(readEvent(fixture("chirpstack-3-up"))).toEqual({
      devEui: "0202020202020202",
      atMs: Date.UTC(2019, 10, 8, 13, 59, 25, 48),
      fCnt: 10,
      fPort: 5,
      object: { temperatureSensor: 25, humiditySensor: 32 },
      signalDbm: -48,
    });
    expect(readEvent(fixture("chirpstack-3-json-v3-up"))).toMatchObject({
      devEui: "0202020202020202",
      object: { temperatureSensor: { 1: 25 } },
      signalDbm: -57,
    });
  });

  test("a status tells the battery, a log why a frame was refused", async () => {
    const { context } = session(builtIn("lorawan-extinguisher-example"));
    await context.mqtt.say(topicOf("0101010101010101", "status"), fixture("chirpstack-4-status"));
    await context.mqtt.say(topicOf("0101010101010101", "log"), fixture("chirpstack-4-log"));
    expect(context.seenDetails).toEqual([{ batteryPercent: 88.3 }]);
    expect(context.filteredReasons).toEqual(["status"]);
    expect(context.rejections).toMatchObject([
      { reason: "network-log", detail: "UPLINK_MIC: MIC of join-request is invalid, make sure keys are correct" },
    ]);
  });

  test("an uplink that the profile does not describe is told with its port and first byte", async () => {
    const { context } = session(builtIn("lorawan-extinguisher-example"));
    await context.mqtt.say(topicOf("0101010101010101"), fixture("chirpstack-4-up"));
    const detail = "port 1 with 1 bytes, the first 0xaa: the profile has no such uplink";
    expect(context.rejections).toMatchObject([{ reason: "unknown-layout", detail }]);
  });
});

test("the server is let into the topics of its configured devices only, and shared by them", () => {
  const options = chirpStackOptions.parse({ ...given, devEui: "01:23:45:67:89:AB:CD:EF" });
  const grants = chirpStackGrants(options);
  expect(grants.publish).toContain(topicOf("0123456789abcdef"));
  expect(grants.subscribe).toEqual([`application/${given.applicationId}/device/0123456789abcdef/command/down`]);
  expect(grants.shared).toBe(true);
  expect(options.uplinkEvery).toBe(3_600_000);
});

describe("a device behind a LoRaWAN server", () => {
  const devEui = "0101010101010101";
  let context: FakeDriverContext<ReturnType<typeof chirpStackOptions.parse>>;
  let sent = 0;

  beforeEach(() => {
    context = session(builtIn("lorawan-extinguisher-example")).context;
    sent = 0;
  });

  /** Temperature in tenths, pressure in kPa, battery in %, state bits. */
  function uplink(celsius10: number, kPa: number, battery: number, bits: number, more: object = {}) {
    const bytes = Buffer.alloc(7);
    bytes.writeUInt8(1);
    bytes.writeInt16BE(celsius10, 1);
    bytes.writeUInt16BE(kPa, 3);
    bytes.set([battery, bits], 5);
    sent += 1;
    return {
      deduplicationId: `id-${sent}`,
      time: new Date(context.clock.wall()).toISOString(),
      deviceInfo: { devEui },
      fCnt: sent,
      fPort: 1,
      data: bytes.toString("base64"),
      rxInfo: [{ rssi: -101 }, { rssi: -87, snr: 5 }, {}],
      ...more,
    };
  }
  const say = (message: object) => context.mqtt.say(topicOf(devEui), message);
  const kinds = () => context.observed.map(({ kind, body }) => ({ kind, ...body }));

  test("tells its reading with every uplink, and its state when it changes", async () => {
    await say(uplink(-53, 1210, 80, 0));
    context.clock.advance(60_000);
    await say(uplink(-53, 1210, 79, 0));
    context.clock.advance(60_000);
    await say(uplink(215, 20, 79, 0b1001));
    expect(kinds()).toEqual([
      { kind: "extinguisher.state", discharged: false, lowPressure: false, tamper: false },
      { kind: "device.fault", code: "sensor-invalid", active: false },
      { kind: "device.fault", code: "battery-low", active: false },
      { kind: "thermal.reading", temperatureC: -5.3, pressureMpa: 1.21 },
      { kind: "thermal.reading", temperatureC: -5.3, pressureMpa: 1.21 },
      { kind: "extinguisher.state", discharged: true, lowPressure: false, tamper: false },
      { kind: "device.fault", code: "battery-low", active: true },
      { kind: "thermal.reading", temperatureC: 21.5, pressureMpa: 0.02 },
    ]);
    expect(context.observed.at(-1)).toMatchObject({ occurredAtMs: context.clock.wall(), sourceRecordId: "3" });
    expect(context.seenDetails).toEqual([80, 79, 79].map((batteryPercent) => ({ signalDbm: -87, batteryPercent })));
    const keys = context.observed.map(({ dedupKey }) => dedupKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("is told once where the server delivers an uplink twice", async () => {
    const message = uplink(200, 1200, 80, 0);
    await say(message);
    const before = context.observed.length;
    await say(message);
    expect(context.observed.length).toBe(before);
    expect(context.filteredReasons).toEqual(["duplicate"]);
  });

  test("tells an uplink that comes late with the time at which it was received by the server", async () => {
    const at = context.clock.wall() - 3_600_000;
    await say(uplink(200, 1200, 80, 0, { time: new Date(at).toISOString() }));
    expect(new Set(context.observed.map(({ occurredAtMs }) => occurredAtMs))).toEqual(new Set([at]));
  });

  test("lets no overtaken uplink take back a discharge, and none hide one", async () => {
    const old = uplink(200, 1200, 80, 0);
    const oldDischarge = uplink(200, 0, 80, 1);
    context.clock.advance(60_000);
    await say(uplink(200, 0, 80, 1));
    await say(old);
    expect(context.observed.filter(({ kind }) => kind === "extinguisher.state")).toHaveLength(1);
    context = session(builtIn("lorawan-extinguisher-example")).context;
    context.clock.advance(120_000);
    await say(uplink(200, 1200, 80, 0));
    await say(oldDischarge);
    expect(kinds().filter(({ kind }) => kind === "extinguisher.state")).toMatchObject([
      { discharged: false },
      { discharged: true },
    ]);
  });

  test("tells a value that cannot be, and what stands for none, as a fault, and tells it when it is well again", async () => {
    await say(uplink(-32_768, 1200, 255, 0));
    await say(uplink(2000, 1200, 80, 0));
    await say(uplink(200, 1200, 80, 0));
    const faults = context.observed.filter(({ kind, body }) => kind === "device.fault" && "code" in body);
    expect(faults.map(({ body }) => body)).toMatchObject([
      { code: "sensor-invalid", active: true, detail: expect.stringContaining("stands for no value") },
      { code: "battery-low", active: false },
      { code: "sensor-invalid", active: true, detail: "temperature 200 is outside -40 to 125" },
      { code: "sensor-invalid", active: false },
    ]);
  });

  test("believes nothing of a payload that is cut short", async () => {
    const whole = uplink(200, 1200, 80, 1);
    await say({ ...whole, data: whole.data.slice(0, 8) });
    expect(context.observed).toEqual([]);
    expect(context.rejections).toMatchObject([
      { reason: "unknown-layout", detail: "6 bytes, too few for status at 6" },
    ]);
  });

  test("loses no discharge where the log refuses: it is told with the next uplink, with its own time", async () => {
    await say(uplink(200, 1200, 80, 0));
    const at = context.clock.wall();
    context.logError = new GatewayError("DISK_FULL", "no space");
    await expect(say(uplink(200, 0, 80, 1))).rejects.toThrow("no space");
    context.logError = undefined;
    context.clock.advance(60_000);
    await say(uplink(200, 0, 80, 1));
    const state = context.observed.findLast(({ kind }) => kind === "extinguisher.state");
    expect(state).toMatchObject({ body: { discharged: true }, occurredAtMs: at });
    expect(context.observed.filter(({ kind }) => kind === "extinguisher.state")).toHaveLength(2);
  });

  test("tells each change once while the log is slow", async () => {
    context.held = true;
    const first = say(uplink(200, 0, 80, 1));
    const second = say(uplink(201, 0, 80, 1));
    context.held = false;
    context.commit();
    await Promise.all([first, second]);
    expect(context.observed.filter(({ kind }) => kind === "extinguisher.state")).toHaveLength(1);
    expect(context.observed.filter(({ kind }) => kind === "thermal.reading")).toHaveLength(2);
  });

  test("takes a server clock that is ahead for what it is", async () => {
    const at = context.clock.wall() + 3_600_000;
    await say(uplink(200, 1200, 80, 0, { time: new Date(at).toISOString() }));
    expect(context.seenDetails).toMatchObject([{ clockSkewMs: 3_600_000 }]);
    expect(context.observed.filter((draft) => "occurredAtMs" in draft)).toEqual([]);
  });

  test("is not taken for another: a foreign DevEUI and a foreign topic are refused", async () => {
    await say(uplink(200, 1200, 80, 0, { deviceInfo: { devEui: "0202020202020202" } }));
    await context.mqtt.say("application/1/device/0101010101010101/event/up", uplink(200, 1200, 80, 0));
    expect(context.rejections.map(({ reason }) => reason)).toEqual(["foreign-id", "wrong-topic"]);
    expect(context.observed).toEqual([]);
  });

  test("is alive by a join and by a frame without payload", async () => {
    await context.mqtt.say(topicOf(devEui, "join"), { deviceInfo: { devEui }, devAddr: "00189440" });
    await say({ deviceInfo: { devEui }, fCnt: 5 });
    expect(context.seenDetails).toHaveLength(2);
    expect(context.filteredReasons).toEqual(["join", "no-payload"]);
  });
});

describe("a layout", () => {
  const one = async (fields: object[], bytes: number[], object?: object) => {
    const { context } = session({ uplinks: [{ fields }] });
    const data = Buffer.from(bytes).toString("base64");
    await context.mqtt.say(topicOf("0101010101010101"), {
      data,
      fPort: 1,
      ...(object === undefined ? {} : { object }),
    });
    return { body: context.observed.findLast(({ kind }) => kind === "thermal.reading")?.body, context };
  };

  test.each([
    [{ type: "int16", order: "little", scale: 0.01 }, [0x0c, 0xfe], -5],
    [{ type: "uint24", scale: 0.0001 }, [0x03, 0x0d, 0x40], 20],
    [{ type: "int24", order: "little", scale: 0.001 }, [0x78, 0xec, 0xff], -5],
    [{ type: "float32" }, [0x41, 0xac, 0x00, 0x00], 21.5],
    [{ type: "float32", order: "little" }, [0x00, 0x00, 0xac, 0x41], 21.5],
    [{ type: "uint32", mask: 0x0ffff000, scale: 0.1 }, [0xf0, 0x0d, 0x7f, 0xff], 21.5],
    [{ type: "int16", mask: 0x0ff0 }, [0xff, 0xbf], -5],
    [{ type: "uint8", offset: -40 }, [61], 21],
    [{ type: "uint16", scale: 0.1, unit: "K" }, [0x0b, 0x83], 21.55],
    [{ type: "int8", unit: "degF" }, [0x44], 20],
  ])("%o of %o is %s °C", async (field, bytes, celsius) => {
    const { body } = await one([{ name: "temperature", at: 0, ...field }], bytes);
    expect(body).toEqual({ temperatureC: celsius });
  });

  test("a codec's object is read by keys, whether numbers and truths are spelt as such or as text", async () => {
    const fields = [
      { name: "pressure", key: "pressure_psi", unit: "psi" },
      { name: "temperature", key: "probes.t1" },
      { name: "low", key: "low_alarm_active", flag: "lowPressure" },
      { name: "cut", key: "tamper", flag: "!tamper" },
    ];
    const object = { pressure_psi: "175.5", probes: { t1: 21.5 }, low_alarm_active: true, tamper: "false" };
    const { body, context } = await one(fields, [], object);
    expect(body).toEqual({ temperatureC: 21.5, pressureMpa: 1.21003 });
    const state = context.observed.find(({ kind }) => kind === "extinguisher.state");
    expect(state?.body).toEqual({ discharged: false, lowPressure: true, tamper: true });
  });

  test("bits of a wide field are counted from the lowest, and a code means a name", async () => {
    const { context } = await one(
      [
        { name: "status", at: 0, type: "uint32", bits: { 31: "discharged", 0: "tamper" } },
        { name: "mode", at: 4, codes: { 0: "normal", 7: "smoke" } },
      ],
      [0x80, 0, 0, 0, 7],
    );
    expect(context.observed.map(({ kind, body }) => ({ kind, ...body }))).toMatchObject([
      { kind: "extinguisher.state", discharged: true, tamper: false },
      { kind: "fire.detected", active: true, sensor: "smoke" },
    ]);
  });

  test("of SignalFire's PressureScout reads 175.5 psi and its alarm bits as the maker's decoder does", async () => {
    const { context } = session(builtIn("signalfire-pressurescout"));
    const data = Buffer.from([0x13, 0x06, 0xdb, 0x06, 0xdb, 0x06, 0xe0, 0x06, 0xd0, 0x05]).toString("base64");
    await context.mqtt.say(topicOf("0101010101010101"), { data, fPort: 1 });
    expect(context.observed.map(({ kind, body }) => ({ kind, ...body }))).toEqual([
      { kind: "extinguisher.state", discharged: false, lowPressure: true, tamper: false },
      { kind: "device.fault", code: "sensor-invalid", active: false },
      { kind: "device.fault", code: "high-pressure", active: false },
      { kind: "device.fault", code: "battery-low", active: true },
      { kind: "device.fault", code: "sensor-broken", active: false },
      { kind: "thermal.reading", pressureMpa: 1.21003 },
    ]);
  });

  test.each([
    ["neither byte nor key", { name: "temperature" }, "at"],
    ["a misspelt discharge", { name: "status", at: 0, bits: { 0: "discharge" } }, "0"],
    ["a bit that the type has not", { name: "status", at: 0, bits: { 8: "tamper" } }, "8"],
    ["a mask beyond the type", { name: "temperature", at: 0, mask: 0x100 }, "mask"],
    ["a unit of something else", { name: "pressure", at: 0, unit: "degC" }, "unit"],
    ["a name that says nothing", { name: "humidity", at: 0 }, "name"],
    ["beyond the longest payload", { name: "temperature", at: 241, type: "int16" }, "at"],
  ])("with %s is refused", (_, field, key) => {
    const result = chirpStackProfileSchema.safeParse({ uplinks: [{ fields: [field] }] });
    expect(result.error?.issues.map(({ path }) => path.at(-1))).toContain(key);
  });
});

describe("a downlink", () => {
  const profile = {
    uplinks: [{ fields: [{ name: "temperature", at: 0 }] }],
    downlinks: { silence: { fPort: 10, data: "01ff", title: { zh: "消音", en: "Silence" } } },
  };

  test("that the profile names is queued at the server, and nobody claims that it was carried out", async () => {
    const { context, session: opened } = session(profile);
    const outcome = await opened.command?.({ name: "silence", args: {} });
    expect(outcome).toMatchObject({ ok: true, confirmed: false });
    expect(context.mqtt.published).toMatchObject([
      { topic: `application/${given.applicationId}/device/0101010101010101/command/down`, qos: 1 },
    ]);
    expect(context.mqtt.replies()).toMatchObject([
      { devEui: "0101010101010101", confirmed: false, fPort: 10, data: "Af8=" },
    ]);
  });

  test("is refused where the profile has none, and where the server is not there", async () => {
    const { context, session: opened } = session(profile);
    expect(await opened.command?.({ name: "open", args: {} })).toMatchObject({ ok: false, why: "unsupported" });
    context.mqtt.connect(false);
    expect(await opened.command?.({ name: "silence", args: {} })).toMatchObject({ ok: false, why: "not-connected" });
    expect(context.mqtt.published).toEqual([]);
  });
});
