import { beforeEach, describe, expect, test } from "vitest";
import { throwCameraOnvifMqtt } from "../../drivers/throw-camera/onvif-manifest.ts";
import { parseOnvifTopic } from "../../drivers/throw-camera/onvif-message.ts";
import { open } from "../../drivers/throw-camera/onvif-mqtt.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { cameraSample } from "../support/camera-samples.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const thrown = "RuleEngine/FacadeDetector/acme:ObjectThrown";
const topic = `cam/onvif-ej/${thrown}/&1/Facade`;

type Options = Parameters<typeof open>[0]["options"];

function listen(topicPrefix: string, events: readonly object[], more: object = {}) {
  const given = { username: "u", password: "p", topicPrefix, events, ...more };
  const options = throwCameraOnvifMqtt.options.parse(given) as Options;
  const context = new FakeDriverContext({ options });
  open(context);
  context.mqtt.connect(true);
  return context;
}

const say = (
  context: FakeDriverContext<Options>,
  data: object,
  { at = context.clock.wall(), retained = true }: { at?: number; retained?: boolean } = {},
) =>
  context.mqtt.say(
    topic,
    { UtcTime: new Date(at).toISOString(), Source: { VideoSource: "1", Rule: "Facade" }, Data: data },
    false,
    retained,
  );

/** Beyond the minute in which a camera tells again what it knows. */
const settle = (context: FakeDriverContext<Options>) => context.clock.advance(61_000);

describe("the topics of the standard and of the cameras that came before it", () => {
  test.each([
    [
      "MyDevice/onvif-ej/RuleEngine/LineDetector/Crossed/&1/2/MyImportantFence1",
      "MyDevice",
      "RuleEngine/LineDetector/Crossed",
    ],
    ["MyDevice/onvif-ej/Device/Sensor/Temperature/High", "MyDevice", "Device/Sensor/Temperature/High"],
    ["E4:30:22:F3:31:AA/onvif-ej/Device/tns1:Trigger/tns1:Relay/&Relay-1", "E4:30:22:F3:31:AA", "Device/Trigger/Relay"],
    ["a/b/onvif-ej/tns1:Device/HardwareFailure/acme:LensFailure", "a/b", "Device/HardwareFailure/acme:LensFailure"],
    ["E4:30:22:F3:31:AA/heartbeat", "E4:30:22:F3:31:AA", "heartbeat"],
  ])("%s", (mqtt, prefix, local) => {
    expect(parseOnvifTopic(mqtt, prefix)?.local).toBe(local);
  });

  test("another camera's prefix is not this one's, even where it begins alike", () => {
    expect(parseOnvifTopic("MyDevice2/onvif-ej/Device/Trigger/Relay", "MyDevice")).toBeUndefined();
  });
});

