import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { drivers } from "../../drivers/drivers.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test.each(["README.md", "README.zh-CN.md"])("%s names every dialect of every driver, and no other", (file) => {
  const rows = [...read(file).matchAll(/^\| [^|]+ \| `([a-z-]+)` \| (.+) \|$/gm)];
  const told = rows.flatMap(([, driver, dialects = ""]) =>
    [...dialects.matchAll(/`([a-z-]+)`/g)].map(([, dialect]) => `${driver}/${dialect}`),
  );
  expect(told.sort()).toEqual(drivers.map(({ driver, dialect }) => `${driver}/${dialect}`).sort());
});

test("docs/devices.md says of every dialect how it was proven", () => {
  const page = read("docs/devices.md");
  const missing = drivers.filter(
    ({ driver, dialect }) => !page.includes(`\`${driver}\``) || !page.includes(`\`${dialect}\``),
  );
  expect(missing.map(({ driver, dialect }) => `${driver}/${dialect}`)).toEqual([]);
});
