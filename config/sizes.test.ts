import { describe, expect, it } from "vitest";
import { parseSize, sizeSchema } from "./sizes.ts";

describe("a size", () => {
  it.each([
    ["512B", 512],
    ["4MiB", 4_194_304],
    ["1.5GiB", 1_610_612_736],
    ["500MB", 500_000_000],
  ])("%s is %d bytes", (text, bytes) => {
    expect(sizeSchema.parse(text)).toBe(bytes);
  });

  it.each(["2G", "2gib", "-1MiB", "1 MiB", "1024", "", "99999999999TiB"])("%j is refused", (text) => {
    expect(parseSize(text)).toBeUndefined();
    expect(sizeSchema.safeParse(text).success).toBe(false);
  });
});
