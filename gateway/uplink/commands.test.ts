import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { validateAgainstSchemas } from "../../tests/support/contract.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import {
  alarmOf,
  MemoryDesk,
  MemoryDevices,
  MemoryLane,
  MemoryZones,
} from "../../tests/support/uplink/memory-city-sources.ts";
import { AnswerQueue } from "./answers.ts";
import { commandHandlers } from "./command-handlers.ts";
import { type CommandRecord, Commands, largestCommandBytes } from "./commands.ts";
import { laneWriter } from "./envelope.ts";
import { RangeReplays } from "./range-replays.ts";
import { topicsOf } from "./topics.ts";
import type { Incoming } from "./wire-types.ts";

const topics = topicsOf("zhian/v1", "jinshuiwan", "gw-01");
const origin = { source: `/${topics.root}`, siteId: "jinshuiwan", gatewayId: "gw-01" };
const alarm = alarmOf(1, 1);

interface Answered {
  readonly topic: string;
  readonly text: string;
  readonly body: {
    requestId: string;
    ok: boolean;
    error?: { code: string; message: string; hint: string };
    [key: string]: unknown;
  };
  readonly correlation: string | undefined;
  readonly contentType: string | undefined;
}

class Bench {
  readonly clock = new ManualClock();
  readonly desk = new MemoryDesk();
  readonly events = new MemoryLane("events");
  readonly answers = new AnswerQueue();
  readonly ranges: RangeReplays;
  readonly audited: CommandRecord[] = [];
  readonly commands: Commands;
  cursor = 0;
  refreshed = 0;

  constructor(responseTopics?: readonly string[], maximumPacketSize?: number) {
    const { clock, desk, events, answers } = this;
    this.ranges = new RangeReplays(clock, quietLogger, countingTelemetry());
    this.desk.put(alarm);
    const writer = laneWriter(origin, "events", events.epoch);
    const handlers = commandHandlers({
      version: "0.1.0",
      alarms: desk,
      devices: new MemoryDevices(),
      zones: new MemoryZones(),
      lanes: [{ source: events, writer, topic: topics.events, cursor: () => this.cursor }],
      ranges: this.ranges,
      clock,
      reports: () => ({}),
      refresh: () => (this.refreshed += 1),
    });
    this.commands = new Commands({
      ...{ handlers, answers, topics, prefix: "zhian/v1", responseTopics, origin, clock, logger: quietLogger },
      telemetry: countingTelemetry(),
      audit: (record) => this.audited.push(record),
    });
    answers.attach({ wake: () => {}, ...(maximumPacketSize === undefined ? {} : { maximumPacketSize }) });
  }

  ask(name: string, body: unknown, more: Partial<Incoming> = {}): Answered[] {
    const payload = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body) ?? "");
    this.commands.receive({ topic: `${topics.root}/commands/${name}`, payload, retained: false, ...more });
    const out: Answered[] = [];
    for (let message = this.answers.next(); message !== undefined; message = this.answers.next()) {
      validateAgainstSchemas("a/response", message.payload);
      const body = JSON.parse(message.payload);
      const { correlationData, contentType } = message.options ?? {};
      const correlation = correlationData === undefined ? undefined : Buffer.from(correlationData).toString();
      out.push({ topic: message.topic, text: message.payload, body, correlation, contentType });
    }
    return out;
  }
}

const code = (answers: readonly Answered[]): string | undefined => answers[0]?.body.error?.code;

