import fc from "fast-check";
import { expect, test } from "vitest";
import { localTimeReader } from "../../drivers/facesluice/local-time.ts";

const zones = [
  "Asia/Shanghai",
  "Asia/Kathmandu",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "America/Sao_Paulo",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Chatham",
  "Africa/Casablanca",
  "Asia/Gaza",
  "UTC",
];

/** How the device's clock would show an instant: written apart from the code under test, by formatToParts. */
function shownIn(zone: string, ms: number): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  return `${parts["year"]}-${parts["month"]}-${parts["day"]} ${parts["hour"]}:${parts["minute"]}:${parts["second"]}`;
}

const second = fc.integer({ min: Date.UTC(2000, 0, 1) / 1000, max: Date.UTC(2040, 0, 1) / 1000 });

test("an instant shown by a device in any zone is read back, on both sides of every change of the clocks", () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), second, (zone, at) => {
      expect(localTimeReader(zone)(shownIn(zone, at * 1000), at * 1000)).toBe(at * 1000);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["Europe/Berlin", Date.UTC(2026, 9, 25, 1), 60],
  ["America/New_York", Date.UTC(2026, 10, 1, 6), 60],
  ["Australia/Lord_Howe", Date.UTC(2026, 3, 4, 15), 30],
  ["America/St_Johns", Date.UTC(2010, 10, 7, 2, 31), 60],
  ["Pacific/Apia", Date.UTC(2011, 11, 30, 10), 1440],
])("around the change of %s every second is read back when the time of receipt is near", (zone, change, minutes) => {
  const read = localTimeReader(zone);
  const around = fc.integer({ min: -minutes * 60, max: minutes * 60 });
  fc.assert(
    fc.property(around, fc.integer({ min: 0, max: 10 }), (offset, delay) => {
      const ms = change + offset * 1000;
      expect(read(shownIn(zone, ms), ms + delay * 1000)).toBe(ms);
    }),
    { numRuns: 500 },
  );
});

test("an offset in the text wins over the zone", () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), second, fc.integer({ min: -14 * 4, max: 14 * 4 }), (zone, at, quarters) => {
      const minutes = Math.abs(quarters) * 15;
      const pad = (value: number) => String(value).padStart(2, "0");
      const offset = `${quarters < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
      const shown = new Date(at * 1000 + quarters * 15 * 60_000).toISOString().slice(0, 19);
      expect(localTimeReader(zone)(`${shown}${offset}`, 0)).toBe(at * 1000);
    }),
  );
});

test("any text is either read or left unread, and never throws", () => {
  const read = localTimeReader("Asia/Shanghai");
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d$/)), (text) => {
      const ms = read(text, 0);
      if (ms !== undefined) expect(Number.isSafeInteger(ms)).toBe(true);
    }),
  );
});
