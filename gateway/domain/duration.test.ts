import { describe, expect, it } from "vitest";
import { durationSchema, parseDuration } from "./duration.ts";

describe("a duration", () => {
  it.each([
    ["250ms", 250],
    ["90s", 90_000],
    ["5m", 300_000],
    ["1.5h", 5_400_000],
    ["180d", 15_552_000_000],
    ["0s", 0],
  ])("%s is %d milliseconds", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(durationSchema.parse(text)).toBe(ms);
  });

  it.each(["90", "90 s", "s", "-5m", "5min", "1e3s", "", ".5s", `${"9".repeat(40)}d`])("%j is refused", (text) => {
    expect(parseDuration(text)).toBeUndefined();
    expect(durationSchema.safeParse(text).success).toBe(false);
  });

  it("without a unit says which units there are", () => {
    expect(durationSchema.safeParse("90").error?.issues[0]?.message).toContain("ms, s, m, h, d");
  });
});