describe("a command of the city", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  test("acknowledges an alarm in the name of who did it, durably, and answers with the alarm's state", () => {
    const [answer] = bench.ask("acknowledge", {
      requestId: "r1",
      alarmId: alarm.id,
      by: "值班员李明",
      comment: "已派人",
    });
    expect(bench.desk.acts).toEqual([`acknowledge ${alarm.id} by 值班员李明 via city 已派人`]);
    expect(answer?.body).toMatchObject({
      requestId: "r1",
      ok: true,
      alarm: { id: alarm.id, state: "active-acknowledged" },
    });
    expect(answer?.topic).toBe(topics.responses);
  });

  test("closes an alarm with a disposition", () => {
    bench.ask("close", { requestId: "r1", alarmId: alarm.id, by: "李明", disposition: "false" });
    expect(bench.desk.acts).toEqual([`close ${alarm.id} by 李明 via city as false`]);
  });

  test("is refused with code, message and hint where it cannot be done", () => {
    const [answer] = bench.ask("acknowledge", { requestId: "r1", alarmId: "alarm-999999", by: "李明" });
    expect(answer?.body).toEqual({
      requestId: "r1",
      ok: false,
      error: {
        code: "ALARM_UNKNOWN",
        message: "no alarm has the id alarm-999999",
        hint: "Ask for a `snapshot` to see the alarms that are open.",
      },
    });
    bench.ask("close", { requestId: "r2", alarmId: alarm.id, by: "李明", disposition: "true" });
    expect(code(bench.ask("acknowledge", { requestId: "r3", alarmId: alarm.id, by: "李明" }))).toBe("ALARM_CLOSED");
  });

  test("that comes twice is done once and gets the same answer", () => {
    const command = { requestId: "r1", alarmId: alarm.id, by: "李明" };
    const first = bench.ask("acknowledge", command);
    const second = bench.ask("acknowledge", command);
    expect(second[0]?.text).toBe(first[0]?.text);
    expect(bench.desk.acts).toHaveLength(1);
    expect(bench.audited.map((r) => [r.ok, r.repeated])).toEqual([
      [true, false],
      [true, true],
    ]);
  });

  test("is answered on its response topic with its correlation data", () => {
    const [answer] = bench.ask(
      "ping",
      { requestId: "r1" },
      { responseTopic: "city/replies/7", correlationData: Buffer.from("abc") },
    );
    expect(answer).toMatchObject({ topic: "city/replies/7", correlation: "abc", contentType: "application/json" });
    expect(answer?.body).toMatchObject({ requestId: "r1", ok: true, version: "0.1.0" });
  });

  test("cannot make the gateway speak on a topic of the contract, nor outside what is allowed", () => {
    const [answer] = bench.ask("ping", { requestId: "r1" }, { responseTopic: "zhian/v1/other/gw-02/commands/close" });
    expect(answer?.topic).toBe(topics.responses);
    const strict = new Bench(["city/"]);
    expect(strict.ask("ping", { requestId: "r1" }, { responseTopic: "town/7" })[0]?.topic).toBe(topics.responses);
    expect(strict.ask("ping", { requestId: "r2" }, { responseTopic: "city/7" })[0]?.topic).toBe("city/7");
  });

  test("in a CloudEvents envelope is answered in one", () => {
    const event = { specversion: "1.0", id: "c1", source: "/city", type: "x", data: { requestId: "r1" } };
    const [answer] = bench.ask("ping", event);
    expect(answer?.contentType).toMatch(/cloudevents/);
    expect(answer?.body).toMatchObject({ type: "zhian.command.answer", data: { requestId: "r1", ok: true } });
  });

  test("that is retained is ignored: it would be done anew after every connect", () => {
    const answers = bench.ask("acknowledge", { requestId: "r1", alarmId: alarm.id, by: "李明" }, { retained: true });
    expect([answers, bench.desk.acts]).toEqual([[], []]);
    expect(bench.audited).toMatchObject([{ command: "acknowledge", ok: false, code: "COMMAND_INVALID" }]);
  });

  test("that is unknown, broken, too large or no UTF-8 gets a clear error", () => {
    expect(code(bench.ask("open-door", { requestId: "r1" }))).toBe("COMMAND_UNKNOWN");
    expect(code(bench.ask("constructor", { requestId: "r2" }))).toBe("COMMAND_UNKNOWN");
    expect(code(bench.ask("ping", Buffer.from("{")))).toBe("COMMAND_INVALID");
    expect(code(bench.ask("ping", Buffer.from([0x22, 0xff, 0x22])))).toBe("COMMAND_INVALID");
    expect(code(bench.ask("ping", Buffer.alloc(largestCommandBytes + 1, 0x20)))).toBe("COMMAND_INVALID");
    const [answer] = bench.ask("close", { requestId: "r3", alarmId: alarm.id, disposition: "perhaps" });
    expect(answer?.body.error?.message).toMatch(/by: .*; disposition: /);
  });

  test("is audited, whatever became of it", () => {
    bench.ask("acknowledge", { requestId: "r1", alarmId: alarm.id, by: "李明" });
    bench.ask("open-door", { requestId: "r2", by: "李明" });
    bench.ask("ping", Buffer.from("{"));
    expect(bench.audited.map(({ at, ...rest }) => rest)).toEqual([
      { command: "acknowledge", requestId: "r1", by: "李明", alarmId: alarm.id, ok: true, repeated: false },
      { command: "open-door", requestId: "r2", by: "李明", ok: false, code: "COMMAND_UNKNOWN", repeated: false },
      { command: "ping", requestId: "", ok: false, code: "COMMAND_INVALID", repeated: false },
    ]);
  });

  test("in a flood is refused for now, and may come again under the same id", () => {
    const codes = Array.from({ length: 150 }, (_, i) => code(bench.ask("ping", { requestId: `r${i}` })));
    expect(codes.filter((c) => c === "TOO_MANY_ATTEMPTS")).toHaveLength(50);
    bench.clock.advance(1_000);
    expect(code(bench.ask("ping", { requestId: "r149" }))).toBeUndefined();
  });

  test("never breaks the gateway, whatever it contains", () => {
    const name = fc.constantFrom("acknowledge", "close", "replay-range", "snapshot", "ping", "__proto__", "");
    fc.assert(
      fc.property(name, fc.oneof(fc.json(), fc.string()), (command, text) => {
        bench.clock.advance(1_000);
        const [answer, ...rest] = bench.ask(command, Buffer.from(text));
        expect(rest).toEqual([]);
        expect(answer?.body.ok === false || command === "ping" || command === "snapshot").toBe(true);
      }),
    );
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe("snapshot", () => {
  test("gives the open alarms, the most urgent first, and publishes all state anew", () => {
    const bench = new Bench();
    bench.desk.put(alarmOf(2, 1, { severity: "warning", priority: 10 }));
    bench.desk.put(alarmOf(3, 1, { severity: "critical", priority: 1 }));
    bench.desk.put(alarmOf(4, 1, { state: "closed" }));
    const [answer] = bench.ask("snapshot", { requestId: "r1" });
    expect(answer?.body).toMatchObject({ total: 3, alarms: [{ priority: 1 }, { priority: 2 }, { priority: 10 }] });
    expect(bench.refreshed).toBe(1);
  });

  test("says so where the broker would not take the whole answer", () => {
    const bench = new Bench(undefined, 1_000);
    for (let i = 2; i < 30; i++) bench.desk.put(alarmOf(i, 1));
    expect(bench.ask("snapshot", { requestId: "r1" })[0]?.body).toEqual({ requestId: "r1", ok: true, truncated: true });
  });
});

describe("replay-range", () => {
  let bench: Bench;
  let nth = 0;
  const ask = (from: number | string, to: number | string, epoch = "e-1", lane = "events") => {
    nth += 1;
    bench.clock.advance(1_000);
    return bench.ask("replay-range", { requestId: `r${nth}`, lane, epoch, from, to });
  };
  beforeEach(() => {
    bench = new Bench();
    bench.events.append(100);
    bench.events.remove(1, 10);
    bench.cursor = 80;
  });

  test("promises what is there and was sent, and says what comes by itself", () => {
    expect(ask(1, "50")[0]?.body).toMatchObject({ ok: true, lane: "events", epoch: "e-1", from: 11, to: 50 });
    expect(ask(70, 90)[0]?.body).toMatchObject({ ok: true, from: 70, to: 80, pendingFrom: 81 });
    const [ahead] = ask(90, 95);
    expect(ahead?.body).toMatchObject({ ok: true, pendingFrom: 90 });
    expect(ahead?.body["from"]).toBeUndefined();
  });

  test("is refused for another epoch, for what is gone, for what is not there yet, and the wrong way round", () => {
    expect(code(ask(20, 30, "e-0"))).toBe("RANGE_UNKNOWN");
    expect(code(ask(1, 10))).toBe("RANGE_UNKNOWN");
    expect(code(ask(101, 200))).toBe("RANGE_UNKNOWN");
    expect(code(ask(30, 20))).toBe("COMMAND_INVALID");
    expect(code(ask(1, 2, "e-1", "alarms"))).toBe("RANGE_UNKNOWN");
  });

  test("takes four ranges at a time", () => {
    expect(Array.from({ length: 5 }, () => code(ask(20, 30)))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      "TOO_MANY_ATTEMPTS",
    ]);
  });
});
