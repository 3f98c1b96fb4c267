import { describe, expect, test } from "vitest";
import { mayAnswerOn, topicsOf } from "./topics.ts";

test("topics stand below prefix, site and gateway", () => {
  const topics = topicsOf("zhian/v1", "jinshuiwan", "gw-01");
  expect([topics.alarms, topics.events, topics.gateway, topics.gaps, topics.responses, topics.commands]).toEqual(
    ["alarms", "events", "gateway", "gaps", "responses", "commands/+"].map((t) => `zhian/v1/jinshuiwan/gw-01/${t}`),
  );
  expect(topics.active("a-1")).toBe("zhian/v1/jinshuiwan/gw-01/active/a-1");
  expect(topics.device("d")).toBe("zhian/v1/jinshuiwan/gw-01/devices/d");
  expect(topics.zone("z")).toBe("zhian/v1/jinshuiwan/gw-01/zones/z");
});

describe("a response topic", () => {
  const may = (topic: string, allowed?: readonly string[]): boolean => mayAnswerOn(topic, "zhian/v1", allowed);

  test.each([
    "city/replies/7",
    "zhian/v1/jinshuiwan/gw-01/responses/7",
    "zhian/v1/replies",
    "zhian/v10/a/b/alarms",
    "a",
  ])("of the city's own is answered on: %s", (topic) => expect(may(topic)).toBe(true));

  test.each([
    "zhian/v1/jinshuiwan/gw-01/alarms",
    "zhian/v1/other/gw-02/events",
    "zhian/v1/other/gw-02/commands/close",
    "zhian/v1/jinshuiwan/gw-01/active/a-1",
    "zhian/v1/jinshuiwan/gw-01/devices/d/e",
    "zhian/v1/jinshuiwan/gw-01/gateway",
    "zhian/v1/jinshuiwan/gw-01/gaps",
  ])("to which the contract gives a meaning is not: %s", (topic) => expect(may(topic)).toBe(false));

  test.each(["", "#", "a/+/b", "a\0b", "$SYS/x", "x".repeat(513)])("that is none is not: %j", (topic) =>
    expect(may(topic)).toBe(false),
  );

  test("must begin with a configured prefix where there are some", () => {
    expect(may("city/replies/7", ["city/replies/"])).toBe(true);
    expect(may("town/replies/7", ["city/replies/"])).toBe(false);
    expect(may("anything", [])).toBe(false);
  });
});
