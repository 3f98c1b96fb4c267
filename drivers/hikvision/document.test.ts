import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readDocument } from "./document.ts";

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
const read = (text: string | Uint8Array) => readDocument(typeof text === "string" ? Buffer.from(text) : text);
const reason = (text: string | Uint8Array) => {
  const result = read(text);
  return result.ok ? "read" : result.reason;
};

test("the same event is read from JSON and from XML, whatever a header says", () => {
  const json = read(fixture("access-pushed-part.json"));
  const xml = read(fixture("access-face-pass.xml"));
  for (const result of [json, xml]) {
    expect(result).toMatchObject({ ok: true, fields: { eventType: "AccessControllerEvent" } });
  }
  expect(read(`\uFEFF \r\n${fixture("access-pushed-part.json").toString("utf8")}`)).toEqual(json);
  const wrapped = `{"EventNotificationAlert":${fixture("access-pushed-part.json").toString("utf8")}}`;
  expect(read(wrapped)).toEqual(json);
});

test("a picture in the JSON is emptied before it is parsed", () => {
  const result = read(JSON.stringify({ eventType: "x", picture: "A".repeat(3_000_000) }));
  expect(result).toEqual({ ok: true, fields: { eventType: "x", picture: "" } });
});

test.each([
  ["", "no-document"],
  [" \r\n", "no-document"],
  ["heartbeat", "no-document"],
  ["[1]", "no-document"],
  [new Uint8Array([0xff, 0xd8, 0xff]), "no-document"],
  ['{"a":', "bad-json"],
  [`{"a":${"[".repeat(100_000)}`, "bad-json"],
  [`{${'"a":1,'.repeat(20_000)}"b":1}`, "too-large"],
  ["<a>", "bad-xml"],
  ["<a", "bad-xml"],
  ["<a></b>", "bad-xml"],
  ["<a>1</a>", "bad-xml"],
  ['<!DOCTYPE a [<!ENTITY x "y">]><a><b>&x;</b></a>', "bad-xml"],
  ["<__proto__><x>1</x></__proto__>", "bad-xml"],
  ["<a>".repeat(20_000) + "</a>".repeat(20_000), "bad-xml"],
  [`<a><b>${"x".repeat(300_000)}</b></a>`, "too-large"],
])("bad input %# is %s, and nothing of it is repeated", (bytes, expected) => {
  const result = read(bytes);
  expect(reason(bytes)).toBe(expected);
  expect(JSON.stringify(result)).not.toMatch(/ENTITY|xxx|heartbeat/);
});
