import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { readEvent } from "../../drivers/thermal-extinguisher/chirpstack-event.ts";
import { readUplink } from "../../drivers/thermal-extinguisher/chirpstack-layout.ts";
import { open } from "../../drivers/thermal-extinguisher/chirpstack-mqtt.ts";
import { chirpStackOptions } from "../../drivers/thermal-extinguisher/chirpstack-options.ts";
import { chirpStackProfileSchema, widths } from "../../drivers/thermal-extinguisher/chirpstack-profile.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

const nightly = process.env["ZHIAN_NIGHTLY"] !== undefined;
const numRuns = nightly ? 100_000 : 1000;
if (nightly) vi.setConfig({ testTimeout: 30 * 60_000 });

const options = chirpStackOptions.parse({
  applicationId: "1",
  devEui: "0101010101010101",
  username: "u",
  password: "p",
  profile: "x",
});
const profile = chirpStackProfileSchema.parse({
  uplinks: [
    {
      fPort: 1,
      fields: [
        { name: "temperature", at: 0, type: "int16", scale: 0.1 },
        { name: "status", at: 2, bits: { 0: "discharged", 1: "lowPressure", 2: "batteryLow" } },
      ],
    },
    {
      fields: [
        { name: "pressure", key: "p.bar", unit: "bar" },
        { name: "mode", key: "mode", codes: { 0: "normal", 1: "smoke" } },
      ],
    },
  ],
});

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    "AQID",
    "AAD/",
    "=",
    "0101010101010101",
    "AQEBAQEBAQE=",
    "2022-07-18T09:34:15.775023242+00:00",
    "9999-99-99T99:99:99Z",
    0,
    1,
    -1,
    1e308,
    "1",
    "0x10",
    null,
    true,
    {},
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const names =
  "deduplicationId time deviceInfo devEUI fCnt fPort data object objectJSON rxInfo batteryLevel level code description type error publishedAt __proto__ constructor".split(
    " ",
  );
const rx = fc.array(fc.dictionary(fc.constantFrom("rssi", "time", "snr"), odd), { maxLength: 3 });
const object = fc.record({ p: fc.record({ bar: odd }), mode: odd }, { requiredKeys: [] });
const message = fc
  .tuple(fc.dictionary(fc.constantFrom(...names), odd), fc.option(rx), fc.option(object), fc.constantFrom(1, 2, "1", 0))
  .map(([value, rxInfo, object, fPort]) => ({ fPort, ...value, ...(rxInfo && { rxInfo }), ...(object && { object }) }));
const deep = fc
  .integer({ min: 1, max: 3000 })
  .map((depth) => Buffer.from(`{"object":${"[".repeat(depth)}${"]".repeat(depth)}}`));
const whole = fc.oneof(
  { weight: 8, arbitrary: message.map((value) => Buffer.from(JSON.stringify(value))) },

  deep,
  fc.constant(Buffer.from('{"__proto__":{"data":"AQID"},"fPort":1}')),
);
const cut = fc.tuple(whole, fc.nat()).map(([bytes, at]) => bytes.subarray(0, at % (bytes.length + 1)));
const flipped = fc.tuple(whole, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([bytes, at, value]) => {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
});
const payload = fc.oneof({ weight: 4, arbitrary: whole }, cut, flipped, fc.uint8Array({ maxLength: 2000 }));
const topics = [...options.topics.keys(), "application/1/device/else/event/up"];

test("whatever the server sends ends as exactly one of observed, filtered or rejected, and never throws", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...topics), payload, fc.boolean()), { maxLength: 4 }),
      async (sent) => {
        const context = new FakeDriverContext({ options, profile });
        open(context);
        for (const [topic, bytes, will] of sent) {
          const before = context.outcomes.length;
          await context.mqtt.say(topic, bytes, will);
          expect(context.outcomes.length).toBe(before + 1);
        }
        const keys = context.observed.map(({ dedupKey }) => dedupKey).filter((key) => key !== undefined);
        expect(new Set(keys).size).toBe(keys.length);
        expect(({} as { data?: unknown }).data).toBeUndefined();
      },
    ),
    { numRuns },
  );
});

