import fc from "fast-check";

/** Cases of one fuzz test: 100,000 in the nightly command. */
export const runs = process.env["ZHIAN_NIGHTLY"] === undefined ? 1000 : 100_000;

/** How long one fuzz test may take, ms. */
export const patience = runs > 1000 ? 1_200_000 : 30_000;

const times = fc.oneof(
  fc.constantFrom(
    "2026-11-24T00:00:00Z",
    "2008-10-10T12:24:57.321Z",
    "0000-00-00T00:00:00Z",
    "9999-99-99",
    1590258472044,
    1e15,
  ),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
);

/** What stands where a device should have written something else. */
export const odd = fc.oneof(
  fc.jsonValue(),
  times,
  fc.constantFrom(
    0,
    -1,
    1,
    "0",
    "1",
    " 2 ",
    "true",
    true,
    false,
    "active",
    1e308,
    -1e308,
    2 ** 60,
    "1e999",
    "٣",
    "0x10",
    "",
    " ",
    null,
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);

/** Messages as bytes: whole, deeply nested, with a prototype in them, cut off, with one byte turned, and noise. */
export function bytesFrom(message: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array> {
  const deep = fc.integer({ min: 1, max: 5000 }).map((depth) => `{"Data":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  const prototypes = fc.constantFrom(
    '{"__proto__":{"UtcTime":"x","type":"new","message":{}}}',
    '{"UtcTime":"2026-11-24T00:00:00Z","Data":{"__proto__":{"State":true},"constructor":1}}',
  );
  const whole = fc.oneof(
    { weight: 8, arbitrary: message.map((value) => Buffer.from(JSON.stringify(value) ?? "")) },
    { weight: 1, arbitrary: deep.map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: prototypes.map((text) => Buffer.from(text)) },
  );
  const cut = fc
    .tuple(whole, fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([bytes, part]) => bytes.subarray(0, Math.floor(bytes.length * part)));
  const turned = fc.tuple(whole, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([bytes, at, value]) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[at % copy.length] = value;
    return copy;
  });
  return fc.oneof(whole, cut, turned, fc.uint8Array({ maxLength: 2000 }));
}
