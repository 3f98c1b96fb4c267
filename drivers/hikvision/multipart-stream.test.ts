import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MultipartStream, type StreamedPart } from "./multipart-stream.ts";

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8");
const heartbeat = fixture("videoloss-heartbeat.xml").trimEnd();
const event = fixture("access-lock-open.json").trimEnd();

function parse(text: string | Buffer, size = Number.POSITIVE_INFINITY): readonly StreamedPart[] {
  const bytes = Buffer.from(text);
  const stream = new MultipartStream();
  const parts: StreamedPart[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(...stream.push(bytes.subarray(at, at + size)));
  return [...parts, ...stream.end()];
}
const shown = (parts: readonly StreamedPart[]) =>
  parts.map(({ contentType, skipped, body }) => [contentType, skipped ?? Buffer.from(body).toString("utf8").trim()]);

const part = (delimiter: string, type: string, body: string, end = "\r\n") =>
  `${delimiter}${end}Content-Type: ${type}; charset="UTF-8"${end}Content-Length: ${Buffer.byteLength(body)}${end}${end}${body}${end}`;

test.each(["--boundary", "--<boundary>", "--MIME_boundary", "----myboundary"])(
  "a stream with the delimiter %s is read, however it is cut on its way",
  (delimiter) => {
    const text = `${part(delimiter, "application/xml", heartbeat)}${part(delimiter, "application/json", event)}${part(
      delimiter,
      "image/jpeg",
      "\xff\xd8 no picture",
    )}${part(delimiter, "application/xml", heartbeat)}${delimiter}--\r\n`;
    const whole = [
      ["application/xml", heartbeat],
      ["application/json", event],
      ["image/jpeg", "picture"],
      ["application/xml", heartbeat],
    ];
    for (const size of [1, 2, 3, 7, 100, 1000, 1e9]) expect(shown(parse(text, size))).toEqual(whole);
  },
);

test("line ends may be LF alone, and mixed within one stream", () => {
  const text = `--b\n${part("", "application/json", event, "\n").trimStart()}${part("--b", "application/json", event)}--b\n`;
  expect(shown(parse(text, 5))).toHaveLength(2);
});

test("an event is handed out at once, though the delimiter behind it comes with the next one", () => {
  const stream = new MultipartStream();
  const [found, ...rest] = stream.push(Buffer.from(part("--b", "application/json", event)));
  expect([
    Buffer.from(found?.body ?? [])
      .toString("utf8")
      .trim(),
    rest,
  ]).toEqual([event, []]);
  expect(stream.push(Buffer.from(part("--b", "application/xml", heartbeat)))).toHaveLength(1);
});

test("without a Content-Length too, and a delimiter of angle brackets is not taken for the end of the text", () => {
  const stream = new MultipartStream();
  expect(stream.push(Buffer.from(`--<boundary>\r\nContent-Type: application/json\r\n\r\n${event}`))).toHaveLength(1);
  expect(stream.push(Buffer.from("\r\n--<boundary>"))).toEqual([]);
  expect(
    stream.push(Buffer.from(`\r\nContent-Type: application/xml\r\n\r\n${heartbeat}\r\n--<boundary>`)),
  ).toHaveLength(1);
  expect(stream.push(Buffer.from(`\r\n\r\n${event}\r\n--<boundary>\r\n`))).toHaveLength(1);
});

test.each([1, 10, 5000])("a Content-Length of %d that is wrong changes nothing", (length) => {
  const lying = `--b\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${event}\r\n--b\r\n`;
  for (const size of [1, 50, 1e9]) expect(shown(parse(lying, size))).toEqual([["application/json", event]]);
});

test("text in which a line only looks like a delimiter stays whole", () => {
  const text = `{"a":"\\n--bb",\n"--b":1,\n\n"c":"--b"}`;
  expect(shown(parse(`--b\r\nContent-Type: application/json\r\n\r\n${text}\r\n--b\r\n`, 3))).toEqual([
    ["application/json", text],
  ]);
});

test("a picture of 50 MB is let go as it comes, with a type or without one", () => {
  for (const head of ["Content-Type: image/jpeg\r\n", ""]) {
    const stream = new MultipartStream();
    stream.push(Buffer.from(`--b\r\n${head}\r\n`));
    const chunk = Buffer.alloc(64 * 1024, 0xd8);
    let most = 0;
    for (let i = 0; i < 800; i += 1) {
      expect(stream.push(chunk)).toEqual([]);
      most = Math.max(most, stream.held);
    }
    expect(most).toBeLessThan(1024);
    const [picture, next] = stream.push(
      Buffer.from(`\r\n--b\r\nContent-Type: application/json\r\n\r\n${event}\r\n--b\r\n`),
    );
    expect(picture).toMatchObject({ skipped: "picture", bytes: 50 * 1024 * 1024 + 2 });
    expect(next?.skipped).toBeUndefined();
  }
});

test("text without an end is given up at its bound, and the next part is read", () => {
  const stream = new MultipartStream();
  stream.push(Buffer.from("--b\r\nContent-Type: application/json\r\n\r\n"));
  let most = 0;
  for (let i = 0; i < 100; i += 1) {
    expect(stream.push(Buffer.from(`{"a":"${"}".repeat(9990)}`))).toEqual([]);
    most = Math.max(most, stream.held);
  }
  expect(most).toBeLessThan(300 * 1024);
  const parts = stream.push(Buffer.from(`\r\n--b\r\nContent-Type: application/json\r\n\r\n${event}\r\n--b\r\n`));
  expect(parts.map(({ skipped }) => skipped)).toEqual(["too-large", undefined]);
});

test("headers without an end, and a stream without any delimiter, are let go", () => {
  const endless = new MultipartStream();
  const parts: StreamedPart[] = [...endless.push(Buffer.from("--b\r\n"))];
  for (let i = 0; i < 50; i += 1) parts.push(...endless.push(Buffer.from(`X-${i}: ${"y".repeat(1000)}\r\n`)));
  expect(parts).toEqual([{ contentType: "", bytes: 0, body: Buffer.alloc(0), skipped: "bad-headers" }]);
  expect(endless.held).toBeLessThan(1024);
  expect(endless.push(Buffer.from(`--b\r\nContent-Type: application/json\r\n\r\n${event}\r\n`))).toHaveLength(1);
  const without = new MultipartStream();
  for (let i = 0; i < 50; i += 1) expect(without.push(Buffer.alloc(10_000, 0x41))).toEqual([]);
  expect(without.held).toBeLessThan(1024);
});

test("a device that dribbles one byte at a time costs no more than one that does not", () => {
  const text = Buffer.from(`--b\r\nContent-Type: application/json\r\n\r\n{"a":[${"[],".repeat(20_000)}0]}\r\n--b\r\n`);
  const began = performance.now();
  expect(parse(text, 1)).toHaveLength(1);
  expect(performance.now() - began).toBeLessThan(5000);
});
