import { describe, expect, test } from "vitest";
import { throwCameraFrigateMqtt } from "../../drivers/throw-camera/frigate-manifest.ts";
import { open } from "../../drivers/throw-camera/frigate-mqtt.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { cameraSample } from "../support/camera-samples.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

type Options = Parameters<typeof open>[0]["options"];

function listen(more: object = {}) {
  const given = {
    username: "u",
    password: "p",
    camera: "facade",
    labels: ["thrown"],
    detect: { width: 1280, height: 720 },
    ...more,
  };
  const options = throwCameraFrigateMqtt.options.parse(given) as Options;
  const context = new FakeDriverContext({ options });
  open(context);
  context.mqtt.connect(true);
  return context;
}
type Context = ReturnType<typeof listen>;

/** One message about an object that was first seen `agoMs` ago. */
function say(context: Context, type: "new" | "update" | "end", more: object = {}, agoMs = 300): Promise<void> {
  const now = context.clock.wall() / 1000;
  const after = {
    id: "1795564799.7-abcdef",
    camera: "facade",
    frame_time: now - 0.05,
    label: "thrown",
    top_score: 0.84,
    score: 0.7,
    false_positive: false,
    start_time: now - agoMs / 1000,
    end_time: type === "end" ? now : null,
    box: [640, 180, 704, 216],
    entered_zones: [],
    path_data: [[[0.5, 0.25], now - agoMs / 1000]],
    ...more,
  };
  return context.mqtt.say("frigate/events", { type, before: after, after });
}

const deliveries = (context: Context) => context.observed.map(({ body }) => ("delivery" in body ? body.delivery : ""));

test("a throw is observed with the first message about it; what follows is the same object", async () => {
  const context = listen();
  await say(context, "new");
  await say(context, "update");
  await say(context, "end");
  expect(context.observed).toMatchObject([
    {
      kind: "throw.detected",
      sourceRecordId: "1795564799.7-abcdef",
      occurredAtMs: context.clock.wall() - 300,
      body: { delivery: "live", confidence: 0.84, box: { x1: 0.5, y1: 0.25, x2: 0.55, y2: 0.3 } },
    },
  ]);
  expect(context.filteredReasons).toEqual(["update", "update"]);
});

test("without the size of the picture there is no box, since it is in pixels", async () => {
  const context = listen({ detect: undefined });
  await say(context, "new");
  expect(context.observed[0]?.body).not.toHaveProperty("box");
});

describe("what the whole track adds when the object is gone", () => {
  const path = (context: Context) =>
    [0, 1, 2, 3].map((n) => [[0.5, 0.1 + n / 5], context.clock.wall() / 1000 - 2 + n / 2]);

  test("is a report of its own, live while it is still the same throw", async () => {
    const context = listen();
    await say(context, "new");
    context.clock.advance(5000);
    await say(context, "end", { path_data: path(context) }, 5300);
    expect(deliveries(context)).toEqual(["live", "live"]);
    const body = context.observed[1]?.body;
    expect(body).toMatchObject({ track: { points: [{ ms: 0 }, { ms: 500 }, { ms: 1000 }, { ms: 1500 }] } });
    expect(body).toHaveProperty("endedAt");
    expect(context.observed[0]?.dedupKey).not.toBe(context.observed[1]?.dedupKey);
  });

  test("is late when it comes long after, so that it opens no second alarm", async () => {
    const context = listen();
    await say(context, "new");
    context.clock.advance(30_000);
    await say(context, "end", { path_data: path(context) }, 30_300);
    expect(deliveries(context)).toEqual(["live", "late"]);
  });
});

describe("what is no throw", () => {
  test.each([
    ["another label", { label: "bird" }, "other-label"],
    ["Frigate's own doubt", { false_positive: true }, "false-positive"],
    ["a low score", { top_score: 0.4 }, "low-score"],
    ["another zone", { entered_zones: ["street"] }, "outside-zones"],
    ["another camera", { camera: "door" }, "other-camera"],
  ])("%s", async (_, more, reason) => {
    const context = listen({ minScore: 0.5, zones: ["facade"] });
    await say(context, "new", { entered_zones: ["facade"], ...more });
    expect(context.filteredReasons).toEqual([reason]);
    expect(context.observed).toEqual([]);
  });

  test("becomes one with the message that meets all conditions", async () => {
    const context = listen({ minScore: 0.5 });
    await say(context, "new", { top_score: 0.4 });
    await say(context, "update", { top_score: 0.6 });
    await say(context, "update", { top_score: 0.7 });
    expect(context.observed).toMatchObject([{ body: { confidence: 0.6, delivery: "live" } }]);
  });
});

test("an object that was there long before by Frigate's own clock is late", async () => {
  const context = listen();
  await say(context, "update", {}, 600_000);
  expect(deliveries(context)).toEqual(["late"]);
});

test("a throw that the log refused is observed with the object's next message", async () => {
  const context = listen();
  context.logError = new GatewayError("DISK_FULL", "no space");
  await expect(say(context, "new")).rejects.toThrow();
  context.logError = undefined;
  await say(context, "update");
  expect(deliveries(context)).toEqual(["live"]);
});

test("the documented sample and a recorded one are read, though their camera is another", async () => {
  const context = listen({ camera: "front_door", labels: ["person", "car"] });
  for (const name of ["frigate-update", "frigate-car"]) {
    const sample = cameraSample(name);
    await context.mqtt.say(sample.topic, sample.payload);
  }
  expect(context.observed).toMatchObject([
    { sourceRecordId: "1607123955.475377-mxklsc", body: { confidence: 0.958984375 } },
    { sourceRecordId: "1659438905.489551-xy562v", body: { confidence: 0.70703125 } },
  ]);
  expect(context.everything()).not.toContain("John Smith");
});

describe("signs of life", () => {
  test("Frigate says that it is gone, by itself or by its last will", async () => {
    const context = listen();
    await context.mqtt.say("frigate/available", "online", false, true);
    await context.mqtt.say("frigate/available", "offline", false, true);
    await context.mqtt.say("frigate/available", "offline", true, true);
    expect(context.goneReasons).toEqual(["said-so", "last-will"]);
    expect(context.filteredReasons).toEqual(["online", "offline", "last-will"]);
  });

  test("its statistics are the camera's sign of life while there are pictures", async () => {
    const context = listen();
    await context.mqtt.say("frigate/stats", { cameras: { facade: { camera_fps: 5.1 }, door: { camera_fps: 0 } } });
    expect(context.seenDetails).toHaveLength(1);
    await context.mqtt.say("frigate/stats", { facade: { camera_fps: 0.0 } });
    expect(context.goneReasons).toEqual(["link-lost"]);
    await context.mqtt.say("frigate/stats", { cameras: { door: { camera_fps: 5 } } });
    expect(context.seenDetails).toHaveLength(1);
  });

  test("the status of the camera's detection counts, that of others does not", async () => {
    const context = listen();
    await context.mqtt.say("frigate/facade/status/detect", "online");
    await context.mqtt.say("frigate/facade/status/detect", "offline");
    await context.mqtt.say("frigate/facade/status/detect", "disabled");
    await context.mqtt.say("frigate/door/status/detect", "offline");
    expect(context.goneReasons).toEqual(["link-lost", "said-so"]);
    expect(context.filteredReasons).toEqual(["status", "status", "status", "not-an-event"]);
  });
});