const types = Object.keys(widths) as (keyof typeof widths)[];
const field = fc
  .record({
    at: fc.nat(12),
    type: fc.constantFrom(...types),
    order: fc.constantFrom("big", "little"),
    mask: fc.option(fc.integer({ min: 1, max: 0xffffffff }), { nil: undefined }),
  })
  .map(
    (field) =>
      chirpStackProfileSchema.safeParse({
        uplinks: [{ fields: [{ name: "temperature", valid: { min: -1e12, max: 1e12 }, ...field }] }],
      }).data,
  );

/** What a type holds, by DataView and by the bits that it has: written apart from the code under test. */
function expected(
  bytes: Uint8Array,
  at: number,
  type: keyof typeof widths,
  order: string,
  mask: number | undefined,
): number {
  const part = [...bytes.subarray(at, at + widths[type])];
  if (order === "little") part.reverse();
  if (type === "float32") return new DataView(Uint8Array.from(part).buffer).getFloat32(0);
  let bits = part.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (mask !== undefined) {
    const kept = mask.toString(2).padStart(bits.length, "0");
    const [first, last] = [kept.indexOf("1"), kept.lastIndexOf("1")];
    bits = [...bits]
      .map((bit, i) => (kept[i] === "1" ? bit : "0"))
      .slice(first, last + 1)
      .join("");
  }
  const value = Number.parseInt(bits, 2);
  return type.startsWith("int") && bits.startsWith("1") ? value - 2 ** bits.length : value;
}

test("a field of any type, order and mask is read as its bits say, or told to be missing", () => {
  fc.assert(
    fc.property(field, fc.uint8Array({ minLength: 1, maxLength: 16 }), (profile, data) => {
      const given = profile?.uplinks[0]?.fields[0];
      if (profile === undefined || given?.at === undefined) return;
      const reading = readUplink(profile, { data, fPort: 1 });
      if (given.at + widths[given.type] > data.length) {
        expect(typeof reading).toBe("string");
        return;
      }
      if (typeof reading === "string") throw new Error(reading);
      const value = expected(data, given.at, given.type, given.order, given.mask);
      if (!Number.isFinite(value) || Math.abs(value) > 1e12) {
        expect(reading.values.invalid.size).toBe(1);
        return;
      }
      expect(reading.values.temperatureC).toBe(Math.round(value * 1e6) / 1e6);
    }),
    { numRuns },
  );
});

test("version 3 and version 4 tell the same of the same frame, hexadecimal or base64", () => {
  const frame = fc.record({
    eui: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    data: fc.uint8Array({ minLength: 1, maxLength: 51 }),
    fCnt: fc.nat(),
    fPort: fc.integer({ min: 1, max: 255 }),
    rssi: fc.integer({ min: -140, max: 0 }),
    at: fc.date({ min: new Date("2020-01-01"), max: new Date("2040-01-01"), noInvalidDate: true }),
  });
  fc.assert(
    fc.property(frame, ({ eui, data, fCnt, fPort, rssi, at }) => {
      const bytes = Buffer.from(data).toString("base64");
      const [hex, base64] = [Buffer.from(eui).toString("hex"), Buffer.from(eui).toString("base64")];
      const time = at.toISOString();
      const common = { fCnt, fPort, data: bytes };
      const events = [
        { ...common, time, deviceInfo: { devEui: hex }, rxInfo: [{ rssi }] },
        { ...common, devEUI: base64, rxInfo: [{ rssi, time }] },
        { ...common, devEUI: hex, rxInfo: [{ rssi, time }] },
      ].map((value) => readEvent(Buffer.from(JSON.stringify(value))));
      expect(events[1]).toEqual(events[0]);
      expect(events[2]).toEqual(events[0]);
      expect(events[0]).toMatchObject({ devEui: hex, atMs: at.getTime(), fCnt, fPort, signalDbm: rssi });
    }),
    { numRuns },
  );
});