describe("samples as the standard prints them and cameras send them", () => {
  test("a crossed line is what the installer says it is, with its rule and its object", async () => {
    const context = listen("MyDevice", [
      { topic: "tns1:RuleEngine/LineDetector/Crossed", as: "throw", record: "ObjectId" },
    ]);
    const sample = cameraSample("onvif-crossed");
    await context.mqtt.say(sample.topic, sample.payload);
    expect(context.observed).toMatchObject([
      { kind: "throw.detected", sourceRecordId: "15", body: { delivery: "live" } },
    ]);
  });

  test("a value is the same with quotes and without them", async () => {
    const events = [
      { topic: "Device/Sensor/Temperature/High", when: { Threshold: 25.15 }, as: "fire", sensor: "heat" },
      { topic: "Device/Sensor/AbsoluteHumidity/High", when: { Value: "10" }, as: "contact", role: "humidity" },
    ];
    const context = listen("MyDevice", events);
    for (const name of ["onvif-temperature-high", "onvif-humidity-high"]) {
      const sample = cameraSample(name);
      await context.mqtt.say(sample.topic, sample.payload);
    }
    expect(context.observed.map(({ kind }) => kind)).toEqual(["fire.detected", "contact.state"]);
  });

  test("the standard's own misprint is reported, and quotes nothing of it", async () => {
    const context = listen("MyDevice", [{ topic: "RuleEngine/LineDetector/Crossed", as: "throw" }]);
    const sample = cameraSample("onvif-crossed-as-printed");
    await context.mqtt.say(sample.topic, sample.payload);
    expect(context.rejections).toMatchObject([{ reason: "bad-json" }]);
    expect(context.rejections[0]?.detail).not.toContain("Fence");
  });

  test("a relay that keeps its prefixes and lists its items is a contact, flat or not", async () => {
    const context = listen("E4:30:22:F3:31:AA", [{ topic: "fireAlarm", as: "fire", sensor: "camera" }]);
    for (const name of ["hanwha-relay", "hanwha-simple-items"]) {
      const sample = cameraSample(name);
      await context.mqtt.say(sample.topic, sample.payload, false, sample.retained);
    }
    expect(context.observed.map(({ body }) => body)).toEqual([
      { active: true, role: "relay" },
      { active: false, role: "relay" },
    ]);
  });

  test("a topic without a payload says by coming what the installer says it says", async () => {
    const context = listen("E4:30:22:F3:31:AA", [{ topic: "fireAlarm", as: "fire" }]);
    for (const name of ["hanwha-fire-alarm", "hanwha-heartbeat", "hanwha-heartbeat"]) {
      await context.mqtt.say(cameraSample(name).topic, "");
    }
    expect(context.observed).toMatchObject([{ kind: "fire.detected", body: { active: true, delivery: "live" } }]);
    expect(context.rejections).toMatchObject([
      { reason: "unmapped-topic", detail: expect.stringContaining('"heartbeat"') },
    ]);
    expect(context.filteredReasons).toEqual(["unmapped-topic"]);
  });
});

describe("a property, told with the RETAIN flag", () => {
  const events = [{ topic: thrown, when: { Rule: "Facade" }, active: { State: true }, as: "throw" }];
  let context: ReturnType<typeof listen>;
  beforeEach(() => {
    context = listen("cam", events);
  });

  test("is a throw when it becomes true, and none while it stays so", async () => {
    await say(context, { State: "false" });
    await say(context, { State: "true" });
    await say(context, { State: "true" });
    await say(context, { State: false });
    await say(context, { State: true });
    const deliveries = context.observed.map(({ body }) => ("delivery" in body ? body.delivery : ""));
    expect(deliveries).toEqual(["live", "live"]);
    expect(context.filteredReasons).toEqual(["inactive", "unchanged", "inactive"]);
  });

  test("that is true when it is heard first is stored as late: it may have begun while nobody listened", async () => {
    await say(context, { State: true }, { at: context.clock.wall() - 3000 });
    expect(context.observed).toMatchObject([{ body: { delivery: "late" } }]);
  });

  test("that a camera creates with the throw itself is live once the first minute is over", async () => {
    settle(context);
    await say(context, { State: true });
    await context.mqtt.say(topic, "", false, true);
    await say(context, { State: true });
    expect(context.observed).toMatchObject([{ body: { delivery: "live" } }, { body: { delivery: "live" } }]);
    expect(context.filteredReasons).toEqual(["deleted"]);
  });

  test("told again after a reconnect is no news, unless it has another time: then it is late", async () => {
    await say(context, { State: false });
    const at = context.clock.wall();
    await say(context, { State: true }, { at });
    context.mqtt.connect(false);
    context.clock.advance(30_000);
    context.mqtt.connect(true);
    await say(context, { State: true }, { at });
    context.mqtt.connect(true);
    await say(context, { State: true }, { at: at + 20_000 });
    const deliveries = context.observed.map(({ body }) => ("delivery" in body ? body.delivery : ""));
    expect(deliveries).toEqual(["live", "late"]);
    expect(new Set(context.observed.map(({ dedupKey }) => dedupKey)).size).toBe(2);
  });

  test("is known by the same key after our restart, so that the log stores it once", async () => {
    const at = context.clock.wall() - 5000;
    await say(context, { State: false }, { at: at - 1000 });
    await say(context, { State: true }, { at });
    const again = listen("cam", events);
    await say(again, { State: true }, { at });
    expect(again.observed[0]?.dedupKey).toBe(context.observed[0]?.dedupKey);
  });

  test("whose change the log refused is the same live change when the camera tells it again", async () => {
    await say(context, { State: false });
    context.logError = new GatewayError("DISK_FULL", "no space");
    await expect(say(context, { State: true })).rejects.toThrow();
    context.logError = undefined;
    context.mqtt.connect(false);
    context.mqtt.connect(true);
    await say(context, { State: true });
    expect(context.observed).toMatchObject([{ body: { delivery: "live" } }]);
  });

  test("of another rule of the camera is not this one", async () => {
    const payload = {
      UtcTime: new Date(context.clock.wall()).toISOString(),
      Source: { Rule: "Garage" },
      Data: { State: true },
    };
    await context.mqtt.say(`cam/onvif-ej/${thrown}/&1/Garage`, payload, false, true);
    expect(context.filteredReasons).toEqual(["not-selected"]);
  });
});

