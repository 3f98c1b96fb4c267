import { beforeEach, describe, expect, test } from "vitest";
import { validateAgainstSchemas } from "../../tests/support/contract.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { alarmOf, MemoryDesk, MemoryDevices, MemoryZones } from "../../tests/support/uplink/memory-city-sources.ts";
import { RetainedBoard } from "./retained-board.ts";
import { StateTopics } from "./state-topics.ts";
import { topicsOf } from "./topics.ts";
import type { Outcome } from "./wire-types.ts";

const topics = topicsOf("zhian/v1", "jinshuiwan", "gw-01");
const origin = { source: `/${topics.root}`, siteId: "jinshuiwan", gatewayId: "gw-01" };
const accepted: Outcome = { kind: "accepted", heard: true };

class Bench {
  readonly clock = new ManualClock();
  readonly devices = new MemoryDevices();
  readonly zones = new MemoryZones();
  readonly alarms = new MemoryDesk();
  readonly telemetry = countingTelemetry();
  readonly board = new RetainedBoard(this.clock, quietLogger, this.telemetry);
  readonly states: StateTopics;
  /** What the broker retains. */
  readonly retained = new Map<string, string>();
  outcome: Outcome = accepted;

  constructor() {
    this.devices.set("ext-1");
    this.devices.set("gate-east", { online: "offline", reason: "last-will" });
    this.zones.set("b3", "green");
    const { board, devices, zones, alarms, clock } = this;
    this.states = new StateTopics({ board, devices, zones, alarms, clock, origin, topics });
  }

  connect(maximumPacketSize?: number): void {
    this.board.attach({ wake: () => {}, ...(maximumPacketSize === undefined ? {} : { maximumPacketSize }) });
    this.states.connected();
  }

  /** All that is ready goes out and is answered; the topics, below the root. */
  flush(): string[] {
    const out: string[] = [];
    for (let message = this.board.next(); message !== undefined; message = this.board.next()) {
      validateAgainstSchemas(message.topic, message.payload);
      expect(message.options?.retain).toBe(true);
      out.push(message.topic.slice(topics.root.length + 1) + (message.payload === "" ? " emptied" : ""));
      if (message.payload === "") this.retained.delete(message.topic);
      else this.retained.set(message.topic, message.payload);
      message.settle(this.outcome);
    }
    return out;
  }

  data(topic: string): unknown {
    return JSON.parse(this.retained.get(topic) ?? "{}").data;
  }
}

