import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { rules } from "../../gateway/fusion/rules.ts";

const page = readFileSync(new URL("../../docs/rules.md", import.meta.url), "utf8");

test("docs/rules.md has a line for every rule and for no other", () => {
  const told = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  expect(told.sort()).toEqual(rules.map(({ name }) => name).sort());
});

test("the example of a pattern is one", () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1]?.replace("{ … }", "{}") ?? "";
  const { rules: given } = z.object({ rules: z.record(z.string(), z.unknown()) }).parse(parse(example));
  const correlation = rules.find(({ name }) => name === "correlation");
  expect(correlation?.params.safeParse(given["correlation"]).error).toBeUndefined();
});
