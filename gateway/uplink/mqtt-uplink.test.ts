import { beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { seededRandom } from "../../tests/support/random.ts";
import type { Logger } from "../ports/telemetry.ts";
import {
  type ConnectionOptions,
  type ConnectionState,
  type Conversation,
  MqttUplink,
  withoutSecrets,
} from "./mqtt-uplink.ts";
import type { ConnectFailure, OpenWire, Wire, WireEnd, WireOptions } from "./wire-types.ts";

/** A wire that does nothing and ends when it is told to. */
class FakeWire implements Wire {
  readonly version;
  readonly receiveMaximum = 100;
  readonly retainAvailable = true;
  readonly ended: Promise<WireEnd>;
  readonly end: (end: WireEnd) => void;
  closed = false;

  constructor(options: WireOptions) {
    this.version = options.version;
    const { promise, resolve } = Promise.withResolvers<WireEnd>();
    this.ended = promise;
    this.end = resolve;
  }

  publish = () => Promise.resolve({ kind: "accepted", heard: true } as const);
  subscribe = () => Promise.resolve({ kind: "accepted", heard: true } as const);
  unsubscribe(): void {}
  close(): Promise<void> {
    this.closed = true;
    this.end({ kind: "ended", detail: "closed" });
    return Promise.resolve();
  }
  destroy(): void {
    this.end({ kind: "ended", detail: "destroyed" });
  }
}

type Answer = ConnectFailure | "yes";
type Answering = (url: string, version: number) => Answer | Promise<Answer>;

class Bench {
  readonly clock = new ManualClock();
  readonly attempts: { url: string; version: number; at: number }[] = [];
  readonly wires: FakeWire[] = [];
  readonly states: ConnectionState[] = [];
  readonly said: string[] = [];
  readonly telemetry = countingTelemetry();
  readonly uplink: MqttUplink;
  answer: Answering;

  constructor(urls: readonly string[], more: { answer?: Answering; random?: () => number; logger?: Logger } = {}) {
    const { random = () => 0, logger = quietLogger } = more;
    this.answer = more.answer ?? (() => "yes");
    const openWire: OpenWire = async (options) => {
      this.attempts.push({ url: options.url, version: options.version, at: this.clock.now() });
      const answer = await this.answer(options.url, options.version);
      if (answer !== "yes") return { ok: false, failure: answer };
      const wire = new FakeWire(options);
      this.wires.push(wire);
      return { ok: true, wire };
    };
    const conversation: Conversation = {
      will: () => ({ topic: "t", payload: "" }),
      begin: () => {
        this.said.push("begin");
        return Promise.resolve();
      },
      receive: () => {},
      end: () => this.said.push("end"),
      goodbye: () => {
        this.said.push("goodbye");
        return Promise.resolve();
      },
    };
    this.uplink = new MqttUplink(connectTo(urls), {
      ...{ conversation, openWire, clock: this.clock, random, logger, telemetry: this.telemetry },
      stateChanged: (state) => this.states.push(state),
    });
    this.uplink.start();
  }

  /** Lets all that is due happen, without any time passing. */
  async settle(): Promise<void> {
    for (let i = 0; i < 30; i++) await Promise.resolve();
  }

  async advance(ms: number): Promise<void> {
    await this.settle();
    this.clock.advance(ms);
    await this.settle();
  }
}

function connectTo(urls: readonly string[], more: Partial<ConnectionOptions> = {}): ConnectionOptions {
  return { urls, clientId: "c", keepAliveSeconds: 30, connectTimeoutMs: 10_000, ackTimeoutMs: 15_000, ...more };
}

const unreachable: ConnectFailure = { kind: "unreachable", detail: "ECONNREFUSED" };
const cut: WireEnd = { kind: "closed", detail: "cut" };

describe("the line to the city", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = new Bench(["mqtt://a"]);
    await bench.settle();
  });

  test("is up after the birth, and connecting before it", () => {
    expect(bench.states.map((s) => s.state)).toEqual(["connecting", "up"]);
    expect(bench.uplink.state).toMatchObject({ state: "up", url: "mqtt://a", protocol: "5.0" });
    expect(bench.said).toEqual(["begin"]);
  });

  test("is made anew after a loss, with a birth each time", async () => {
    await bench.advance(20_000);
    bench.wires[0]?.end(cut);
    await bench.settle();
    expect(bench.uplink.state).toMatchObject({ state: "down", code: "UPLINK_LOST", reason: "cut" });
    await bench.advance(500);
    expect(bench.uplink.state.state).toBe("up");
    expect(bench.said).toEqual(["begin", "end", "begin"]);
  });

  test("that gets no acknowledgements says so", async () => {
    bench.wires[0]?.end({ kind: "silent", what: "publish", detail: "no acknowledgement" });
    await bench.settle();
    expect(bench.uplink.state).toMatchObject({ state: "down", code: "UPLINK_ACK_TIMEOUT" });
  });

  test("waits ever longer while it breaks at once, and not so long after it held", async () => {
    bench = new Bench(["mqtt://a"], { random: () => 0.999_999 });
    await bench.settle();
    for (let i = 0; i < 8; i++) {
      bench.wires.at(-1)?.end(cut);
      await bench.advance(30_000);
    }
    const times = bench.attempts.map((a) => a.at);
    expect(times.slice(1).map((at, i) => at - (times[i] ?? 0))).toEqual(Array(8).fill(30_000));
    bench.wires.at(-1)?.end(cut);
    await bench.advance(29_000);
    expect(bench.uplink.state.state).toBe("down");
    await bench.advance(1_000);
    await bench.advance(10_000);
    bench.wires.at(-1)?.end(cut);
    await bench.advance(1_000);
    expect(bench.uplink.state.state).toBe("up");
  });

  test("stays away for a minute and more when another client takes our name, and ever longer", async () => {
    const waits: number[] = [];
    for (const random of [0, 0.999_999]) {
      bench = new Bench(["mqtt://a"], { random: () => random });
      await bench.settle();
      for (let i = 1; i <= 3; i++) {
        const from = bench.clock.now();
        bench.wires.at(-1)?.end({ kind: "disconnected", code: 0x8e, detail: "taken over" });
        while (bench.attempts.length === i) await bench.advance(1_000);
        waits.push(bench.clock.now() - from);
      }
    }
    expect(waits).toEqual([60_000, 60_000, 60_000, 120_000, 240_000, 480_000]);
    expect(bench.telemetry.total("zhian_uplink_takeovers_total")).toBe(3);
  });

  test("wonders aloud whether its name is used twice when the broker closes again and again", async () => {
    for (let i = 0; i < 5; i++) {
      await bench.advance(15_000);
      expect(bench.uplink.state.reason).toBeUndefined();
      bench.wires.at(-1)?.end(cut);
      await bench.settle();
      if (i < 4) expect(bench.uplink.state.reason).toBe("cut");
      else expect(bench.uplink.state.reason).toMatch(/does another client use our name/);
      await bench.advance(1_000);
    }
  });

  test("tells an outage once and then now and then, and never a password", async () => {
    const lines: string[] = [];
    const keep = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
    const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep, child: () => logger };
    bench = new Bench(["mqtt://gw:geheim@a"], { logger, answer: () => unreachable });
    for (let i = 0; i < 100; i++) await bench.advance(30_000);
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.length).toBeLessThan(15);
    expect(JSON.stringify([lines, bench.states])).not.toContain("geheim");
  });
});