describe("the state topics", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  test("are all published after every connect", () => {
    bench.connect();
    expect(bench.flush()).toEqual(["devices/ext-1", "devices/gate-east", "zones/b3"]);
    bench.board.detach();
    bench.connect();
    expect(bench.flush()).toEqual(["devices/ext-1", "devices/gate-east", "zones/b3"]);
  });

  test("say how a device is, and what it is called", () => {
    bench.devices.set("ext-1", { clockSkewMs: 90_000, firmware: "2.1", lastSeen: bench.clock.now() });
    bench.connect();
    bench.flush();
    expect(bench.data(topics.device("ext-1"))).toMatchObject({
      name: "装置 ext-1",
      online: "online",
      health: "degraded",
      firmware: "2.1",
    });
    expect(bench.data(topics.device("gate-east"))).toMatchObject({
      online: "offline",
      health: "bad",
      reason: "last-will",
    });
  });

  test("follow a change within a second, and only the newest of many", () => {
    bench.connect();
    bench.flush();
    bench.clock.advance(1_000);
    bench.devices.set("ext-1", { online: "offline" });
    expect(bench.flush()).toEqual(["devices/ext-1"]);
    for (let i = 0; i < 50; i++) bench.devices.set("ext-1", { online: i % 2 === 0 ? "online" : "offline", since: i });
    expect(bench.flush()).toEqual([]);
    bench.clock.advance(1_000);
    expect(bench.flush()).toEqual(["devices/ext-1"]);
    expect(bench.data(topics.device("ext-1"))).toMatchObject({ online: "offline" });
    bench.clock.advance(10_000);
    expect(bench.flush()).toEqual([]);
  });

  test("are quiet about a device that only says it is still there, for five minutes", () => {
    bench.connect();
    bench.flush();
    const count = { sent: 0 };
    for (let second = 0; second < 600; second++) {
      bench.clock.advance(1_000);
      bench.devices.set("ext-1", { lastSeen: bench.clock.now(), clockSkewMs: second % 7 });
      count.sent += bench.flush().length;
    }
    expect(count.sent).toBe(2);
  });

  test("send what changed while the message before was under way", () => {
    bench.connect();
    const first = bench.board.next();
    bench.devices.set("ext-1", { online: "unknown" });
    first?.settle(accepted);
    bench.flush();
    bench.clock.advance(1_000);
    expect(bench.flush()).toEqual(["devices/ext-1"]);
    expect(bench.data(topics.device("ext-1"))).toMatchObject({ online: "unknown", health: "unknown" });
  });

  test("are emptied for a device or zone that the configuration no longer has", () => {
    bench.connect();
    bench.flush();
    bench.devices.forget("ext-1");
    bench.zones.forget("b3");
    bench.zones.set("b4", "red");
    bench.states.reload();
    bench.clock.advance(1_000);
    expect(bench.flush().toSorted()).toEqual([
      "devices/ext-1 emptied",
      "devices/gate-east",
      "zones/b3 emptied",
      "zones/b4",
    ]);
    expect([...bench.retained.keys()].toSorted()).toEqual([topics.device("gate-east"), topics.zone("b4")]);
  });

  test("are emptied after the next connect for what went while the line was down", () => {
    bench.connect();
    bench.flush();
    bench.board.detach();
    bench.devices.forget("ext-1");
    bench.states.reload();
    for (let i = 0; i < 2; i++) {
      bench.connect();
      const out = bench.flush();
      expect(out.includes("devices/ext-1 emptied")).toBe(i === 0);
      bench.board.detach();
    }
    expect(bench.retained.has(topics.device("ext-1"))).toBe(false);
  });

  test("are emptied where the broker still has them from an earlier time", () => {
    bench.alarms.put(alarmOf(1, 1));
    bench.connect();
    bench.flush();
    bench.clock.advance(1_000);
    for (const topic of [
      "devices/old",
      "zones/old",
      "active/alarm-999999",
      "devices/ext-1",
      "active/alarm-000001",
      "gateway",
    ]) {
      bench.states.found(`${topics.root}/${topic}`);
    }
    bench.states.found("zhian/v1/other/gw-02/devices/old");
    bench.states.found(`${topics.root}/active/NOT AN ID`);
    const out = bench.flush().toSorted();
    expect(out).toEqual([
      "active/NOT AN ID emptied",
      "active/alarm-000001",
      "active/alarm-999999 emptied",
      "devices/old emptied",
      "zones/old emptied",
    ]);
  });

  test("give the open alarms once after a connect, as they stand when their turn comes", () => {
    bench.alarms.put(alarmOf(1, 1));
    bench.alarms.put(alarmOf(2, 1));
    bench.connect();
    bench.alarms.put(alarmOf(2, 2, { state: "closed" }));
    expect(bench.flush()).toContain("active/alarm-000001");
    expect(bench.retained.has(topics.active("alarm-000002"))).toBe(false);
    bench.clock.advance(60_000);
    expect(bench.flush()).toEqual([]);
  });

  test("are tried again half a minute after a refusal, and what is too large is left out with a count", () => {
    bench.outcome = { kind: "refused", code: 0x97 };
    bench.connect();
    expect(bench.flush()).toHaveLength(3);
    bench.outcome = accepted;
    bench.clock.advance(29_999);
    expect(bench.flush()).toEqual([]);
    bench.clock.advance(1);
    expect(bench.flush()).toHaveLength(3);
    bench.board.detach();
    bench.connect(200);
    expect(bench.flush()).toEqual([]);
    expect(bench.telemetry.total("zhian_uplink_state_refused_total")).toBe(6);
  });

  test("end with the session: nothing is heard of a device any more", () => {
    bench.connect();
    bench.flush();
    bench.states.close();
    bench.devices.set("ext-1", { online: "offline" });
    bench.clock.advance(2_000);
    expect(bench.flush()).toEqual([]);
  });
});
