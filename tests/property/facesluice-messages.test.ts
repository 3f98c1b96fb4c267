import fc from "fast-check";
import { expect, test } from "vitest";
import { withoutLongStrings } from "../../drivers/facesluice/envelope.ts";
import { faceSluiceOptions } from "../../drivers/facesluice/options.ts";
import { openFaceSluice } from "../../drivers/facesluice/session.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] !== undefined;
const numRuns = nightly ? 100_000 : 1000;
const timeout = nightly ? 30 * 60_000 : 30_000;

const options = faceSluiceOptions.parse({ deviceId: "1026700", username: "u", password: "p" });
const topics = Object.values(options.topics);

function opened() {
  const context = new FakeDriverContext({ options });
  openFaceSluice(context);
  return context;
}

const operators = [
  "Online",
  "Offline",
  "HeartBeat",
  "RecPush",
  "StrSnapPush",
  "ParabolicSnapPush",
  "FireSmokeSnapPush",
  "TemHighSnapPush",
  "ElectricalBicycleSnapPush",
  "PushAck-Ack",
  "RebootDevice-Ack",
  "constructor",
  "__proto__",
];
const knownFields = [
  ..."facesluiceId deviceId RecordID SnapID SnapOrRecordID VerifyStatus PersonType customId personId similarity1".split(
    " ",
  ),
  ..."isNoMask Sendintime PushType time snapTime startTime endTime targetPosInScene pic __proto__ constructor".split(
    " ",
  ),
  ..."fire smoke sparkAlarm tempeunit message Message code result toString".split(" "),
];
const times = fc.oneof(
  fc.constantFrom("2026-11-24 08:00:00", "1970-01-01 08:00:00", "0000-00-00 00:00:00", "9999-99-99 99:99:99", " "),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
);
const odd = fc.oneof(
  fc.jsonValue(),
  times,
  fc.constantFrom(
    0,
    -1,
    1,
    2,
    3,
    "0",
    "1",
    " 2 ",
    "3.0",
    1e308,
    -1e308,
    2 ** 60,
    "1e999",
    "٣",
    "0x10",
    "",
    " ",
    null,
    true,
    [1, 2, 3, 4],
    "[0,0,10,10]",
    [{ temperature: 70 }],
    [{ Temperature: "1e9" }, null],
  ),
  fc.bigInt().map(String),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const info = fc.oneof(fc.dictionary(fc.constantFrom(...knownFields), odd), odd);
const message = fc.record(
  { operator: fc.oneof(fc.constantFrom(...operators), odd), info, messageId: odd, facesluiceId: odd },
  { requiredKeys: [] },
);
const deep = fc
  .integer({ min: 1, max: 20_000 })
  .map((depth) => `{"operator":"RecPush","info":${"[".repeat(depth)}${"]".repeat(depth)}}`);
const prototypes = fc
  .constantFrom(
    '{"__proto__":{"operator":"RecPush"}}',
    '{"operator":"RecPush","info":{"__proto__":{"VerifyStatus":1}}}',
  )
  .map((json) => Buffer.from(json));
const whole = fc.oneof(
  message.map((value) => Buffer.from(JSON.stringify(value))),
  deep.map(Buffer.from),
  prototypes,
);
const truncated = fc.tuple(whole, fc.double({ min: 0, max: 1, noNaN: true })).map(([bytes, part]) => {
  return bytes.subarray(0, Math.floor(bytes.length * part));
});
const flipped = fc.tuple(whole, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([bytes, at, value]) => {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
});
const payload = fc.oneof(whole, truncated, flipped, fc.uint8Array({ maxLength: 3000 }));

test("whatever a device sends ends as exactly one of observed, filtered or rejected, and never throws", {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...topics, "mqtt/else"), payload, fc.boolean()), { maxLength: 3 }),
      async (sent) => {
        const context = opened();
        for (const [topic, bytes, will] of sent) {
          const before = context.outcomes.length;
          await context.mqtt.say(topic, bytes, will);
          expect(context.outcomes.length).toBe(before + 1);
        }
        expect(({} as { VerifyStatus?: unknown }).VerifyStatus).toBeUndefined();
      },
    ),
    { numRuns },
  );
});

test("a record is never acknowledged before it is durable, and no message is answered twice", async () => {
  await fc.assert(
    fc.asyncProperty(message, async (value) => {
      const context = opened();
      context.held = true;
      const said = context.mqtt.say(options.topics.record, value);
      const early = context.mqtt.published.filter(({ payload }) => payload.includes("PushAck"));
      if (context.outcomes[0] === "observed") expect(early).toEqual([]);
      context.commit();
      await said;
      expect(context.mqtt.published.length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 300 },
  );
});

const pictures = fc.string({ unit: fc.constantFrom("A", "\\", '"', "/", "\n", "汉", "\u{1f600}"), maxLength: 20 });
const severalPictures = fc.array(fc.tuple(pictures, fc.integer({ min: 0, max: 100 })), { maxLength: 8 });

test("a picture of any length and content is emptied and all around it is kept", () => {
  fc.assert(
    fc.property(severalPictures, (parts) => {
      const value = { fields: parts.map(([text, times]) => text.repeat(times)), last: 'a\\"' };
      const bytes = Buffer.from(JSON.stringify(value));
      const got: unknown = JSON.parse(withoutLongStrings(bytes) ?? "");
      const expected = value.fields.map((text) => {
        const raw = Buffer.byteLength(JSON.stringify(text)) - 1;
        return bytes.length > 1024 && raw > 1024 ? "" : text;
      });
      expect(got).toEqual({ fields: expected, last: value.last });
    }),
  );
});

const spelt = (value: number) => fc.constantFrom<unknown>(value, String(value), ` ${value} `, value.toFixed(6));
const record = fc.record({
  RecordID: fc.nat().chain((value) => fc.constantFrom<unknown>(value, String(value), ` ${value}`)),
  VerifyStatus: fc.constantFrom(0, 1, 2, 3).chain(spelt),
  PersonType: fc.constantFrom(0, 1).chain(spelt),
  similarity1: fc.integer({ min: 0, max: 100 }).chain(spelt),
  isNoMask: fc.constantFrom(0, 1, 2).chain(spelt),
  Sendintime: fc.constantFrom(0, 1).chain(spelt),
  PushType: fc.constantFrom(0, 2).chain(spelt),
  personId: fc.nat().chain((value) => fc.constantFrom<unknown>(value, String(value))),
  facesluiceId: fc.constantFrom<unknown>(1026700, "1026700", " 1026700"),
});

test("numbers spelt as text and as numbers are the same record", async () => {
  const outcome = async (value: object) => {
    const context = opened();
    await context.mqtt.say(options.topics.record, {
      operator: "RecPush",
      info: { time: "2026-11-24 08:00:00", ...value },
    });
    return [context.observed, context.filteredReasons, context.rejections, context.mqtt.published];
  };
  await fc.assert(
    fc.asyncProperty(record, async (value) => {
      const numbers = Object.fromEntries(Object.entries(value).map(([key, spelling]) => [key, Number(spelling)]));
      expect(await outcome(value)).toEqual(await outcome(numbers));
    }),
  );
});