describe("a state that is not a throw", () => {
  test.each([
    ["VideoSource/GlobalSceneChange/AnalyticsService", { State: "true" }, { State: "false" }, "device.tamper"],
    ["Device/Trigger/DigitalInput", { LogicalState: true }, { LogicalState: false }, "contact.state"],
    ["Device/HardwareFailure/FanFailure", { Failed: "1" }, { Failed: "0" }, "device.fault"],
  ])("%s is told when it is heard first, and when it changes", async (local, on, off, kind) => {
    const context = listen("cam", [{ topic: thrown, as: "throw" }]);
    const tell = (data: object) =>
      context.mqtt.say(`cam/onvif-ej/${local}/&1`, { Source: { Token: "1" }, Data: data }, false, true);
    await tell(on);
    await tell(on);
    context.mqtt.connect(true);
    await tell(on);
    await tell(off);
    expect(context.observed.map((draft) => draft.kind)).toEqual([kind, kind]);
    expect(context.observed.map(({ body }) => "active" in body && body.active)).toEqual([true, false]);
  });

  test("motion is known and is nothing; the installer may still say that it is", async () => {
    const motion = "cam/onvif-ej/VideoSource/MotionAlarm/&1";
    const silent = listen("cam", [{ topic: thrown, as: "throw" }]);
    await silent.mqtt.say(motion, { Source: {}, Data: { State: true } }, false, true);
    expect(silent.filteredReasons).toEqual(["ignored"]);
    const loud = listen("cam", [{ topic: "VideoSource/MotionAlarm", active: { State: true }, as: "throw" }]);
    settle(loud);
    await loud.mqtt.say(motion, { Source: {}, Data: { State: true } }, false, true);
    expect(loud.observed).toMatchObject([{ kind: "throw.detected" }]);
  });
});

