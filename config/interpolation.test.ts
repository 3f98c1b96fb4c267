// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a configuration writes its references so
import { afterAll, describe, expect, it } from "vitest";
import { SiteFolder } from "../tests/support/sample-site.ts";
import { interpolate } from "./interpolation.ts";

const site = new SiteFolder();
afterAll(() => site.remove());
const env = { NAME: "gw-7", EMPTY: "", NESTED: "${NAME}" };
const value = (text: string): string | undefined => {
  const result = interpolate(text, { env, dir: site.dir });
  return result.ok ? result.value : undefined;
};

describe("a reference", () => {
  it.each([
    ["plain", "plain"],
    ["${NAME}", "gw-7"],
    ["a-${NAME}-${NAME}", "a-gw-7-gw-7"],
    ["${OTHER:-else}", "else"],
    ["${EMPTY:-else}", "else"],
    ["${EMPTY}", ""],
    ["${OTHER:-}", ""],
    ["${OTHER:-mqtt://h:1}", "mqtt://h:1"],
    ["$${NAME}", "${NAME}"],
    ["${NESTED}", "${NAME}"],
    ["$NAME costs $5", "$NAME costs $5"],
    ["${file:secrets/uplink}", "canary-uplink-Zq7"],
  ])("%s becomes %s", (text, expected) => {
    expect(value(text)).toBe(expected);
  });

  it("to a file leaves out the newline at its end, whichever kind, and nothing else", () => {
    site.write("crlf", " two words \r\n");
    site.write("lines", "one\ntwo\n");
    expect(value("${file:crlf}")).toBe(" two words ");
    expect(value("${file:lines}")).toBe("one\ntwo");
  });

  it.each([
    ["${OTHER}", "no OTHER"],
    ["${file:}", "no path"],
    ["${file:nowhere}", "no such file"],
    ["${file:secrets}", "not a file"],
    ["${file:own.yaml/x}", "not a directory"],
    ["${file:empty}", "empty"],
    ["${file:binary}", "not UTF-8"],
    ["${file:huge}", "larger than"],
    ["${not a name}", "no known form"],
    ["${}", "no known form"],
    ["${NAME", "without their"],
  ])("%s is refused: %s", (text, found) => {
    site.write("empty", "\n");
    site.write("huge", "x".repeat(70_000));
    site.writeBytes("binary", [0xff, 0xfe, 0x00]);
    const result = interpolate(text, { env, dir: site.dir });
    expect(result).toMatchObject({ ok: false, found: expect.stringContaining(found) });
  });
});
