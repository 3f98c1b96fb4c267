import { expect, test } from "vitest";
import { localTimeReader } from "./local-time.ts";

const read = (text: string, zone = "Asia/Shanghai", near = 0) => {
  const ms = localTimeReader(zone)(text, near);
  return ms === undefined ? undefined : new Date(ms).toISOString();
};

test("a time without a zone is taken in the site's zone", () => {
  expect(read("2026-04-10 10:00:07")).toBe("2026-04-10T02:00:07.000Z");
  expect(read("2026-04-10T10:00:07", "America/Sao_Paulo")).toBe("2026-04-10T13:00:07.000Z");
  expect(read("2026-01-10 10:00:07", "Asia/Kathmandu")).toBe("2026-01-10T04:15:07.000Z");
});

test("a time that carries its own offset is taken by it, whatever the site's zone", () => {
  expect(read("2026-04-10T10:00:07Z")).toBe("2026-04-10T10:00:07.000Z");
  expect(read("2026-04-10T10:00:07.250+09:00")).toBe("2026-04-10T01:00:07.250Z");
  expect(read("2026-04-10T10:00:07-0330")).toBe("2026-04-10T13:30:07.000Z");
});

test("summer and winter time of a zone are told apart", () => {
  expect(read("2026-07-01 12:00:00", "Europe/Berlin")).toBe("2026-07-01T10:00:00.000Z");
  expect(read("2026-12-01 12:00:00", "Europe/Berlin")).toBe("2026-12-01T11:00:00.000Z");
});

test("an hour that comes twice in autumn is the one nearer to the time of receipt", () => {
  const first = "2026-10-25T00:30:00.000Z";
  const second = "2026-10-25T01:30:00.000Z";
  expect(read("2026-10-25 02:30:00", "Europe/Berlin", Date.parse(first) + 5000)).toBe(first);
  expect(read("2026-10-25 02:30:00", "Europe/Berlin", Date.parse(second) + 5000)).toBe(second);
});

test("an hour that is left out in spring moves forward by the jump", () => {
  expect(read("2026-03-29 02:30:00", "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
});

test("an island that skipped a whole day has its dates right on both sides", () => {
  expect(read("2011-12-29 12:00:00", "Pacific/Apia")).toBe("2011-12-29T22:00:00.000Z");
  expect(read("2011-12-31 12:00:00", "Pacific/Apia")).toBe("2011-12-30T22:00:00.000Z");
});

test.each([
  ["0000-00-00 00:00:00"],
  ["2026-02-30 10:00:00"],
  ["2026-13-01 10:00:00"],
  ["2026-04-10 24:00:00"],
  ["2026-04-10 10:60:00"],
  ["2026-04-10"],
  ["10:00:07"],
  ["1775786407"],
  [""],
  ["yesterday"],
])("%j is no date of a calendar and is not read as one", (text) => {
  expect(read(text)).toBeUndefined();
});

test("a zone that does not exist is refused when the device is opened, not when it speaks", () => {
  expect(() => localTimeReader("Mars/Olympus")).toThrow(RangeError);
});
