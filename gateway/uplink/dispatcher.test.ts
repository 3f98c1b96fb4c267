import { describe, expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { Dispatcher, type Outgoing, reservedForAlarms, type Sender } from "./dispatcher.ts";
import type { Outcome, Wire, WireEnd } from "./wire-types.ts";

/** A broker that acknowledges when the test says so. */
class HeldWire implements Wire {
  readonly version = 5;
  readonly receiveMaximum: number;
  readonly retainAvailable = true;
  readonly ended = new Promise<WireEnd>(() => {});
  readonly sent: string[] = [];
  readonly held: { topic: string; settle: (outcome: Outcome) => void }[] = [];
  most = 0;

  constructor(receiveMaximum: number) {
    this.receiveMaximum = receiveMaximum;
  }

  publish(topic: string): Promise<Outcome> {
    this.sent.push(topic);
    return new Promise((settle) => {
      this.held.push({ topic, settle });
      this.most = Math.max(this.most, this.held.length);
    });
  }

  acknowledge(count = 1): void {
    for (const { settle } of this.held.splice(0, count)) settle({ kind: "accepted", heard: true });
  }

  subscribe = () => Promise.resolve({ kind: "accepted", heard: true } as const);
  unsubscribe(): void {}
  close = () => Promise.resolve();
  destroy(): void {}
}

class Supply implements Sender {
  readonly topic: string;
  waiting = 0;
  settled = 0;

  constructor(topic: string, waiting = 0) {
    this.topic = topic;
    this.waiting = waiting;
  }

  next(): Outgoing | undefined {
    if (this.waiting === 0) return undefined;
    this.waiting -= 1;
    return { topic: this.topic, payload: "", settle: () => (this.settled += 1) };
  }
}

const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

function dispatch(receiveMaximum: number, window = 500) {
  const wire = new HeldWire(receiveMaximum);
  const [alarms, control, events, ranges] = [
    new Supply("alarm"),
    new Supply("control"),
    new Supply("event"),
    new Supply("range"),
  ];
  const clock = new ManualClock();
  const senders = { alarms: [alarms], control: [control], bulk: [events, ranges] };
  const dispatcher = new Dispatcher({ wire, window, clock, senders });
  return { wire, alarms, control, events, ranges, dispatcher };
}

describe("what is under way", () => {
  test.each([1, 2, 3, 4, 5, 20, 65_535])("is never more than a Receive Maximum of %i", async (receiveMaximum) => {
    const { wire, alarms, control, events, ranges, dispatcher } = dispatch(receiveMaximum, 200);
    for (const supply of [alarms, control, events, ranges]) supply.waiting = 100;
    dispatcher.wake();
    for (let i = 0; i < 1_000 && wire.sent.length - wire.held.length < 400; i++) {
      await turns(1);
      wire.acknowledge();
    }
    await turns();
    expect(wire.sent).toHaveLength(400);
    expect(wire.most).toBeLessThanOrEqual(Math.min(receiveMaximum, 200));
    expect([alarms, control, events, ranges].map((s) => s.settled)).toEqual([100, 100, 100, 100]);
  });

  test("leaves places for alarms, so that one goes out at once however much waits", async () => {
    const { wire, alarms, events, dispatcher } = dispatch(20);
    events.waiting = 100_000;
    dispatcher.wake();
    await turns();
    for (let i = 0; i < 50; i++) {
      wire.acknowledge();
      await turns();
    }
    const sent = wire.sent.length;
    expect(wire.held.length).toBe(20 - reservedForAlarms(20));
    alarms.waiting = 2;
    dispatcher.wake();
    await turns();
    expect(wire.sent.slice(sent)).toEqual(["alarm", "alarm"]);
  });

  test("where the broker takes one at a time, the alarm is the next", async () => {
    const { wire, alarms, control, events, dispatcher } = dispatch(1);
    events.waiting = 1_000;
    dispatcher.wake();
    await turns();
    alarms.waiting = 1;
    control.waiting = 1;
    dispatcher.wake();
    await turns();
    expect(wire.sent).toEqual(["event"]);
    for (let i = 0; i < 3; i++) {
      wire.acknowledge();
      await turns();
    }
    expect(wire.sent).toEqual(["event", "alarm", "control", "event"]);
  });

  test("of a flood of alarms leaves one place to the rest", async () => {
    const { wire, alarms, control, dispatcher } = dispatch(10);
    alarms.waiting = 10_000;
    dispatcher.wake();
    await turns();
    control.waiting = 1;
    dispatcher.wake();
    await turns();
    expect(wire.sent.filter((topic) => topic === "control")).toHaveLength(1);
  });

  test("of a range asked for again and of live events takes turns", async () => {
    const { wire, events, ranges, dispatcher } = dispatch(10);
    events.waiting = 1_000;
    ranges.waiting = 1_000;
    dispatcher.wake();
    for (let i = 0; i < 100; i++) {
      await turns(1);
      wire.acknowledge();
    }
    expect(Math.abs(events.settled - ranges.settled)).toBeLessThan(10);
  });

  test("after a stop still settles, and nothing new goes out", async () => {
    const { wire, events, dispatcher } = dispatch(10);
    events.waiting = 100;
    dispatcher.wake();
    await turns();
    const sent = wire.sent.length;
    dispatcher.stop();
    wire.acknowledge(100);
    await turns();
    expect(wire.sent.length).toBe(sent);
    expect(events.settled).toBe(sent);
    expect(dispatcher.inFlight).toBe(0);
  });
});

test("other work has its turn while a long backlog goes out", async () => {
  const { wire, events, dispatcher } = dispatch(65_535, 10_000);
  events.waiting = 5_000;
  let turnsSeen = 0;
  const acknowledging = setInterval(() => wire.acknowledge(10_000), 1);
  dispatcher.wake();
  while (events.settled < 5_000) {
    const before = wire.sent.length;
    await turns(1);
    turnsSeen += 1;
    expect(wire.sent.length - before).toBeLessThanOrEqual(256);
  }
  clearInterval(acknowledging);
  expect(turnsSeen).toBeGreaterThan(19);
});
