import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { GstBlocks } from "../../drivers/fire-panel/gst-blocks.ts";
import { readMessage } from "../../drivers/fire-panel/gst-message.ts";
import { open } from "../../drivers/fire-panel/gst-printer.ts";
import { gstProfileSchema } from "../../drivers/fire-panel/gst-words.ts";
import { bodySchemas } from "../../gateway/domain/observation.ts";
import { eventNames, type PrintedEvent, PrinterPort } from "../../simulators/fire-panel/panel.ts";
import { seeded } from "../../simulators/random.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] !== undefined;
const numRuns = nightly ? 100_000 : 1000;
if (nightly) vi.setConfig({ testTimeout: 30 * 60_000 });
const profile = gstProfileSchema.parse({});
const port = new PrinterPort(process.stdout, seeded(1));

const printed = fc.record({
  event: fc.constantFrom(...(Object.keys(eventNames) as PrintedEvent[])),
  loop: fc.integer({ min: 0, max: 255 }),
  number: fc.integer({ min: 0, max: 999 }),
  place: fc.constantFrom("裙楼一层上空", "夹层配电室火警", "三层走道", "B1 车库", "锅炉房"),
  detector: fc.constantFrom("感烟探测器", "手动按钮", "气体灭火"),
});
const message = printed.map((each) => port.bytes(each, Date.UTC(2026, 10, 24)));
const noise = fc.uint8Array({ maxLength: 60 });
const stream = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: message },
      { weight: 1, arbitrary: noise },
      { weight: 1, arbitrary: fc.tuple(message, fc.nat(80)).map(([bytes, at]) => bytes.subarray(at)) },
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));

/** Cuts into pieces at these places. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((to, i) => bytes.subarray(places[i - 1] ?? 0, to));
}

test("the same bytes make the same messages however they are cut into pieces", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
      const [whole, cut] = [new GstBlocks(), new GstBlocks()];
      const expected = [...whole.push(bytes), whole.flush()];
      const got = [...pieces(bytes, cuts).flatMap((piece) => cut.push(piece)), cut.flush()];
      expect(got).toEqual(expected);
    }),
    { numRuns },
  );
});

test("a message after any noise is read, and every fire among whole messages is told, in order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(noise, printed), { maxLength: 6 }), (parts) => {
      const blocks = new GstBlocks();
      const bytes = Buffer.concat(parts.flatMap(([noise, each]) => [noise, port.bytes(each)]));
      const told = [...blocks.push(bytes), blocks.flush()].flatMap(
        (block) => (block && readMessage(block, profile)) ?? [],
      );
      const texts = told.map(({ text }) => text);
      for (const [, { event, place, detector }] of parts) {
        expect(texts).toContain(`${eventNames[event]} ${place} ${detector}`);
      }
    }),
    { numRuns },
  );
});

test("one damaged byte costs no more than its own message", () => {
  fc.assert(
    fc.property(printed, printed, fc.nat(), fc.integer({ min: 0, max: 255 }), (first, second, at, value) => {
      const bytes = Buffer.from(port.bytes(first));
      bytes[at % bytes.length] = value;
      const blocks = new GstBlocks();
      const told = [...blocks.push(bytes), ...blocks.push(port.bytes(second)), blocks.flush()].flatMap(
        (block) => (block && readMessage(block, profile)) ?? [],
      );
      expect(told.at(-1)?.text).toContain(`${eventNames[second.event]} ${second.place}`);
    }),
    { numRuns },
  );
});

test("whatever comes in, each piece ends as an event or as noise, and nothing grows or throws", async () => {
  const anything = fc.array(fc.oneof(stream, fc.uint8Array({ maxLength: 3000 })), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(anything, async (chunks) => {
      const context = new FakeDriverContext({ options: { line: "l", silentAfter: 1 }, profile });
      open(context);
      for (const chunk of chunks) context.feed.say(chunk);
      context.clock.advance(5000);
      await new Promise((resolve) => setImmediate(resolve));
      for (const { kind, body } of context.observed) {
        expect(kind).toBe("panel.event");
        const { text = "" } = bodySchemas["panel.event"].parse(body);
        expect(text.length).toBeLessThanOrEqual(200);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be left
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }
    }),
    { numRuns: nightly ? 20_000 : 300 },
  );
});
