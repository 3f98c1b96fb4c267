import mqtt from "mqtt";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Mosquitto, startMosquitto } from "../../tests/support/mosquitto.ts";
import { CityEar } from "../../tests/support/uplink/city-ear.ts";
import { CitySite, root } from "../../tests/support/uplink/city-site.ts";
import { alarmOf, eventEntry, MemoryLane, stepEntry } from "../../tests/support/uplink/memory-city-sources.ts";
import { MqttTap } from "../../tests/support/uplink/mqtt-tap.ts";
import { ScriptedBroker } from "../../tests/support/uplink/scripted-broker.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { SystemClock } from "../ops/system-clock.ts";
import { addsUp } from "./ledger.ts";
import type { Uplink } from "./start-uplink.ts";

let broker: Mosquitto;
let ear: CityEar;
let site: CitySite;
const uplinks: Uplink[] = [];

beforeAll(async () => {
  broker = await startMosquitto();
});
afterAll(() => broker.stop());

beforeEach(async () => {
  ear = await CityEar.listen(broker.url);
  site = new CitySite();
});
afterEach(async () => {
  await Promise.all(uplinks.splice(0).map((uplink) => uplink.stop()));
  expect(ear.faults).toEqual([]);
  await ear.stop();
  await clearBroker();
});

/** The session of the ear ends, and nothing stays retained. */
async function clearBroker(): Promise<void> {
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5, clientId: "city", clean: true });
  client.on("message", (topic, payload) => {
    if (payload.length > 0) client.publish(topic, "", { retain: true, qos: 1 });
  });
  await client.subscribeAsync(`${root}/#`, { qos: 1 });
  await client.publishAsync(`${root}/last`, "x", { qos: 1 });
  await client.endAsync();
}

function start(...args: Parameters<CitySite["start"]>): Uplink {
  const uplink = site.start(...args);
  uplinks.push(uplink);
  return uplink;
}

const data = (heard: { message: Record<string, unknown> } | undefined): unknown => heard?.message["data"];

