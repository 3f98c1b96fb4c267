import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeCode, pubackMeanings, verdictOn } from "./reason-codes.ts";

const spec = readFileSync(new URL("../../docs/specs/uplink.md", import.meta.url), "utf8");

test("the table of refusals in the specification is the one in the code", () => {
  const rows = [...spec.matchAll(/^\| 0x([0-9a-f]{2}) \| (.+) \| (\w+) \|$/gm)].map(([, code = "", name, verdict]) => [
    String(Number.parseInt(code, 16)),
    { name, verdict },
  ]);
  expect(Object.fromEntries(rows)).toEqual(pubackMeanings);
});

test("a reason that nobody knows is tried again, and shown", () => {
  expect([verdictOn(0xfe), verdictOn(0x10), verdictOn(0)]).toEqual(["again", "accepted", "accepted"]);
  expect(describeCode(0xfe)).toBe("0xfe unknown reason");
});

test("every metric of the uplink is in the specification, and no other", () => {
  const folder = new URL("./", import.meta.url);
  const sources = readdirSync(folder).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  const names = (text: string): Set<string> => new Set(text.match(/zhian_uplink_\w+/g));
  const told = names(sources.map((file) => readFileSync(new URL(file, folder), "utf8")).join("\n"));
  expect([...names(spec)].toSorted()).toEqual([...told].toSorted());
});
