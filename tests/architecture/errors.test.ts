import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { errorCatalogue } from "../../gateway/domain/errors.ts";

const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (.+?) \| (yes|no) \| (.+?) \|$/gm)].map(
  ([, code, meaning, passes, hint]) => ({ code, meaning, transient: passes === "yes", hint }),
);

describe("docs/errors.md", () => {
  it("lists the codes of the program in the same order, with the same hints", () => {
    expect(rows.map(({ code, transient, hint }) => ({ code, transient, hint }))).toEqual(
      Object.entries(errorCatalogue).map(([code, entry]) => ({ code, transient: entry.transient, hint: entry.hint })),
    );
  });

  it("says of each what happened, in words of its own", () => {
    for (const { meaning, hint } of rows) expect(meaning).not.toBe(hint);
    expect(new Set(rows.map(({ meaning }) => meaning)).size).toBe(rows.length);
  });
});
