import fc from "fast-check";
import { expect, test } from "vitest";
import { open } from "../../drivers/throw-camera/hapi.ts";
import { hapiOptions } from "../../drivers/throw-camera/hapi-options.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] === "1";
const numRuns = nightly ? 100_000 : 1000;
const options = hapiOptions.parse({ deviceId: "SN1", prefix: "0123456789abcdef" });

const names =
  "AlarmType AlarmSubType TimeStamp LocalTime OccurFlag DeviceID Picture AlarmInfo __proto__ constructor".split(" ");
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    ..."ObjectDetect FallingObjectsDetectionAlarm FireDetect FireAlarm IOInputDetect InputAlarm MaskDetect SN1 true false".split(
      " ",
    ),
    true,
    0,
    -1,
    1_795_478_400,
    "1795478400",
    1e300,
    "2026-11-24 08:00:00",
    "9999-99-99 99:99:99",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const message = fc.oneof(
  fc.dictionary(fc.constantFrom(...names), odd),
  fc.record({
    AlarmType: odd,
    AlarmSubType: odd,
    TimeStamp: odd,
    LocalTime: odd,
    OccurFlag: odd,
    DeviceID: fc.constant("SN1"),
  }),
);
const whole = message.map((value) => Buffer.from(JSON.stringify(value)));
const cut = fc
  .tuple(whole, fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([bytes, part]) => bytes.subarray(0, bytes.length * part));
const body = fc.oneof(whole, cut, fc.uint8Array({ maxLength: 300 }));

test(
  "whatever a HAPI camera sends ends as exactly one of observed, filtered or rejected, and never throws",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 4 }), async (bodies) => {
        const context = new FakeDriverContext({ options });
        open(context);
        for (const each of bodies) {
          const before = context.outcomes.length;
          expect([200, 400]).toContain((await context.http.push({ body: each })).status);
          expect(context.outcomes.length).toBe(before + 1);
        }
        for (const reason of context.filteredReasons) expect(reason).toMatch(/^[A-Za-z-]{3,50}$/);
      }),
      { numRuns },
    );
  },
  nightly ? 600_000 : 30_000,
);
