import fc from "fast-check";
import { expect, test } from "vitest";
import { throwCameraFrigateMqtt } from "../../drivers/throw-camera/frigate-manifest.ts";
import { open } from "../../drivers/throw-camera/frigate-mqtt.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { bytesFrom, odd, patience, runs } from "../support/odd-json.ts";

const options = throwCameraFrigateMqtt.options.parse({
  username: "u",
  password: "p",
  camera: "c",
  labels: ["thrown"],
  detect: { width: 1280, height: 720 },
}) as Parameters<typeof open>[0]["options"];

const or = (...right: readonly unknown[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: odd });
const point = fc.oneof(
  fc.tuple(fc.tuple(odd, odd), odd),
  fc.tuple(fc.tuple(fc.double(), fc.double()), fc.double()),
  odd,
);
const after = fc.record(
  {
    id: or("1.5-a", "1.5-b"),
    camera: or("c", "d"),
    label: or("thrown", "bird"),
    start_time: or(1795564799.7, "1795564799.7"),
    frame_time: or(1795564800.1),
    end_time: or(null, 1795564801),
    top_score: or(0.8, "0.8"),
    false_positive: or(false, true),
    box: fc.oneof(fc.tuple(fc.nat(2000), fc.nat(2000), fc.nat(2000), fc.nat(2000)), odd),
    path_data: fc.oneof(fc.array(point, { maxLength: 5 }), odd),
    entered_zones: odd,
  },
  { requiredKeys: [] },
);
const message = fc.record(
  {
    type: or("new", "update", "end"),
    before: odd,
    after: fc.oneof({ weight: 6, arbitrary: after }, { weight: 1, arbitrary: odd }),
  },
  { requiredKeys: [] },
);
const payload = bytesFrom(message);

test(
  "whatever Frigate publishes ends as exactly one of observed, filtered or rejected, and never throws",
  async () => {
    const topic = fc.oneof(
      { weight: 6, arbitrary: fc.constant("frigate/events") },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "frigate/available",
          "frigate/stats",
          "frigate/c/status/detect",
          "frigate/c/motion",
          "x",
        ),
      },
    );
    const sent = fc.tuple(topic, payload, fc.boolean(), fc.constantFrom(false, false, false, true), fc.nat(20_000));
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { maxLength: 3 }), async (all) => {
        const context = new FakeDriverContext({ options });
        open(context);
        for (const [topic, bytes, retained, will, ms] of all) {
          context.clock.advance(ms);
          const before = context.outcomes.length;
          await context.mqtt.say(topic, bytes, will, retained);
          expect(context.outcomes.length).toBe(before + 1);
        }
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "an object is observed once, and its track at most once more, in whatever order its messages come",
  async () => {
    const types = fc.array(fc.tuple(fc.constantFrom("new", "update", "end"), fc.constantFrom("a", "b"), fc.nat(5)), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(types, async (messages) => {
        const context = new FakeDriverContext({ options });
        open(context);
        for (const [type, id, points] of messages) {
          const now = context.clock.wall() / 1000;
          const path_data = Array.from({ length: points }, (_, n) => [[0.5, n / 10], now + n]);
          const after = {
            id,
            camera: "c",
            label: "thrown",
            top_score: 0.9,
            start_time: now,
            frame_time: now,
            path_data,
          };
          await context.mqtt.say("frigate/events", { type, before: after, after });
        }
        const stored = new Set(context.observed.map(({ dedupKey }) => dedupKey));
        expect(stored.size).toBeLessThanOrEqual(4);
        expect(stored.has(undefined)).toBe(false);
      }),
      { numRuns: Math.min(runs, 2000) },
    );
  },
  patience,
);
