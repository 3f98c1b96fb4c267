import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { jsonSchemas } from "../../gateway/uplink/write-schemas.ts";

const folder = new URL("../../gateway/uplink/schemas/", import.meta.url);

describe("the published schemas", () => {
  it("are those of the contract as it is in code (write them with: node gateway/uplink/write-schemas.ts)", () => {
    const published = readdirSync(folder).filter((file) => file.endsWith(".schema.json"));
    const texts = new Map(published.map((file) => [file, readFileSync(new URL(file, folder), "utf8")]));
    expect([...texts.keys()].sort()).toEqual([...jsonSchemas().keys()].sort());
    for (const [file, text] of jsonSchemas()) expect(texts.get(file)).toBe(text);
  });
});
