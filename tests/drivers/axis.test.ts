import { expect, test } from "vitest";
import { throwCameraAxisMqtt } from "../../drivers/throw-camera/axis-manifest.ts";
import { plainAxisTopic } from "../../drivers/throw-camera/axis-message.ts";
import { open } from "../../drivers/throw-camera/axis-mqtt.ts";
import { cameraSample } from "../support/camera-samples.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

type Options = Parameters<typeof open>[0]["options"];

function listen(serial: string, events: readonly object[]) {
  const options = throwCameraAxisMqtt.options.parse({ username: "u", password: "p", serial, events }) as Options;
  const context = new FakeDriverContext({ options });
  open(context);
  context.mqtt.connect(true);
  return context;
}

test.each([
  ["tns:onvif/Device/tns:axis/IO/Port", "Device/IO/Port"],
  ["onvif:Device/axis:IO/Port", "Device/IO/Port"],
  ["Device/IO/Port", "Device/IO/Port"],
  [
    "tns:axis/CameraApplicationPlatform/ObjectAnalytics/Device1Scenario1",
    "CameraApplicationPlatform/ObjectAnalytics/Device1Scenario1",
  ],
])("the topic %s is %s, however the bridge writes its namespaces", (topic, plain) => {
  expect(plainAxisTopic(topic)).toBe(plain);
});

test("a port and a motion sensor are what the installer says, with every value as text", async () => {
  const port = {
    topic: "onvif:Device/axis:IO/Port",
    when: { port: 1 },
    active: { state: true },
    as: "contact",
    role: "door",
  };
  const context = listen("SERIAL", [port]);
  const sample = cameraSample("axis-port");
  await context.mqtt.say(sample.topic, sample.payload);
  await context.mqtt.say(sample.topic, sample.payload.replace('"state": "0"', '"state": "1"'));
  expect(context.observed.map(({ body }) => body)).toEqual([
    { active: false, role: "door" },
    { active: true, role: "door" },
  ]);
  const pir = listen("00408C12345", [{ topic: "Device/Sensor/PIR", when: { state: "1" }, as: "throw" }]);
  await pir.mqtt.say(cameraSample("axis-pir").topic, cameraSample("axis-pir").payload);
  expect(pir.observed).toMatchObject([{ kind: "throw.detected" }]);
});

test("an application's own event is a throw, with its object and at the time of its clock", async () => {
  const sample = cameraSample("axis-application");
  const events = [
    {
      topic: "axis:CameraApplicationPlatform/ObjectDwellTimer/Entered",
      when: { zone: 1 },
      as: "throw",
      record: "objectId",
    },
  ];
  const context = listen("SERIAL", events);
  context.clock.jump(1785332731817 + 900);
  context.clock.advance(61_000);
  await context.mqtt.say(sample.topic, sample.payload);
  expect(context.observed).toMatchObject([
    { kind: "throw.detected", occurredAtMs: 1785332731817, sourceRecordId: "00000000-0000-0000-0000-000000000000" },
  ]);
});

test("where the bridge does not append the topic, the payload names the event", async () => {
  const context = listen("SERIAL", [{ topic: "Device/IO/Port", active: { state: 1 }, as: "contact" }]);
  for (const port of ["1", "2"]) {
    const message = { source: { port }, key: {}, data: { state: "1" } };
    await context.mqtt.say("axis/SERIAL/event", {
      topic: "onvif:Device/axis:IO/Port",
      timestamp: 1785325150144,
      message,
    });
  }
  expect(context.observed.map(({ kind }) => kind)).toEqual(["contact.state", "contact.state"]);
});

test("a state that is told without the RETAIN flag is a throw each time, unless it is said to be a property", async () => {
  const scenario = "tns:axis/CameraApplicationPlatform/ObjectAnalytics/Device1Scenario1";
  const say = async (context: ReturnType<typeof listen>) => {
    context.clock.advance(61_000);
    for (const [ms, active] of ["0", "1", "1", "0"].entries()) {
      const message = { source: {}, key: {}, data: { active, triggerTime: "" } };
      await context.mqtt.say(`axis/S/event/${scenario}`, { topic: "x", timestamp: context.clock.wall() + ms, message });
    }
  };
  const rule = { topic: scenario, active: { active: true }, as: "throw" };
  const events = listen("S", [rule]);
  await say(events);
  expect(events.observed).toHaveLength(2);
  const property = listen("S", [{ ...rule, property: true }]);
  await say(property);
  expect(property.observed).toMatchObject([{ body: { delivery: "live" } }]);
});

test("the camera's connection messages are no events, and its last will ends it", async () => {
  const context = listen("S", [{ topic: "Device/IO/Port", as: "ignore" }]);
  await context.mqtt.say("axis/S/connection", "Connected");
  await context.mqtt.say("axis/S/connection", "Connection Lost", true);
  expect(context.filteredReasons).toEqual(["not-an-event", "last-will"]);
  expect(context.goneReasons).toEqual(["last-will"]);
});
