import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { validateAgainstSchemas } from "../../tests/support/contract.ts";
import { alarmOf, eventEntry, stepEntry } from "../../tests/support/uplink/memory-city-sources.ts";
import { laneWriter, writeEvent } from "./envelope.ts";

const origin = { source: "/zhian/v1/jinshuiwan/gw-01", siteId: "jinshuiwan", gatewayId: "gw-01" };

describe("the envelope", () => {
  test("carries the stored text byte for byte", () => {
    const data = '{"z" : 1e3,  "a":"\\u738b \\ud83d\\ude00", "n":0.10}';
    const text = laneWriter(origin, "events", "e").entry({ ...eventEntry(7), data }, false);
    expect(text.endsWith(`"data":${data}}`)).toBe(true);
  });

  test("says of an entry where it stands in its lane, and that it is sent again only where it is", () => {
    const writer = laneWriter(origin, "events", "e-1");
    expect(JSON.parse(writer.entry(eventEntry(7), false))).toEqual({
      specversion: "1.0",
      id: "o-7",
      type: "zhian.observation",
      subject: "ext-7",
      time: "2026-11-24T00:00:00.007Z",
      clock: "synchronised",
      source: "/zhian/v1/jinshuiwan/gw-01",
      datacontenttype: "application/json",
      siteid: "jinshuiwan",
      gatewayid: "gw-01",
      lane: "events",
      epoch: "e-1",
      sequence: "7",
      data: JSON.parse(eventEntry(7).data),
    });
    expect(JSON.parse(writer.entry(eventEntry(7), true))).toMatchObject({ replayed: true, sequence: "7", id: "o-7" });
  });

  test("keeps the contract for events, alarms and the state of an alarm", () => {
    validateAgainstSchemas("x/events", laneWriter(origin, "events", "e").entry(eventEntry(3), true));
    const alarms = laneWriter(origin, "alarms", "e");
    const entry = stepEntry(9, alarmOf(4, 1));
    validateAgainstSchemas("x/alarms", alarms.entry(entry, false));
    validateAgainstSchemas("x/active/a", alarms.state(entry, entry.retained?.alarm ?? ""));
    // A check that cannot fail would prove nothing.
    expect(() => validateAgainstSchemas("x/events", alarms.entry(entry, false))).toThrow(/is not events/);
  });

  test("is JSON whatever the names are", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.string({ unit: "binary" }),
        fc.string({ unit: "binary" }),
        (a, b, c) => {
          const writer = laneWriter({ source: a, siteId: b, gatewayId: c }, "events", a);
          const parsed: unknown = JSON.parse(writer.entry({ ...eventEntry(1), id: b, subject: c, type: a }, true));
          expect(parsed).toMatchObject({ source: a, siteid: b, gatewayid: c, epoch: a, id: b, subject: c, type: a });
          const event = { type: a, id: b, subject: c, time: a, clock: "assumed" as const, data: "{}" };
          expect(JSON.parse(writeEvent(origin, event))).toMatchObject({ type: a, id: b, subject: c, time: a });
        },
      ),
    );
  });
});
