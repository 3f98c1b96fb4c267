import { describe, expect, it } from "vitest";
import { seeded } from "../random.ts";
import { arrivals } from "./arrivals.ts";
import { makePeople } from "./people.ts";

describe("the people of the demo", () => {
  it("have ids with a right check character, in a region that does not exist", () => {
    const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    for (const { idCard } of makePeople(200, seeded(1))) {
      expect(idCard).toMatch(/^990101(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d)\d{3}[\dX]$/);
      const sum = weights.reduce((total, weight, at) => total + weight * Number(idCard.charAt(at)), 0);
      expect(idCard.charAt(17)).toBe("10X98765432".charAt(sum % 11));
    }
  });

  it("come at the rate that was asked for, some refused at first, some unknown", () => {
    const coming = arrivals(20, 3600 * 10, seeded(5));
    expect(coming.length / 600).toBeGreaterThan(18);
    expect(coming.length / 600).toBeLessThan(22);
    const share = (outcome: string) => coming.filter((arrival) => arrival.outcome === outcome).length / coming.length;
    expect(share("retried")).toBeGreaterThan(0.02);
    expect(share("retried")).toBeLessThan(0.04);
    expect(share("stranger")).toBeGreaterThan(0.03);
    expect(share("stranger")).toBeLessThan(0.05);
  });
});
