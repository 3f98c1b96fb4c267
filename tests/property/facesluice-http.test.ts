import fc from "fast-check";
import { expect, test } from "vitest";
import { readAnswer } from "../../drivers/facesluice/answers.ts";
import { faceSluiceHttpOptions } from "../../drivers/facesluice/http-options.ts";
import { openFaceSluiceHttp } from "../../drivers/facesluice/http-session.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] !== undefined;
const numRuns = nightly ? 100_000 : 1000;
const timeout = nightly ? 30 * 60_000 : 30_000;

const options = faceSluiceHttpOptions.parse({ deviceId: "1299517", username: "u", password: "p" });

function opened() {
  const context = new FakeDriverContext({ options });
  openFaceSluiceHttp(context);
  return context;
}

const operators = [
  ..."HeartBeat VerifyPush SnapPush ParabolicSnapPush FireSmokeSnapPush TemHighSnapPush PlateSnapPush".split(" "),
  "__proto__",
  "constructor",
];
const fields = [
  ..."DeviceID PersonID CustomizeID PersonUUID PersonType Similarity1 VerifyStatus VerfyType CreateTime Sendintime".split(
    " ",
  ),
  ..."PushType nRecordIndex AlarmAction ID StartTime EndTime SnapTime Time Fire Smoke SparkAlarm Message fire FIRE".split(
    " ",
  ),
  ..."targetPosInScene __proto__ constructor toString Name IdCard".split(" "),
];
const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    0,
    1,
    2,
    3,
    "1",
    " 2 ",
    "",
    " ",
    null,
    true,
    1e308,
    2 ** 60,
    "1e999",
    "2024-06-24T09:56:15",
    "2024-02-30 11:01:02",
    "9999-99-99T99:99:99",
    "1970-01-01T08:00:00",
    [0, 0, 10, 10],
    "[0,0,10,10]",
    [{ Temperature: 70 }, null, { temperature: "1e9" }],
    1299517,
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const message = fc.record(
  {
    operator: fc.oneof(fc.constantFrom(...operators), odd),
    info: fc.oneof(fc.dictionary(fc.constantFrom(...fields), odd), odd),
    SanpPic: odd,
    DeviceID: odd,
  },
  { requiredKeys: [] },
);
const whole = fc.oneof(
  message.map((value) => Buffer.from(JSON.stringify(value))),
  fc
    .integer({ min: 1, max: 50_000 })
    .map((depth) => Buffer.from(`{"operator":"VerifyPush","info":${"[".repeat(depth)}`)),
  fc
    .constantFrom(
      '{"__proto__":{"operator":"HeartBeat"}}',
      '{"operator":"VerifyPush","info":{"__proto__":{"VerifyStatus":1}}}',
    )
    .map((json) => Buffer.from(json)),
);
const cut = fc.tuple(whole, fc.double({ min: 0, max: 1, noNaN: true })).map(([bytes, part]) => {
  return bytes.subarray(0, Math.floor(bytes.length * part));
});
const flipped = fc.tuple(whole, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([bytes, at, value]) => {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
});
const body = fc.oneof(whole, cut, flipped, fc.uint8Array({ maxLength: 2000 }));
const part = fc.record({
  name: fc.oneof(
    fc.constantFrom("DeviceID", "ID", "StartTime", "EndTime", "file", "__proto__"),
    fc.string({ maxLength: 8 }),
  ),
  contentType: fc.constantFrom("text/plain", "video/mp4"),
  dropped: fc.boolean(),
  body: fc.oneof(fc.constantFrom("1299517", "1005", "2024-05-28T17:18:38"), fc.uint8Array({ maxLength: 400 })),
});
const push = fc.oneof(
  { weight: 4, arbitrary: body.map((bytes) => ({ body: bytes })) },
  { weight: 1, arbitrary: fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => ({ parts })) },
  { weight: 1, arbitrary: fc.record({ method: fc.constantFrom("GET", "PUT"), path: fc.string(), body }) },
);

test("whatever is pushed ends as exactly one of observed, filtered or rejected, and is answered", {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(push, { maxLength: 6 }), async (pushes) => {
      const context = opened();
      for (const each of pushes) {
        const before = context.outcomes.length;
        const reply = await context.http.push(each);
        expect([200, 403, 405]).toContain(reply.status);
        expect(context.outcomes.length).toBe(before + 1);
      }
      expect(({} as { VerifyStatus?: unknown }).VerifyStatus).toBeUndefined();
    }),
    { numRuns },
  );
});

test("no record is answered by code 200 before it is durable", { timeout }, async () => {
  await fc.assert(
    fc.asyncProperty(message, async (value) => {
      const context = opened();
      context.held = true;
      const pushed = context.http.push({ body: value });
      await Promise.resolve();
      if (context.outcomes[0] === "observed") expect(context.http.replies).toEqual([]);
      context.commit();
      await pushed;
      expect(context.http.replies).toHaveLength(1);
    }),
    { numRuns },
  );
});

test(
  "whatever a device answers to a command is either done or refused, and nothing of it is repeated that may name a person",
  () => {
    const answer = fc.record(
      {
        code: odd,
        info: fc.oneof(
          fc.dictionary(
            fc.constantFrom("Result", "result", "Version", "Time", "Year", "Month", "Detail", "__proto__"),
            odd,
          ),
          odd,
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(answer, odd), fc.constantFrom("mqtt" as const, "http" as const), (value, wire) => {
        const { outcome, firmware } = readAnswer(value, wire);
        if (!outcome.ok) expect(outcome.why).toBe("refused");
        if (firmware !== undefined) expect(firmware).toMatch(/^[\w .:()/+-]{1,64}$/);
        expect(outcome.detail ?? "").toMatch(/^[\w .:,;()/+'-]*$/);
      }),
      { numRuns },
    );
  },
  timeout,
);
