import { describe, expect, it } from "vitest";
import { deviceId, RecordedLogger } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { Quarantine, quarantineKeeps } from "./quarantine.ts";

const gate = deviceId("gate-east");
const rejection = { reason: "bad-json", detail: "no JSON at byte 3", source: "mqtt/face/1/Rec", bytes: 12 };

function start() {
  const clock = new ManualClock();
  const logger = new RecordedLogger();
  return { clock, logger, quarantine: new Quarantine({ clock, logger }) };
}

describe("the quarantine", () => {
  it("keeps the newest 200, newest first", () => {
    const { quarantine } = start();
    for (let i = 0; i < 1000; i++) quarantine.add(gate, { ...rejection, detail: `item ${i}` });
    const kept = quarantine.newest();
    expect(kept).toHaveLength(quarantineKeeps);
    expect(kept[0]?.detail).toBe("item 999");
    expect(kept.at(-1)?.detail).toBe("item 800");
  });

  it("keeps what was wrong, where and how big, and nothing that a driver adds by mistake", () => {
    const { quarantine, clock } = start();
    const careless = { ...rejection, payload: '{"personName":"张三"}' };
    quarantine.add(gate, careless);
    expect(quarantine.newest()).toEqual([{ ...rejection, deviceId: gate, at: clock.wall() }]);
  });

  it("cuts details short and shows no control characters", () => {
    const { quarantine } = start();
    quarantine.add(gate, { ...rejection, detail: `\u001b[2J${"x".repeat(9999)}` });
    expect(quarantine.newest()[0]?.detail).toMatch(/^·\[2Jx{496}$/);
  });

  it("logs the first of each device and reason, then at most one line a minute with the count", () => {
    const { quarantine, logger, clock } = start();
    for (let i = 0; i < 100; i++) quarantine.add(gate, rejection);
    quarantine.add(gate, { ...rejection, reason: "foreign-id" });
    quarantine.add(deviceId("gate-west"), rejection);
    expect(logger.lines).toHaveLength(3);
    clock.advance(60_000);
    quarantine.add(gate, rejection);
    expect(logger.lines).toHaveLength(4);
    expect(logger.lines[3]).toContain('"count":100');
  });
});
