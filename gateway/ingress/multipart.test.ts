import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundaryOf, MultipartSplitter } from "./multipart.ts";

function split(body: string | Buffer, { boundary = "b", keep = 1000, step = 1_000_000 } = {}) {
  const splitter = new MultipartSplitter(boundary, keep);
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += step) {
    const fault = splitter.push(bytes.subarray(at, at + step));
    if (fault !== undefined) return fault;
  }
  return (
    splitter.end() ?? splitter.parts.map(({ body: kept, ...part }) => ({ ...part, text: Buffer.from(kept).toString() }))
  );
}

const json = { name: "event", contentType: "application/json", bytes: 7, dropped: false, text: '{"a":1}' };

describe("a multipart body", () => {
  it("gives its parts with their names, the JSON whole and the picture by its length alone", () => {
    const body = [
      "to be ignored",
      "--MIME_boundary",
      'Content-Disposition: form-data; name="event"',
      "Content-Type: application/json; charset=UTF-8",
      "Content-Length: 7",
      "",
      '{"a":1}',
      "--MIME_boundary",
      'Content-Disposition: form-data; name="Picture"; filename="a \\"b\\".jpg"',
      "Content-Type: image/jpeg",
      "",
      "\u00ff\u00d8--MIME_boundar",
      "--MIME_boundary--",
      "to be ignored too --MIME_boundary",
    ].join("\r\n");
    const picture = { name: "Picture", filename: 'a "b".jpg', contentType: "image/jpeg", dropped: true, text: "" };
    for (const step of [1, 2, 3, 7, 10_000])
      expect(split(body, { boundary: "MIME_boundary", step })).toEqual([json, { ...picture, bytes: 18 }]);
  });

  it.each([
    [
      "lines that end in LF alone",
      '--b\nContent-Disposition: form-data; name="event"\nContent-Type: application/json\n\n{"a":1}\n--b--\n',
    ],
    [
      "no closing delimiter",
      '--b\r\nContent-Disposition: form-data; name=event\r\nContent-Type: application/json\r\n\r\n{"a":1}',
    ],
    [
      "blanks after the boundary",
      '--b \t\r\ncontent-type:application/json\r\ncontent-disposition:form-data;name="event"\r\n\r\n{"a":1}\r\n--b--',
    ],
  ])("is taken with %s", (_what, body) => {
    for (const step of [1, 5, 1000]) expect(split(body, { step })).toEqual([json]);
  });

  it.each([
    ["a picture", "image/jpeg", "", true],
    ["sound", "audio/wav", "", true],
    ["bytes of a file", "application/octet-stream", "a.bin", true],
    ["bytes of no file", "application/octet-stream", "", false],
    ["a film without a type", "", "a.MP4", true],
    ["text with the name of a picture", "text/plain", "a.jpg", false],
    ["XML of a file", "application/xml", "a.xml", false],
  ])("lets go of %s, or not", (_what, type, filename, dropped) => {
    const named = filename === "" ? "" : `; filename="${filename}"`;
    const typed = type === "" ? "" : `Content-Type: ${type}\r\n`;
    const body = `--b\r\nContent-Disposition: form-data; name="x"${named}\r\n${typed}\r\ncontent\r\n--b--`;
    expect(split(body)).toMatchObject([{ dropped, bytes: 7, text: dropped ? "" : "content" }]);
  });

  it("keeps a multipart within it as it is, however deep", () => {
    const inner = "--c\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\n\r\nx\r\n--d--\r\n--c--";
    expect(split(`--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n${inner}\r\n--b--`)).toMatchObject([
      { contentType: "multipart/mixed", text: inner },
    ]);
  });

  it.each([
    ["more than may be kept", `--b\r\n\r\n${"x".repeat(600)}\r\n--b\r\n\r\n${"x".repeat(600)}\r\n--b--`, "too-big"],
    ["a hundred parts", `${"--b\r\n\r\nx\r\n".repeat(100)}--b--`, "too-many-parts"],
    ["a head without an end", `--b\r\n${"x".repeat(9000)}`, "part-header"],
    ["a delimiter that goes on", "--bb\r\n\r\nx", "part-header"],
    ["nothing", "", "no-part"],
    ["no delimiter", "content", "no-part"],
    ["its end alone", "--b--", "no-part"],
  ])("with %s is no body", (_what, body, fault) => {
    for (const step of [1, 100_000]) expect(split(body, { step })).toBe(fault);
  });

  it.each([
    ["multipart/form-data; boundary=abc", "abc"],
    ['multipart/mixed;charset=x; Boundary="a b"', "a b"],
    ["multipart/form-data; boundary=", undefined],
    ["multipart/form-data", undefined],
    [`multipart/form-data; boundary=${"x".repeat(201)}`, undefined],
  ])("has its boundary told by %j: %j", (type, boundary) => {
    expect(boundaryOf(type)).toBe(boundary);
  });

  it("is the same however it is cut into pieces, whatever its parts hold", { timeout: 180_000 }, () => {
    const nasty = fc.constantFrom("\r\n--", "--b", "\r\n-", "\n", "\r", "-", "\r\n--a", "b", "--", "x");
    const content = fc
      .array(nasty, { maxLength: 12 })
      .map((all) => all.join(""))
      .filter((text) => !`\n${text}`.includes("\n--b"));
    const parts = fc.array(fc.record({ content, file: fc.boolean() }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 40 }), (given, step) => {
        const body = given.map(
          ({ content: text, file }) => `--b\r\n${file ? "Content-Type: image/png\r\n" : ""}\r\n${text}\r\n`,
        );
        const expected = given.map(({ content: text, file }) => ({
          text: file ? "" : text,
          bytes: text.length,
          dropped: file,
        }));
        expect(split(`${body.join("")}--b--`, { step, keep: 100_000 })).toMatchObject(expected);
      }),
      { numRuns: process.env["ZHIAN_NIGHTLY"] === undefined ? 1000 : 100_000 },
    );
  });

  it("survives any bytes", { timeout: 180_000 }, () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom("--b", "\r\n", "--b\r\n", "\r\n\r\n", "--b--", "Content-Type: image/x")
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 50 }), (pieces, step) => {
        const bytes = Buffer.concat(pieces);
        expect(split(bytes, { step })).toEqual(split(bytes));
      }),
      { numRuns: process.env["ZHIAN_NIGHTLY"] === undefined ? 1000 : 100_000 },
    );
  });
});
