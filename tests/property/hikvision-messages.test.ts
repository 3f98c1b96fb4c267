import fc from "fast-check";
import { expect, test } from "vitest";
import { open as openTerminal } from "../../drivers/face-terminal/hikvision-isapi.ts";
import { hikvisionTerminalOptions } from "../../drivers/face-terminal/hikvision-options.ts";
import { MultipartStream, type StreamedPart } from "../../drivers/hikvision/multipart-stream.ts";
import { open as openCamera } from "../../drivers/throw-camera/hikvision-isapi.ts";
import { hikvisionCameraOptions } from "../../drivers/throw-camera/hikvision-options.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const numRuns = process.env["ZHIAN_NIGHTLY"] === "1" ? 100_000 : 1000;
const timeout = process.env["ZHIAN_NIGHTLY"] === "1" ? 1_800_000 : 30_000;
const push = { username: "u", password: "p" };

function terminal() {
  const context = new FakeDriverContext({ options: hikvisionTerminalOptions.parse({ push, deviceId: "1" }) });
  openTerminal(context);
  return context;
}
function camera() {
  const context = new FakeDriverContext({
    options: hikvisionCameraOptions.parse({ push, cameraIndexCode: "c", channel: 1 }),
  });
  openCamera(context);
  return context;
}

const words = (text: string) => text.split(" ");
const known = words(
  "eventType eventState dateTime dataTime channelID dynChannelID deviceID uuid activePostCount AccessControllerEvent " +
    "majorEventType subEventType serialNo employeeNoString cardNo userType mask currentEvent params events eventId data " +
    "happenTime srcIndex targetAttrs cameraIndexCode isDataRetransmission ObjectsThrownDetection startTime endTime RuleInfo " +
    "ruleID ruleName confidence EventNotificationAlert __proto__ constructor toString hasOwnProperty",
);
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    ...words(
      "AccessControllerEvent heartBeat videoloss objectsThrownDetection active inactive true false 1 5 75 0x4b 930335 ",
    ),
    5,
    75,
    1,
    1024,
    27,
    930_335,
    131_588,
    -1,
    1e308,
    2 ** 60,
    true,
    null,
    "2026-11-24T08:00:00+08:00",
    "2026-11-24T08:00Z",
    "1970-01-01T00:00:00Z",
    "9999-99-99T99:99:99+99:99",
    "c",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const flat = fc.dictionary(fc.constantFrom(...known), odd, { maxKeys: 12 });
const nested = fc.dictionary(fc.constantFrom(...known), fc.oneof(odd, flat, fc.array(flat, { maxLength: 3 })), {
  maxKeys: 12,
});
const access = fc
  .record({ major: fc.nat({ max: 6 }), sub: fc.nat({ max: 1100 }), more: flat })
  .map(({ major, sub, more }) => ({
    eventType: "AccessControllerEvent",
    dateTime: "2026-11-24T08:00:00+08:00",
    AccessControllerEvent: { ...more, majorEventType: major, subEventType: sub },
  }));
const thrown = fc.record({
  params: fc.record({
    events: fc.array(fc.oneof(nested, fc.record({ eventType: fc.constant(930_335), data: nested })), { maxLength: 4 }),
  }),
});

/** XML of any of it, without care for what is well-formed. */
function asXml(value: unknown): string {
  if (Array.isArray(value)) return value.map(asXml).join("");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([key, each]) => (Array.isArray(each) ? each : [each]).map((one) => `<${key}>${asXml(one)}</${key}>`).join(""))
    .join("");
}
const message = fc.oneof(nested, access, thrown);
const text = fc.oneof(
  message.map((value) => JSON.stringify(value)),
  message.map((value) => `<?xml version="1.0"?><EventNotificationAlert>${asXml(value)}</EventNotificationAlert>`),
  fc.integer({ min: 1, max: 5000 }).map((depth) => `{"eventType":${"[".repeat(depth)}`),
  fc.integer({ min: 1, max: 300 }).map((depth) => `${"<a>".repeat(depth)}x${"</a>".repeat(depth)}`),
  fc.constant('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x><y>&b;</y></x>'),
);
const cut = fc
  .tuple(text, fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([whole, part]) => whole.slice(0, whole.length * part));