describe("two gateways with one name, at a broker that only closes (Mosquitto 2.0, MQTT 3.1.1)", () => {
  test("throw each other out a few times a minute at most, not in a storm", async () => {
    const random = seededRandom(11);
    const [one, two] = [new Bench(["mqtt://a"], { random }), new Bench(["mqtt://a"], { random })];
    const throwOut = (loser: Bench) => (): Answer => {
      loser.wires.at(-1)?.end(cut);
      return "yes";
    };
    one.answer = throwOut(two);
    two.answer = throwOut(one);
    await one.settle();
    one.wires[0]?.end(cut);
    for (let second = 0; second < 3_600; second++) {
      await one.advance(1_000);
      await two.advance(1_000);
    }
    const meetings = one.attempts.length + two.attempts.length;
    expect(meetings).toBeGreaterThan(50);
    expect(meetings / 60).toBeLessThan(10);
  });
});

describe("with several brokers", () => {
  test("the next is tried at once, and a pause comes only after a whole round", async () => {
    const answer: Answering = (url) => (url === "mqtt://c" ? "yes" : unreachable);
    const bench = new Bench(["mqtt://a", "mqtt://b", "mqtt://c"], { answer });
    await bench.settle();
    expect(bench.attempts.map((a) => a.url)).toEqual(["mqtt://a", "mqtt://b", "mqtt://c"]);
    expect(bench.uplink.state).toMatchObject({ state: "up", url: "mqtt://c" });
  });

  test("all down, a round is tried every half second to half a minute", async () => {
    const bench = new Bench(["mqtt://a", "mqtt://b"], { random: () => 0.5, answer: () => unreachable });
    await bench.settle();
    expect(bench.attempts).toHaveLength(2);
    await bench.advance(749);
    expect(bench.attempts).toHaveLength(2);
    await bench.advance(1);
    expect(bench.attempts).toHaveLength(4);
    for (let i = 0; i < 100; i++) await bench.advance(15_250);
    expect(bench.attempts.length).toBeGreaterThan(180);
    expect(bench.attempts.length).toBeLessThanOrEqual(210);
  });

  test("one that accepts and breaks at once gives way to the next; one that held is preferred again", async () => {
    const bench = new Bench(["mqtt://a", "mqtt://b"]);
    await bench.settle();
    bench.wires[0]?.end(cut);
    await bench.advance(500);
    expect(bench.uplink.state.url).toBe("mqtt://b");
    await bench.advance(60_000);
    bench.wires[1]?.end(cut);
    await bench.advance(500);
    expect(bench.uplink.state.url).toBe("mqtt://a");
  });
});

