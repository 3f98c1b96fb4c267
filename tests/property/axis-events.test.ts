import fc from "fast-check";
import { expect, test } from "vitest";
import { throwCameraAxisMqtt } from "../../drivers/throw-camera/axis-manifest.ts";
import { open } from "../../drivers/throw-camera/axis-mqtt.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { bytesFrom, odd, patience, runs } from "../support/odd-json.ts";

const thrown = "CameraApplicationPlatform/Falling/Thrown";
const options = throwCameraAxisMqtt.options.parse({
  username: "u",
  password: "p",
  serial: "S",
  events: [
    {
      topic: thrown,
      when: { zone: 1 },
      active: { state: true },
      as: "throw",
      confidence: { at: "score" },
      record: "objectId",
    },
    { topic: "Device/IO/Port", active: { state: true }, as: "contact" },
  ],
}) as Parameters<typeof open>[0]["options"];

const items = fc.oneof(
  fc.dictionary(fc.constantFrom("zone", "state", "score", "objectId", "__proto__", "port"), odd),
  odd,
);
const message = fc.record(
  {
    topic: fc.oneof(fc.constantFrom(`axis:${thrown}`, "onvif:Device/axis:IO/Port"), odd),
    timestamp: odd,
    message: fc.oneof(fc.record({ source: items, key: items, data: items }, { requiredKeys: [] }), odd),
  },
  { requiredKeys: [] },
);
const topic = fc.oneof(
  fc.constantFrom(
    `axis/S/event/tns:axis/${thrown}/$source/zone/1`,
    "axis/S/event/tns:onvif/Device/tns:axis/IO/Port/$source/port/1",
    "axis/S/event",
    "axis/S/event/",
    "axis/S/connection",
    "axis/T/event/x",
  ),
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => `axis/S/event/${text}`),
);

test(
  "whatever the bridge publishes ends as exactly one of observed, filtered or rejected, and never throws",
  async () => {
    const sent = fc.tuple(topic, bytesFrom(message), fc.boolean(), fc.constantFrom(false, false, true), fc.nat(90_000));
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { maxLength: 3 }), async (all) => {
        const context = new FakeDriverContext({ options });
        open(context);
        for (const [topic, payload, retained, will, ms] of all) {
          context.clock.advance(ms);
          const before = context.outcomes.length;
          await context.mqtt.say(topic, payload, will, retained);
          expect(context.outcomes.length).toBe(before + 1);
        }
      }),
      { numRuns: runs },
    );
  },
  patience,
);