describe("the box and the confidence of an event that is no property", () => {
  const object = {
    "@ObjectId": 15,
    Appearance: {
      Shape: { BoundingBox: { "@left": -0.5, "@top": 0.5, "@right": "0.0", "@bottom": 0 } },
      Class: { Type: [{ "@Likelihood": 0.8, "#text": "Thrown" }] },
    },
  };
  const event = {
    topic: thrown,
    as: "throw",
    box: "/Data/Object/Appearance/Shape/BoundingBox",
    confidence: { at: "/Data/Object/Appearance/Class/Type/0/@Likelihood" },
    record: "/Data/Object/@ObjectId",
  };

  test("y is upwards in the camera's frame, downwards in ours, and the frame is kept", async () => {
    const context = listen("cam", [event]);
    await say(context, { Object: object }, { retained: false });
    const frame = { width: 2, height: 2, unit: "onvif" };
    expect(context.observed).toMatchObject([
      {
        sourceRecordId: "15",
        body: { confidence: 0.8, box: { x1: 0.25, y1: 0.25, x2: 0.5, y2: 0.5, frame } },
      },
    ]);
  });

  test("a transformation is applied: scaled, then moved", async () => {
    // Analytics, Objects: pixels of a picture of 640 by 480.
    const context = listen("cam", [{ ...event, transformation: "/Data/Transformation" }]);
    const Transformation = { Translate: { "@x": -1, "@y": -1 }, Scale: { "@x": 0.003125, "@y": 0.00416667 } };
    const BoundingBox = { "@left": 0, "@top": 240, "@right": 320, "@bottom": 0 };
    await say(context, { Transformation, Object: { Appearance: { Shape: { BoundingBox } } } }, { retained: false });
    const body = context.observed[0]?.body;
    const box = body !== undefined && "box" in body ? body.box : undefined;
    expect([box?.x1, box?.y1, box?.x2, box?.y2].map((value) => Number(value?.toFixed(3)))).toEqual([0, 0.5, 0.5, 1]);
  });

  test("two events of one second are two, the same bytes twice are one", async () => {
    const context = listen("cam", [event]);
    const at = context.clock.wall();
    await say(context, { ObjectId: 1 }, { at, retained: false });
    await say(context, { ObjectId: 2 }, { at, retained: false });
    await say(context, { ObjectId: 2 }, { at, retained: false });
    const keys = context.observed.map(({ dedupKey }) => dedupKey);
    expect(keys[1]).toBe(keys[2]);
    expect(new Set(keys).size).toBe(2);
  });
});

describe("the camera's clock", () => {
  const events = [{ topic: thrown, as: "throw" }];
  test.each([
    ["61 s ahead", 61_000, false],
    ["59 s ahead", 59_000, true],
    ["23 h behind", -23 * 3_600_000, true],
    ["25 h behind", -25 * 3_600_000, false],
  ])("%s of ours is believed: %s", async (_, skew, believed) => {
    const context = listen("cam", events);
    settle(context);
    await say(context, { ObjectId: 1 }, { at: context.clock.wall() + skew, retained: false });
    expect(context.observed[0]?.occurredAtMs !== undefined).toBe(believed);
    // Whatever it shows: a camera that has been connected for a while sends what happens now.
    expect(context.observed[0]?.body).toMatchObject({ delivery: "live" });
    expect(context.seenDetails.at(-1)?.clockSkewMs).toBe(skew);
  });

  test("what a camera sends right after it is back and is older than allowed was kept: late", async () => {
    const context = listen("cam", events);
    await say(context, { ObjectId: 1 }, { at: context.clock.wall() - 600_000, retained: false });
    await say(context, { ObjectId: 2 }, { retained: false });
    const deliveries = context.observed.map(({ body }) => ("delivery" in body ? body.delivery : ""));
    expect(deliveries).toEqual(["late", "live"]);
  });

  test("a clock that is known to be slow makes nothing late after a reconnect", async () => {
    const context = listen("cam", events);
    settle(context);
    await say(context, { ObjectId: 1 }, { at: context.clock.wall() - 600_000, retained: false });
    context.mqtt.connect(true);
    await say(context, { ObjectId: 2 }, { at: context.clock.wall() - 600_000, retained: false });
    await say(context, { ObjectId: 3 }, { at: context.clock.wall() - 900_000, retained: false });
    const deliveries = context.observed.map(({ body }) => ("delivery" in body ? body.delivery : ""));
    expect(deliveries).toEqual(["live", "live", "late"]);
  });
});

test("the installer is told of each unknown topic once, of at most 32, with its items and without their values", async () => {
  const context = listen("cam", [{ topic: thrown, as: "throw" }]);
  for (let nth = 0; nth < 40; nth++) {
    for (const plate of ["AB123", "CD456"]) {
      await context.mqtt.say(`cam/onvif-ej/RuleEngine/X${nth}/&1`, { Source: { Rule: "r" }, Data: { Plate: plate } });
    }
  }
  expect(context.rejections).toHaveLength(32);
  expect(context.rejections[0]?.detail).toContain('{ topic: "RuleEngine/X0" }');
  expect(context.rejections[0]?.detail).toContain("Rule, Plate");
  expect(JSON.stringify(context.rejections)).not.toContain("AB123");
  expect(context.filteredReasons).toHaveLength(48);
});
