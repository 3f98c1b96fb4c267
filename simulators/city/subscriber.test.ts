import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../../tests/support/wait-for.ts";
import { freePort } from "../free-port.ts";
import { Mosquitto } from "../mosquitto-for-tests.ts";
import { CityBroker } from "./broker.ts";
import { CitySubscriber, type CitySubscriberOptions } from "./subscriber.ts";

const root = "zhian/v1/jinshuiwan/gw-01";

function envelope(type: string, data: object, more: object = {}): object {
  return {
    specversion: "1.0",
    id: `${type}-1`,
    source: `/${root}`,
    type,
    time: "2026-11-24T10:00:00.000Z",
    data,
    ...more,
  };
}
function event(sequence: number, more: object = {}): object {
  const place = { lane: "events", epoch: "e1", sequence: String(sequence), subject: "gate-east", id: `o-${sequence}` };
  return envelope("zhian.observation", { kind: "access.granted" }, { ...place, ...more });
}
function alarm(sequence: number, alarmId: string, step: string, state: string): object {
  const data = {
    alarmId,
    rule: "fire",
    subject: "ext-b3-2f",
    zoneId: "b3-u1",
    severity: "critical",
    certainty: "likely",
    state,
    step,
    explanation: { zh: "火警", en: "fire" },
  };
  const place = { lane: "alarms", epoch: "e1", sequence: String(sequence), subject: alarmId, id: `t-${sequence}` };
  return envelope("zhian.alarm.transition", data, place);
}

describe("the city, listening to Mosquitto", () => {
  let broker: Mosquitto;
  let city: CitySubscriber;
  beforeEach(async () => {
    broker = await Mosquitto.start();
  });
  afterEach(async () => {
    await city.close();
    await broker.stop();
  });
  async function listen(options: Partial<CitySubscriberOptions> = {}): Promise<void> {
    city = new CitySubscriber({ url: broker.url, ...options });
    await city.connect();
  }
  const heard = (count: number) =>
    waitFor(`${count} messages`, () => city.counters.received + city.counters.malformed >= count);
  const say = (topic: string, message: unknown, ...options: string[]) =>
    broker.say(`${root}/${topic}`, message, ["-q", "1", ...options]);

  it("finds planted losses, duplicates and disorder", async () => {
    await listen();
    for (const sequence of [1, 2, 2, 5, 4, 8]) say("events", event(sequence));
    say("gaps", envelope("zhian.gap", { lane: "events", epoch: "e1", from: 6, to: 6, reason: "retention" }));
    await heard(6);
    await waitFor("the gap", () => city.missing().length === 2);
    expect(city.missing().map(({ from, to }) => [from, to])).toEqual([
      [3, 3],
      [7, 7],
    ]);
    expect(city.counters).toMatchObject({ received: 6, distinct: 5, duplicates: 1, disorder: 1, malformed: 0 });
    expect(city.disorder[0]).toMatchObject({ subject: "gate-east", sequence: 4, after: 5 });
  });

  it("misses the tail that a birth tells of", async () => {
    await listen();
    say("events", event(1));
    say("gateway", envelope("zhian.gateway.birth", { lanes: { events: { epoch: "e1", head: 3 } } }), "-r");
    await waitFor("the missing tail", () => city.missing().length === 1);
    expect(city.missing()[0]).toMatchObject({ lane: "events", epoch: "e1", from: 2, to: 3 });
  });

  it("sets aside what is no envelope, or has no place", async () => {
    await listen();
    say("events", "{ not json");
    say("events", envelope("zhian.observation", {}));
    say("events", event(1, { sequence: 1 }));
    say("alarms", event(1, { lane: "alarms", id: "t" }));
    await heard(4);
    expect(city.counters).toMatchObject({ received: 0, malformed: 4 });
    expect(city.malformed.length).toBe(4);
  });

  it("keeps the table of active alarms, and compares it with the steps", async () => {
    await listen();
    say("alarms", alarm(1, "al-0001", "raised", "active-unacknowledged"));
    await heard(1);
    expect(city.disagreements()).toEqual(["jinshuiwan/gw-01/al-0001"]);
    say("active/al-0001", alarm(1, "al-0001", "raised", "active-unacknowledged"), "-r");
    await waitFor("the alarm", () => city.active().size === 1);
    expect(city.disagreements()).toEqual([]);
    say("alarms", alarm(2, "al-0001", "closed", "closed"));
    say("active/al-0001", "", "-r");
    await waitFor("the empty table", () => city.active().size === 0);
    expect(city.disagreements()).toEqual([]);
  });

  it("gets from the broker what came while it was away", async () => {
    await listen({ clientId: "city-1" });
    await city.close();
    say("events", event(1));
    await city.connect();
    await heard(1);
    expect(city.counters.distinct).toBe(1);
  });

  for (const version of [4, 5] as const) {
    it(`commands a gateway with MQTT ${version === 5 ? "5" : "3.1.1"} and hears its answer`, async () => {
      await listen({ version, answerWithinMs: 2000 });
      const gateway: MqttClient = await connectAsync(broker.url, { protocolVersion: version });
      await gateway.subscribeAsync(`${root}/commands/+`);
      gateway.on("message", (topic, payload, packet) => {
        const { requestId } = JSON.parse(payload.toString());
        const answer = { requestId, ok: topic.endsWith("/ping"), error: { code: "X", message: "m", hint: "h" } };
        gateway.publish(packet.properties?.responseTopic ?? `${root}/responses`, JSON.stringify(answer));
      });
      expect(await city.command("jinshuiwan/gw-01", "ping")).toMatchObject({ ok: true });
      expect(await city.command("jinshuiwan/gw-01", "close", { alarmId: "x" })).toMatchObject({ ok: false });
      await gateway.endAsync();
      expect(city.protocolVersion).toBe(version);
    });
  }

  it("says when a gateway does not answer", async () => {
    await listen({ answerWithinMs: 50 });
    await expect(city.command("jinshuiwan/gw-01", "ping")).rejects.toThrow("did not answer ping within 50 ms");
  });
});

describe("the simulated city's broker", () => {
  it("speaks 3.1.1 to those it knows, and lets its line be cut and mended", async () => {
    const broker = new CityBroker({ port: 0, linePort: await freePort(), users: { "gw-01": "a", city: "b" } });
    await broker.start();
    const city = new CitySubscriber({ url: broker.url, username: "city", password: "b" });
    await city.connect();
    expect(city.protocolVersion).toBe(4);
    await expect(new CitySubscriber({ url: broker.url, username: "city", password: "x" }).connect()).rejects.toThrow();
    const gateway = await connectAsync(broker.lineUrl, { username: "gw-01", password: "a", reconnectPeriod: 20 });
    await gateway.publishAsync(`${root}/events`, JSON.stringify(event(1)), { qos: 1 });
    await waitFor("the first event", () => city.counters.distinct === 1);
    broker.cutLine();
    await waitFor("the cut", () => !gateway.connected);
    await broker.mendLine();
    await waitFor("the mended line", () => gateway.connected);
    await gateway.publishAsync(`${root}/events`, JSON.stringify(event(2)), { qos: 1 });
    await waitFor("the second event", () => city.counters.distinct === 2);
    expect(city.missing()).toEqual([]);
    await gateway.endAsync();
    await city.close();
    await broker.stop();
  });
});