const flipped = fc.tuple(text, fc.nat(), fc.nat({ max: 255 })).map(([whole, at, value]) => {
  const bytes = Buffer.from(whole);
  if (bytes.length > 0) bytes[at % bytes.length] = value;
  return bytes;
});
const bytes = fc.oneof(text.map(Buffer.from), cut.map(Buffer.from), flipped, fc.uint8Array({ maxLength: 500 }));

test.each([
  ["terminal", terminal],
  ["camera", camera],
])(
  "whatever a %s pushes has an outcome and a reply, and never throws",
  async (_name, opened) => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 4 }), async (bodies) => {
        const context = opened();
        for (const body of bodies) {
          const before = context.outcomes.length;
          const { status } = await context.http.push({ body });
          expect([200, 400]).toContain(status);
          expect(context.outcomes.length).toBeGreaterThan(before);
        }
        for (const reason of context.filteredReasons) expect(reason).toMatch(/^[a-z][a-z0-9-]{2,50}$/);
        expect(({} as { eventType?: unknown }).eventType).toBeUndefined();
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  "an access event ends as exactly one of observed, filtered or rejected",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(access, nested), async (value) => {
        const context = terminal();
        await context.http.push({ body: value });
        expect(context.outcomes).toHaveLength(1);
      }),
      { numRuns },
    );
  },
  timeout,
);

const partBody = fc.oneof(
  message.map((value) => JSON.stringify(value)),
  message.map((value) => `<EventNotificationAlert>${asXml(value).replace(/[<>&]/g, " ")}</EventNotificationAlert>`),
);
const chunks = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 });

/** The same bytes in pieces of these sizes, in turn. */
function feed(stream: MultipartStream, whole: Buffer, sizes: readonly number[]): StreamedPart[] {
  const parts: StreamedPart[] = [];
  for (let at = 0, turn = 0; at < whole.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    parts.push(...stream.push(whole.subarray(at, at + size)));
    at += size;
  }
  return [...parts, ...stream.end()];
}

test(
  "parts are the same however the stream is cut, whatever its delimiter, lengths and line ends",
  () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(partBody, fc.constantFrom("right", "none", "short", "long")), { minLength: 1, maxLength: 5 }),
        fc.constantFrom("--b", "--<boundary>", "--MIME_boundary", "----x"),
        fc.constantFrom("\r\n", "\n"),
        chunks,
        (given, delimiter, end, sizes) => {
          const bodies = given.map(([body]) => body.trim());
          const whole = given.map(([body, length], at) => {
            const size = Buffer.byteLength(bodies[at] ?? body);
            const counted = { right: size, none: undefined, short: Math.max(0, size - 3), long: size + 40 }[length];
            const header = counted === undefined ? "" : `Content-Length: ${counted}${end}`;
            return `${delimiter}${end}Content-Type: application/json${end}${header}${end}${bodies[at]}${end}`;
          });
          const stream = new MultipartStream();
          const parts = feed(stream, Buffer.from(`${whole.join("")}${delimiter}--${end}`), sizes);
          expect(parts.map(({ body }) => Buffer.from(body).toString("utf8").trim())).toEqual(bodies);
          expect(stream.held).toBeLessThan(1024);
        },
      ),
      { numRuns },
    );
  },
  timeout,
);

test(
  "noise in a stream is never thrown at anybody, and what is held stays bounded",
  () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map(Buffer.from),
      fc
        .constantFrom(
          "--b",
          "--b\r\n",
          "--b--\r\n",
          "\r\n\r\n",
          "--",
          "Content-Length: 999999999\r\n",
          "{",
          "}",
          "<a>",
          "</a>",
        )
        .map(Buffer.from),
      partBody.map(Buffer.from),
    );
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 40 }), chunks, (pieces, sizes) => {
        const stream = new MultipartStream();
        const whole = Buffer.concat(pieces);
        const parts = feed(stream, whole, sizes);
        expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(whole.length);
        expect(stream.held).toBeLessThanOrEqual(whole.length);
      }),
      { numRuns },
    );
  },
  timeout,
);