describe("at a real broker", () => {
  test("the birth comes first, with versions, heads, cursors, books and the head of the chain", async () => {
    site.events.append(30);
    site.alarms.append(2);
    const uplink = start([broker.url]);
    await waitFor("the events", () => ear.on("events").length === 30);
    expect(ear.heard[0]?.topic).toBe("gateway");
    expect(ear.heard[0]?.properties?.contentType).toBe("application/cloudevents+json; charset=utf-8");
    expect(data(ear.heard[0])).toMatchObject({
      state: "online",
      version: "0.1.0",
      site: { id: "jinshuiwan", name: "金水湾小区", kind: "community" },
      protocol: "5.0",
      alarmChainHead: "c0ffee",
      lanes: {
        alarms: { epoch: "e-1", head: 2, cursor: 0 },
        events: {
          head: 30,
          cursor: 0,
          ledger: { accepted: 30, delivered: 0, pending: 30, quarantined: 0, evicted: 0 },
        },
      },
    });
    await waitFor("the books", () => uplink.ledger().events?.ledger.pending === 0);
    expect(uplink.state()).toMatchObject({ state: "up", protocol: "5.0" });
    for (const report of Object.values(uplink.ledger())) expect(addsUp(report.ledger)).toBe(true);
  });

  test("the lanes come in order, old entries marked as replayed and live ones not, the text as it was stored", async () => {
    const clock = new SystemClock();
    const events = new MemoryLane("events", (seq) => ({ ...eventEntry(seq), at: clock.now() }));
    site = new CitySite({ clock, events });
    site.events.append(5);
    start([broker.url]);
    await waitFor("the old events", () => ear.on("events").length === 5);
    site.events.append(5);
    await waitFor("the live events", () => ear.on("events").length === 10);
    expect(ear.sequences("events")).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(ear.on("events").map((heard) => heard.message["replayed"] === true)).toEqual([
      ...[true, true, true, true, true],
      ...[false, false, false, false, false],
    ]);
    expect(ear.on("events")[0]?.text).toContain(`"data":${eventEntry(1).data}`);
  });

  test("an alarm stands under active until it closes", async () => {
    const open = alarmOf(1, 1);
    const steps = [open, alarmOf(1, 2, { state: "closed" })];
    site = new CitySite({ alarms: new MemoryLane("alarms", (seq) => stepEntry(seq, steps[seq - 1] ?? open)) });
    start([broker.url]);
    site.alarms.append(1);
    await waitFor("the alarm", () => ear.retained.has(`active/${open.id}`));
    expect(data(ear.retained.get(`active/${open.id}`))).toEqual(open);
    site.alarms.append(1);
    await waitFor("the end of the alarm", () => !ear.retained.has(`active/${open.id}`));
    expect(ear.sequences("alarms")).toEqual([1, 2]);
  });

  test("devices, zones and open alarms are there after a connect, and what is stale is emptied", async () => {
    const stale = ["devices/old-device", "zones/old-zone", "active/alarm-000099"];
    for (const topic of stale) await ear.client.publishAsync(`${root}/${topic}`, "{}", { qos: 1, retain: true });
    await waitFor("the stale ones", () => ear.retained.size === 3);
    ear.faults.length = 0;
    site.devices.set("ext-1");
    site.zones.set("b3-u1", "green");
    site.desk.put(alarmOf(5, 1));
    start([broker.url]);
    await waitFor("the new ones alone", () => ear.retained.size === 4 && ear.retained.has("active/alarm-000005"));
    expect([...ear.retained.keys()].toSorted()).toEqual([
      "active/alarm-000005",
      "devices/ext-1",
      "gateway",
      "zones/b3-u1",
    ]);
  });

  test("commands are answered, on the response topic or on responses", async () => {
    const replies = await CityEar.listen(broker.url, "city/replies/#", "city-replies");
    site.desk.put(alarmOf(5, 1));
    start([broker.url]);
    await waitFor("the birth", () => ear.on("gateway").length === 1);
    const properties = { responseTopic: "city/replies/1", correlationData: Buffer.from("c-1") };
    await waitFor("an answer to a ping", async () => {
      await ear.command("ping", { requestId: "p" }, properties);
      return replies.heard.length > 0;
    });
    expect(replies.heard[0]?.message).toMatchObject({ requestId: "p", ok: true });
    expect(replies.heard[0]?.properties?.correlationData?.toString()).toBe("c-1");
    await ear.command("acknowledge", { requestId: "a", alarmId: "alarm-000005", by: "李明" });
    const answer = await waitFor("the answer", () => ear.on("responses")[0]);
    expect(answer.message).toMatchObject({ requestId: "a", ok: true });
    expect(site.desk.acts).toEqual(["acknowledge alarm-000005 by 李明 via city"]);
    expect(site.audited.at(-1)).toMatchObject({ command: "acknowledge", requestId: "a", by: "李明", ok: true });
    await replies.stop();
  });

  test("a range is sent again on request, and the lane goes on beside it", async () => {
    site.events.append(50);
    start([broker.url]);
    await waitFor("the events", () => site.cursor("events") === 50);
    await waitFor("the answer", async () => {
      if (ear.on("responses").length === 0) {
        await ear.command("replay-range", { requestId: "r", lane: "events", epoch: "e-1", from: 10, to: "20" });
      }
      return ear.on("responses").length > 0;
    });
    site.events.append(5);
    await waitFor("the range", () => ear.on("events").length === 66);
    const again = ear
      .on("events")
      .slice(50)
      .map((heard) => Number(heard.message["sequence"]));
    expect(again.filter((seq) => seq <= 50)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    expect(again.filter((seq) => seq > 50)).toEqual([51, 52, 53, 54, 55]);
    expect(site.cursor("events")).toBe(55);
  });

  test("gaps are declared", async () => {
    site.events.append(20);
    site.events.remove(3, 7);
    site.gaps.declare("events", 3, 7, "retention");
    const uplink = start([broker.url]);
    const gap = await waitFor("the gap", () => ear.on("gaps")[0]);
    expect(data(gap)).toMatchObject({ lane: "events", epoch: "e-1", from: 3, to: 7, reason: "retention" });
    await waitFor("the rest", () => uplink.ledger().events?.ledger.pending === 0);
    expect(uplink.ledger().events?.ledger).toEqual({
      accepted: 20,
      delivered: 15,
      pending: 0,
      quarantined: 0,
      evicted: 5,
    });
  });

  test("a stop says goodbye within two seconds", async () => {
    const uplink = start([broker.url]);
    await waitFor("the birth", () => ear.on("gateway").length === 1);
    const from = performance.now();
    await uplink.stop();
    expect(performance.now() - from).toBeLessThan(2_000);
    const death = await waitFor("the goodbye", () => ear.on("gateway")[1]);
    expect(data(death)).toMatchObject({ state: "offline", reason: "stopped" });
  });

  test("a lost line is a death by last will, and a birth when it is back", async () => {
    const tap = await MqttTap.start(broker.port);
    start([tap.url]);
    await waitFor("the birth", () => ear.on("gateway").length === 1);
    tap.cut();
    await waitFor("death and birth", () => ear.on("gateway").length === 3);
    expect(ear.on("gateway").map((heard) => (data(heard) as { state: string }).state)).toEqual([
      "online",
      "offline",
      "online",
    ]);
    expect(data(ear.on("gateway")[1])).toMatchObject({ reason: "lost" });
    await tap.stop();
  });
});

describe("a change of the configuration", () => {
  test("to another broker loses nothing", async () => {
    const other = await MqttTap.start(broker.port);
    const uplink = start([broker.url]);
    site.events.append(3_000);
    await waitFor("a part", () => site.cursor("events") > 500);
    await uplink.apply({ urls: [other.url], prefix: "zhian/v1" });
    await waitFor("all", () => site.cursor("events") === 3_000);
    await waitFor("all at the city", () => ear.sequences("events").length === 3_000);
    expect(other.connections).toBeGreaterThan(0);
    expect(uplink.state().url).toBe(other.url);
    await uplink.apply({ urls: [broker.url], prefix: "zhian/v1" });
    await waitFor("the way back", () => uplink.state().url === broker.url && uplink.state().state === "up");
    await other.stop();
  });

  test("that changes nothing of the connection keeps it, and a device that is gone is emptied", async () => {
    site.devices.set("ext-1");
    site.devices.set("ext-2");
    const tap = await MqttTap.start(broker.port);
    const uplink = start([tap.url]);
    await waitFor("the devices", () => ear.retained.has("devices/ext-1") && ear.retained.has("devices/ext-2"));
    site.devices.forget("ext-1");
    await uplink.apply({ urls: [tap.url], prefix: "zhian/v1" });
    await waitFor("the end of the device", () => !ear.retained.has("devices/ext-1"));
    expect(ear.retained.has("devices/ext-2")).toBe(true);
    expect(tap.connections).toBe(1);
    await tap.stop();
  });

  test("to no city and back", async () => {
    const uplink = start([broker.url]);
    await waitFor("the birth", () => ear.on("gateway").length === 1);
    await uplink.apply({ urls: [], prefix: "zhian/v1" });
    expect(uplink.state().state).toBe("off");
    await waitFor("the goodbye", () => ear.on("gateway").length === 2);
    site.events.append(3);
    expect(uplink.ledger().events?.ledger.pending).toBe(3);
    await uplink.apply({ urls: [broker.url], prefix: "zhian/v1" });
    await waitFor("the events", () => ear.on("events").length === 3);
  });
});

test("a gateway without a city runs, counts what waits, and stops", async () => {
  site.events.append(7);
  const uplink = start([]);
  expect(uplink.state()).toMatchObject({ state: "off", lanes: [{ lane: "alarms" }, { lane: "events", head: 7 }] });
  expect(uplink.ledger().events?.ledger).toEqual({ accepted: 7, delivered: 0, pending: 7, quarantined: 0, evicted: 0 });
  await uplink.stop();
});

test("a broker of MQTT 3.1.1 gets the same payloads, and its commands are answered on responses", async () => {
  const old = await ScriptedBroker.start({ speaks: [4] });
  site.events.append(4);
  site.alarms.append(1);
  const uplink = start([old.url]);
  await waitFor("the lanes", () => site.cursor("events") === 4 && site.cursor("alarms") === 1);
  expect(uplink.state()).toMatchObject({ state: "up", protocol: "3.1.1" });
  const five = await ScriptedBroker.start();
  const twin = new CitySite();
  twin.events.append(4);
  twin.alarms.append(1);
  uplinks.push(twin.start([five.url]));
  await waitFor("the lanes", () => twin.cursor("events") === 4 && twin.cursor("alarms") === 1);
  for (const lane of ["/events", "/alarms", "/active/alarm-000001"]) {
    expect(old.on(lane).map((p) => p.payload)).toEqual(five.on(lane).map((p) => p.payload));
  }
  const topic = `${root}/commands/ping`;
  old.newest?.send({ cmd: "publish", topic, payload: '{"requestId":"p"}', qos: 0, dup: false, retain: false });
  const [answer] = await waitFor("the answer", () =>
    old.on("/responses").length > 0 ? old.on("/responses") : undefined,
  );
  expect(JSON.parse(answer?.payload ?? "")).toMatchObject({ requestId: "p", ok: true });
  await Promise.all(uplinks.splice(0).map((one) => one.stop()));
  await Promise.all([old.stop(), five.stop()]);
});
