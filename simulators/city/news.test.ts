import { describe, expect, it } from "vitest";
import { parseEnvelope } from "./envelope.ts";
import { CityNews } from "./news.ts";
import type { CityMessage } from "./subscriber.ts";

function message(kind: string, data: object, more: Partial<CityMessage> & { replayed?: boolean } = {}): CityMessage {
  const { replayed, ...rest } = more;
  const envelope = { specversion: "1.0", id: "1", source: "/s", type: "t", data, ...(replayed ? { replayed } : {}) };
  const parsed = parseEnvelope(Buffer.from(JSON.stringify(envelope)));
  if (parsed === undefined) throw new Error("no envelope");
  return { gateway: "s/gw", kind, key: "k", retained: false, envelope: parsed, ...rest };
}
const alarm = {
  alarmId: "a",
  rule: "fire",
  subject: "ext",
  zoneId: "b3",
  severity: "critical",
  certainty: "likely",
  state: "active-unacknowledged",
  step: "raised",
  explanation: { zh: "温度快速上升", en: "it rises fast" },
};

describe("the city's news", () => {
  it("tell an alarm in both languages, and that it came late", () => {
    const news = new CityNews(false);
    expect(news.tell(message("alarms", alarm, { fate: "new" }))).toEqual({
      from: "city",
      tone: "bad",
      zh: "【特急】新警情 温度快速上升",
      en: "[critical] raised: it rises fast",
    });
    expect(news.tell(message("alarms", alarm, { fate: "new", replayed: true }))?.zh).toContain("（补发）");
  });

  it("tell no duplicate, and a conflict of ids loudly", () => {
    const news = new CityNews(false);
    expect(news.tell(message("alarms", alarm, { fate: "duplicate" }))).toBeUndefined();
    expect(news.tell(message("alarms", alarm, { fate: "conflict" }))?.tone).toBe("bad");
  });

  it("tell the colour of a zone when it changes, and not that all is well from the start", () => {
    const news = new CityNews(false);
    const zone = (colour: string) => news.tell(message("zones", { zoneId: "b3", colour }))?.en;
    expect(["unknown", "green", "red", "red", "green"].map(zone)).toEqual([
      undefined,
      undefined,
      "zone b3 turns red",
      undefined,
      "zone b3 turns green",
    ]);
  });

  it("name nobody, whatever an observation carries", () => {
    const body = { delivery: "live", person: "p-1", personName: "王秀英", idCard: "990101196001010018" };
    const event = message("events", { kind: "access.denied", deviceId: "gate-east", body }, { fate: "new" });
    const text = JSON.stringify(new CityNews(true).tell(event));
    expect(text).toContain("gate-east");
    expect(text).not.toMatch(/王|9901|p-1/);
  });

  it("leave readings out unless everything is asked for", () => {
    const reading = message("events", { kind: "thermal.reading", deviceId: "ext", body: {} }, { fate: "new" });
    expect(new CityNews(false).tell(reading)).toBeUndefined();
    expect(new CityNews(true).tell(reading)?.en).toContain("thermal.reading");
  });
});
