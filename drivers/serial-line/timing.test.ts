import { describe, expect, it } from "vitest";
import { type LineSettings, timingOf } from "./timing.ts";

const line: LineSettings = { id: "a", path: "/dev/x", baudRate: 9600, parity: "none", dataBits: 8, stopBits: 1 };

describe("the times of a line", () => {
  it("has 3.5 characters of 11 bits as silence up to 19,200 baud", () => {
    expect(timingOf(line).silenceMs).toBeCloseTo(4.01, 2);
    expect(timingOf({ ...line, baudRate: 19_200 }).silenceMs).toBeCloseTo(2.005, 3);
  });

  it("has a fixed silence of 1.75 ms above", () => {
    expect(timingOf({ ...line, baudRate: 38_400 }).silenceMs).toBe(1.75);
    expect(timingOf({ ...line, baudRate: 115_200 }).silenceMs).toBe(1.75);
  });

  it("counts start, data, parity and stop bits of each character", () => {
    expect(timingOf(line).wireMs(96)).toBeCloseTo(100);
    expect(timingOf({ ...line, parity: "even" }).wireMs(96)).toBeCloseTo(110);
    expect(timingOf({ ...line, stopBits: 2, parity: "odd" }).wireMs(96)).toBeCloseTo(120);
  });
});
