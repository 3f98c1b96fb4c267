import { describe, expect, it } from "vitest";
import { seeded } from "../random.ts";
import { type Arrival, arrivals, arrivalsOverDay } from "./arrivals.ts";
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

  // The table of a residential entrance, written out again: shares of a day's passages in its hours.
  const workday = [6, 3, 2, 2, 4, 12, 35, 85, 85, 50, 45, 55, 55, 45, 40, 42, 50, 75, 90, 70, 55, 45, 30, 19];

  const byHour = (coming: readonly Arrival[]) =>
    Array.from({ length: 24 }, (_, hour) => coming.filter(({ atS }) => Math.floor(atS / 3600) === hour).length);

  it("come over a day as its hours have it, and as chance scatters them", () => {
    const days = 200;
    const random = seeded(11);
    const counts = Array(24).fill(0);
    for (let day = 0; day < days; day += 1) {
      for (const [hour, count] of byHour(arrivalsOverDay({ perDay: 1350 }, random)).entries()) counts[hour] += count;
    }
    const total = counts.reduce((sum, count) => sum + count, 0);
    expect(total / days).toBeGreaterThan(1350 * 0.98);
    expect(total / days).toBeLessThan(1350 * 1.02);
    const sum = workday.reduce((all, share) => all + share, 0);
    // In groups the variance is E[n²]/E[n] = 1.7 times that of single people: χ² of 23 degrees, 99.9 % below 49.7.
    const chi = counts.reduce((all, count, hour) => {
      const expected = (total * (workday[hour] ?? 0)) / sum;
      return all + (count - expected) ** 2 / (expected * 1.7);
    }, 0);
    expect(chi).toBeLessThan(49.7);
  });

  it("have no rush on a weekend's morning", () => {
    const counts = byHour(arrivalsOverDay({ perDay: 100_000, weekend: true }, seeded(3)));
    expect(Math.abs((counts[7] ?? 0) / (counts[8] ?? 1) - 1)).toBeLessThan(0.06);
    expect((counts[12] ?? 0) / (counts[7] ?? 1)).toBeGreaterThan(1.4);
  });

  it("come alone seven times in ten, and begin at whatever hour is wanted", () => {
    const coming = arrivalsOverDay({ perDay: 20_000, fromHour: 7.5, forS: 3600 }, seeded(9));
    const starts = coming.filter(({ atS }, at) => at === 0 || Math.abs(atS - (coming[at - 1]?.atS ?? 0) - 1.5) > 1e-6);
    expect(coming.length / starts.length).toBeCloseTo(1.38, 1);
    expect(coming.length).toBeGreaterThan(20_000 * 0.085 * 0.9);
    expect(coming.length).toBeLessThan(20_000 * 0.09 * 1.15);
  });
});
