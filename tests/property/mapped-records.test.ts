import fc from "fast-check";
import { expect, test } from "vitest";
import { faceTerminalMappedMqtt } from "../../drivers/face-terminal/mapped-manifest.ts";
import * as terminal from "../../drivers/face-terminal/mapped-mqtt.ts";
import { at, parsePointer, pointerSchema } from "../../drivers/json-events/pointer.ts";
import * as camera from "../../drivers/throw-camera/mapped-http.ts";
import { throwCameraMappedHttp } from "../../drivers/throw-camera/mapped-manifest.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { bytesFrom, odd, patience, runs } from "../support/odd-json.ts";

const account = { username: "u", password: "p" };
const time = (place: string) => ({ at: place, format: "local" });
const cameraOptions = throwCameraMappedHttp.options.parse({
  ...account,
  mapping: {
    each: "/list",
    device: { at: "/of", is: "me" },
    time: time("/t"),
    startedAt: time("/from"),
    key: ["/id", "/t"],
    record: "/id",
    lateAfter: "5m",
    late: [{ at: "/late", is: true }],
    events: [
      { when: [{ at: "/kind", is: [1, "thrown"] }], as: "throw" },
      { when: [{ at: "/kind", is: 2 }], as: "fire" },
      { when: [{ at: "/kind", is: 3 }], as: "offline" },
    ],
    confidence: { at: "/score", of: 100 },
    frame: { width: 1000, height: 1000, unit: "10000" },
    box: { at: "/box", form: "size" },
    track: { at: "/path", x: "/x", y: "/y", time: { at: "/t", format: "epoch-ms" } },
    place: { building: "/where/b", floor: "/where/f" },
    region: "/rule",
  },
}) as Parameters<typeof camera.open>[0]["options"];

const or = (...right: readonly unknown[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: odd });
const record = fc.record(
  {
    of: or("me", "you"),
    kind: or(1, "1", "thrown", 2, 3),
    t: or("2026-11-24 08:00:00", "2026-11-24T08:00:00+08:00"),
    from: odd,
    id: odd,
    late: odd,
    score: odd,
    box: fc.oneof(fc.array(odd, { minLength: 4, maxLength: 4 }), odd),
    path: fc.oneof(fc.array(fc.record({ x: odd, y: odd, t: odd }, { requiredKeys: [] }), { maxLength: 4 }), odd),
    where: fc.oneof(fc.record({ b: odd, f: odd }, { requiredKeys: [] }), odd),
    rule: odd,
  },
  { requiredKeys: [] },
);
const message = fc.oneof(fc.record({ list: fc.oneof(fc.array(record, { maxLength: 4 }), odd) }), record, odd);

test(
  "whatever a platform pushes ends as exactly one of observed, filtered or rejected, and is answered",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytesFrom(message), { maxLength: 3 }), async (bodies) => {
        const context = new FakeDriverContext({ options: cameraOptions });
        camera.open(context);
        for (const body of bodies) {
          const before = context.outcomes.length;
          const { status } = await context.http.push({ body });
          expect(context.outcomes.length).toBe(before + 1);
          const unreadable =
            context.outcomes.at(-1) === "rejected" && context.rejections.at(-1)?.reason !== "unmapped-event";
          expect(status).toBe(unreadable ? 400 : 200);
        }
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "whatever a terminal publishes ends as exactly one of them, and no person id leaves it",
  async () => {
    const options = faceTerminalMappedMqtt.options.parse({
      ...account,
      topics: ["t"],
      mapping: {
        time: { at: "/t", format: "epoch-s" },
        key: ["/id"],
        person: "/who",
        similarity: { at: "/like" },
        events: [
          { when: [{ at: "/kind", is: 1 }], as: "granted" },
          { when: [{ at: "/kind", is: 2 }], as: "denied", reason: "expired" },
          { when: [{ at: "/kind", is: 3 }], as: "door-forced" },
        ],
      },
    }) as Parameters<typeof terminal.open>[0]["options"];
    const passage = fc.record(
      {
        kind: or(1, 2, "3"),
        t: odd,
        id: odd,
        like: odd,
        who: fc.constant("110101199003070000"),
        name: fc.constant("王小明"),
      },
      { requiredKeys: ["who", "name"] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytesFrom(passage), { maxLength: 3 }), async (payloads) => {
        const context = new FakeDriverContext({ options });
        terminal.open(context);
        for (const payload of payloads) {
          const before = context.outcomes.length;
          await context.mqtt.say("t", payload);
          expect(context.outcomes.length).toBe(before + 1);
        }
        const told = context.everything();
        expect(told).not.toContain("110101199003070000");
        expect(told).not.toContain("王小明");
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "a pointer finds what stands there, whatever its names are made of, and nothing of a prototype",
  () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", maxLength: 8 }), { maxLength: 5 }),
        fc.integer(),
        (names, value) => {
          const document: unknown = JSON.parse(
            names.reduceRight((inner, name) => `{${JSON.stringify(name)}:${inner}}`, String(value)),
          );
          const text = names.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
          expect(at(document, parsePointer(text))).toBe(value);
          expect(pointerSchema.safeParse(text).success).toBe(true);
        },
      ),
      { numRuns: runs },
    );
    expect(at({}, ["constructor"])).toBeUndefined();
    expect(at([1], ["length"])).toBeUndefined();
    expect(at([1, 2], ["01"])).toBeUndefined();
  },
  patience,
);