describe("the protocol", () => {
  test("falls back to 3.1.1 at a broker that refuses 5, and remembers it for a day", async () => {
    const refusal: ConnectFailure = { kind: "refused", code: 0x84, detail: "protocol version not supported" };
    const bench = new Bench(["mqtt://old"], { answer: (_, version) => (version === 5 ? refusal : "yes") });
    await bench.settle();
    expect(bench.attempts.map((a) => a.version)).toEqual([5, 4]);
    expect(bench.uplink.state).toMatchObject({ state: "up", protocol: "3.1.1" });
    await bench.advance(20_000);
    bench.wires.at(-1)?.end(cut);
    await bench.advance(500);
    expect(bench.attempts.map((a) => a.version)).toEqual([5, 4, 4]);
    await bench.advance(24 * 3_600_000);
    bench.wires.at(-1)?.end(cut);
    await bench.advance(500);
    expect(bench.attempts.map((a) => a.version)).toEqual([5, 4, 4, 5, 4]);
  });

  test("falls back too where the broker only closes or says nothing, and asks again for 5 after an hour", async () => {
    const silence: ConnectFailure = { kind: "no-answer", detail: "closed" };
    const bench = new Bench(["mqtt://old"], { answer: (_, version) => (version === 5 ? silence : "yes") });
    await bench.settle();
    expect(bench.uplink.state.protocol).toBe("3.1.1");
    await bench.advance(3_600_000);
    bench.answer = () => "yes";
    bench.wires.at(-1)?.end(cut);
    await bench.advance(500);
    expect(bench.uplink.state.protocol).toBe("5.0");
  });

  test("is not lowered by a broker that refuses the password or is away", async () => {
    const refusal: ConnectFailure = { kind: "refused", code: 0x86, detail: "0x86 bad user name or password" };
    const bench = new Bench(["mqtt://a"], { answer: () => refusal });
    await bench.settle();
    for (let i = 0; i < 5; i++) await bench.advance(30_000);
    expect(bench.attempts.map((a) => a.version)).toEqual([5, 5, 5, 5, 5, 5]);
    expect(bench.uplink.state).toMatchObject({ state: "down", code: "UPLINK_REFUSED", reason: refusal.detail });
  });

  test("goes back to 5 where 3.1.1 is refused later", async () => {
    const refusal: ConnectFailure = { kind: "refused", code: 1, detail: "" };
    const bench = new Bench(["mqtt://a"], { answer: (_, version) => (version === 5 ? refusal : "yes") });
    await bench.settle();
    await bench.advance(20_000);
    bench.answer = (_, version) => (version === 4 ? refusal : "yes");
    bench.wires.at(-1)?.end(cut);
    await bench.advance(500);
    await bench.advance(1_000);
    expect(bench.uplink.state).toMatchObject({ state: "up", protocol: "5.0" });
  });
});

describe("on request", () => {
  test("it says goodbye, closes and tries nothing more", async () => {
    const bench = new Bench(["mqtt://a"]);
    await bench.settle();
    await bench.uplink.stop();
    await bench.advance(3_600_000);
    expect(bench.said).toEqual(["begin", "goodbye", "end"]);
    expect(bench.wires[0]?.closed).toBe(true);
    expect(bench.attempts).toHaveLength(1);
  });

  test("it stops while it waits, and while it connects", async () => {
    const waiting = new Bench(["mqtt://a"], { answer: () => unreachable });
    await waiting.settle();
    await waiting.uplink.stop();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const connecting = new Bench(["mqtt://a"], { answer: () => promise });
    await connecting.settle();
    const stopping = connecting.uplink.stop();
    resolve("yes");
    await stopping;
    expect(connecting.said).toEqual([]);
    expect(await connecting.wires[0]?.ended).toMatchObject({ kind: "ended" });
  });

  test("it goes over to another broker at once, without a goodbye", async () => {
    const bench = new Bench(["mqtt://a"]);
    await bench.settle();
    await bench.uplink.reconnect(connectTo(["mqtt://b"]));
    await bench.settle();
    expect(bench.attempts.map((a) => a.url)).toEqual(["mqtt://a", "mqtt://b"]);
    expect(bench.said).toEqual(["begin", "end", "begin"]);
  });

  test("it goes over to another broker while it waits for one that is away", async () => {
    const bench = new Bench(["mqtt://a"], { answer: (url) => (url === "mqtt://a" ? unreachable : "yes") });
    await bench.settle();
    await bench.uplink.reconnect(connectTo(["mqtt://b"]));
    await bench.settle();
    expect(bench.uplink.state).toMatchObject({ state: "up", url: "mqtt://b" });
  });
});

test("a URL is shown without user name and password", () => {
  expect(withoutSecrets("mqtts://gw:p@ss@city.example:8883")).not.toContain("ss@");
  expect(withoutSecrets("mqtts://gw:secret@city.example:8883")).toBe("mqtts://city.example:8883");
  expect(withoutSecrets("mqtt://city.example")).toBe("mqtt://city.example");
});
