import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { HeldLog } from "../../tests/support/ingress/held-log.ts";
import { connectPacket, RawDevice } from "../../tests/support/ingress/raw-device.ts";
import { contact, ScriptedDriver, silentAfterMs } from "../../tests/support/ingress/scripted-driver.ts";
import { deviceId, startTestBroker, type TestBroker } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { GatewayError, isGatewayError } from "../domain/errors.ts";
import { type DeviceId, observationIdSchema } from "../domain/ids.ts";
import type { DriverContext, ModbusLine } from "../ports/driver.ts";
import type { Conservation } from "./accounts.ts";
import type { IngressLimits } from "./limits.ts";
import { graceMs } from "./liveness.ts";
import type { SupervisedDevice } from "./supervised-device.ts";
import { type Supervisor, startSupervisor } from "./supervisor.ts";

const running: { supervisor: Supervisor; test: TestBroker }[] = [];
const wires: RawDevice[] = [];
afterEach(async () => {
  for (const wire of wires.splice(0)) wire.end();
  for (const { supervisor, test } of running.splice(0)) {
    await test.broker.close();
    await supervisor.close();
  }
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Started {
  readonly devices?: readonly SupervisedDevice[];
  readonly driver?: ScriptedDriver;
  readonly limits?: Partial<IngressLimits>;
  readonly random?: () => number;
  readonly faultStands?: (device: DeviceId, code: string) => boolean;
}

/** Devices `east` and `west` of a scripted dialect, unless said otherwise, with a log that commits at once. */
async function start({ driver = new ScriptedDriver(), devices, limits = {}, random = () => 1, ...more }: Started = {}) {
  const clock = new ManualClock();
  const test = await startTestBroker([], { clock, limits });
  const log = new HeldLog();
  log.mode = "commit";
  let minted = 0;
  const line = { id: "rs485-1" } as ModbusLine;
  const supervisor = startSupervisor({
    devices: devices ?? [driver.device("east"), driver.device("west")],
    log,
    broker: test.broker,
    serialLines: (id) => ({ ...line, id }),
    timeZone: "Asia/Shanghai",
    pseudonym: (person) => `p-${person}`,
    clock,
    logger: test.logger,
    telemetry: test.telemetry,
    newId: () => observationIdSchema.parse(`id-${++minted}`),
    random,
    ...more,
  });
  running.push({ supervisor, test });
  await turn();
  const connect = async (id: string, password = `pw-${id}`) => {
    const wire = await RawDevice.signedIn(test.broker.port, {
      username: id,
      password,
      clientId: id,
      will: { topic: `state/${id}`, payload: Buffer.from("gone"), qos: 0, retain: false },
    });
    wires.push(wire);
    return wire;
  };
  const session = (id: string) => {
    const found = driver.sessionOf(id);
    if (found === undefined) throw new Error(`no session of ${id}`);
    return found;
  };
  return { ...test, clock, driver, log, supervisor, connect, session };
}

const balance = ({ received, stored, duplicate, filtered, quarantined, withheld, pending }: Conservation) => {
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
  return received - (stored + duplicate + sum(filtered) + sum(quarantined) + withheld + pending);
};

describe("a supervised device", () => {
  it("is announced, its message stored as its own, and only then acknowledged", async () => {
    const { connect, log } = await start();
    const wire = await connect("east");
    log.mode = "hold";
    wire.publish("up/east", "record-1", 1, 1);
    await waitFor("the append", () => log.pending.length === 1);
    expect(wire.acknowledged()).toEqual([]);
    log.commit();
    await wire.next("puback");
    expect(log.kinds()).toEqual(["east online", "east contact.state"]);
    expect(log.stored[1]).toMatchObject({ deviceId: "east", zoneId: "zone-east", dialect: "scripted", id: "id-2" });
  });

  it("is not acknowledged by a session that does not wait for what it observed", async () => {
    const { connect, driver, log } = await start();
    driver.handle = (text, context) => {
      context.observe([contact(text)]).catch(() => {});
      return Promise.resolve();
    };
    const wire = await connect("east");
    log.mode = "fail";
    wire.publish("up/east", "record-1", 1, 1);
    await wire.wasCut();
    expect(wire.acknowledged()).toEqual([]);
  });

  it("gets its options, time zone, pseudonyms and, on a serial line, the line and no broker", async () => {
    const driver = new ScriptedDriver("serial");
    const { session } = await start({ driver });
    const { context } = session("east");
    expect(context.options).toEqual({ id: "east" });
    expect(context.timeZone).toBe("Asia/Shanghai");
    expect(context.pseudonym("7")).toBe("p-7");
    expect(context.mqtt).toBeUndefined();
    expect(context.modbusLine?.("rs485-1").id).toBe("rs485-1");
  });

  it("hears what its session sends, and its session hears of its connection", async () => {
    const driver = new ScriptedDriver();
    const heard: boolean[] = [];
    driver.onOpen = ({ mqtt, device }) => {
      if (device.id === "east") mqtt?.onConnection((connected) => heard.push(connected));
    };
    const { connect } = await start({ driver });
    const wire = await connect("east");
    wire.end();
    await waitFor("the loss", () => heard.length === 2);
    expect(heard).toEqual([true, false]);
  });
});

describe("the accounts of a device", () => {
  it("add up at every moment, whatever the session, the log and the device do", async () => {
    const driver = new ScriptedDriver("serial");
    const { session, supervisor, log, telemetry } = await start({ driver });
    log.mode = "hold";
    const { context } = session("east");
    const account = () => supervisor.conservation().get(deviceId("east")) as Conservation;
    const action = fc.oneof(
      fc.record({
        do: fc.constant("observe" as const),
        keys: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 5 }),
      }),
      fc.record({ do: fc.constant("reject" as const), reason: fc.constantFrom("bad-json", "wrong-shape") }),
      fc.record({ do: fc.constant("filter" as const), reason: fc.constantFrom("heartbeat", "unchanged") }),
      fc.record({ do: fc.constantFrom("commit" as const, "fail" as const), index: fc.nat({ max: 3 }) }),
    );
    let told = account().received;
    const outcomes: Promise<unknown>[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        for (const each of actions) {
          if (each.do === "observe") {
            outcomes.push(context.observe(each.keys.map((key) => contact(`k${key}`))).catch(() => {}));
            told += each.keys.length;
          } else if (each.do === "reject") {
            context.reject({ reason: each.reason, detail: "x", source: "y" });
            told += 1;
          } else if (each.do === "filter") {
            context.filtered(each.reason);
            told += 1;
          } else if (each.do === "commit") log.commit(Math.min(each.index, log.pending.length - 1));
          else log.fail(Math.min(each.index, log.pending.length - 1));
          await Promise.resolve();
          expect(balance(account())).toBe(0);
          expect(account().received).toBe(told);
        }
      }),
      { numRuns: 60 },
    );
    while (log.pending.length > 0) log.commit();
    await Promise.all(outcomes);
    expect(balance(account())).toBe(0);
    expect(account().pending).toBe(0);
    const stored = log.stored.filter(({ draft }) => draft.kind === "contact.state");
    expect(account().stored).toBe(stored.length);
    expect(telemetry.of("zhian_ingress_received_total east")).toBe(told);
    expect(telemetry.of("zhian_ingress_stored_total east")).toBe(stored.length);
  });

  it("add up for messages on the wire: stored, repeated, filtered, rejected, forbidden, refused by the log, forgotten", async () => {
    const { connect, driver, log, supervisor } = await start();
    driver.handle = async (text, context) => {
      if (text === "heartbeat") context.filtered("heartbeat");
      else if (text === "garbage") context.reject({ reason: "bad-json", detail: "no JSON", source: "up/east" });
      else if (text !== "forgotten") await context.observe([contact(text)]);
    };
    const wire = await connect("east");
    for (const text of ["a", "b", "a", "heartbeat", "garbage", "forgotten"]) wire.publish("up/east", text, 1, 1);
    await wire.next("puback", 6);
    wire.publish("up/west", "forged", 1, 2);
    await wire.wasCut();
    const again = await connect("east");
    log.mode = "fail";
    again.publish("up/east", "c", 1, 3);
    await again.wasCut();
    const account = supervisor.conservation().get(deviceId("east")) as Conservation;
    expect(account).toEqual({
      received: 8,
      stored: 2,
      duplicate: 1,
      filtered: { heartbeat: 1 },
      quarantined: { "bad-json": 1, unaccounted: 1, "forbidden-topic": 1 },
      withheld: 1,
      pending: 0,
    });
    expect(supervisor.quarantine().map(({ reason }) => reason)).toEqual(["forbidden-topic", "unaccounted", "bad-json"]);
  });
});

describe("a session that fails", () => {
  it("at its opening is opened again with growing pauses up to a minute, and the others do not notice", async () => {
    const driver = new ScriptedDriver();
    driver.onOpen = ({ device }) => {
      if (device.id === "east") throw new TypeError("a bug of the driver");
    };
    const { clock, connect, telemetry } = await start({ driver });
    const wire = await connect("west");
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      const opened = driver.openings("east");
      let waited = 0;
      while (driver.openings("east") === opened) {
        clock.advance(1000);
        await turn();
        waited += 1;
      }
      pauses.push(waited);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    wire.publish("up/west", "fine", 1, 1);
    await wire.next("puback");
    expect(driver.openings("west")).toBe(1);
    expect(telemetry.of("zhian_ingress_sessions_failed_total east")).toBe(9);
  });

  it("spreads its openings by chance", async () => {
    const driver = new ScriptedDriver();
    driver.onOpen = ({ device }) => {
      if (device.id === "east") throw new TypeError("a bug of the driver");
    };
    const { clock } = await start({ driver, random: () => 0.25 });
    clock.advance(249);
    await turn();
    expect(driver.openings("east")).toBe(1);
    clock.advance(1);
    await turn();
    expect(driver.openings("east")).toBe(2);
  });

  it("later is told to end, loses its connections and is replaced; a steady one begins again with short pauses", async () => {
    const { clock, driver, connect, session } = await start();
    const wire = await connect("east");
    const other = await connect("west");
    const first = session("east");
    first.fail(new GatewayError("LINK_LOST", "gone"));
    await wire.wasCut();
    expect(first.context.signal.aborted).toBe(true);
    clock.advance(1000);
    await turn();
    expect(driver.openings("east")).toBe(2);
    clock.advance(60_000);
    session("east").end();
    await turn();
    clock.advance(1000);
    await turn();
    expect(driver.openings("east")).toBe(3);
    const again = await connect("east");
    again.publish("up/east", "x", 1, 1);
    await again.next("puback");
    expect(other.closed).toBe(false);
  });

  it("lets a device that connects meanwhile wait for the next one", async () => {
    const { clock, session, broker } = await start();
    session("east").fail(new Error("bug"));
    await turn();
    const wire = new RawDevice(broker.port);
    wires.push(wire);
    wire.send(connectPacket({ username: "east", password: "pw-east", clientId: "east" }));
    await waitFor("it to be there", () => wire.socket.bytesWritten > 0);
    await turn();
    clock.advance(1000);
    expect(await wire.next("connack")).toMatchObject({ returnCode: 0 });
  });

  it("for good is a fault of the device, reported once, and over when the next one has lasted a minute", async () => {
    const { clock, log, session } = await start();
    for (let i = 0; i < 3; i++) {
      session("east").fail(new RangeError(`personName 张三 at ${i}`));
      await turn();
      clock.advance(10_000);
      await turn();
    }
    expect(log.kinds().filter((kind) => kind.includes("fault"))).toEqual(["east fault driver-failed true"]);
    expect(JSON.stringify(log.stored)).not.toContain("张三");
    clock.advance(60_000);
    await turn();
    expect(log.kinds().filter((kind) => kind.includes("fault"))).toEqual([
      "east fault driver-failed true",
      "east fault driver-failed false",
    ]);
  });

  it("that was reported before the gateway was started anew is over when this one sees that it is", async () => {
    const { clock, log, session } = await start({ faultStands: (device) => device === "east" });
    const faults = () => log.kinds().filter((kind) => kind.includes("fault"));
    await turn();
    expect(["east", "west"].map((id) => session(id).context.faultStands?.("node-missing"))).toEqual([true, false]);
    expect(faults()).toEqual(["east fault flooding false"]);
    for (const id of ["east", "west"]) session(id).context.seen({ clockSkewMs: 1500 });
    session("east").context.seen({ clockSkewMs: 1600 });
    await turn();
    expect(faults().slice(1)).toEqual(["east fault clock-wrong false"]);
    clock.advance(60_000);
    await turn();
    expect(faults().slice(2)).toEqual(["east fault driver-failed false"]);
  });

  it("that stands is left to the driver where the clock is still wrong", async () => {
    const { log, session } = await start({ faultStands: (_, code) => code === "clock-wrong" });
    session("east").context.seen({ clockSkewMs: -40 * 86_400_000 });
    session("east").context.seen({ clockSkewMs: 1500 });
    await turn();
    expect(log.kinds().filter((kind) => kind.includes("fault"))).toEqual([]);
  });

  it("that stands from before is not reported a second time", async () => {
    const { log, session } = await start({ faultStands: (_, code) => code === "driver-failed" });
    session("east").fail(new RangeError("as before"));
    await turn();
    expect(log.kinds().filter((kind) => kind.includes("fault"))).toEqual([]);
  });

  it("with a lost link reports no fault of its own: the device is gone, and that is enough", async () => {
    const driver = new ScriptedDriver("serial");
    const { log, session } = await start({ driver });
    session("east").context.gone("link-lost");
    session("east").fail(new GatewayError("LINK_LOST", "unplugged"));
    await turn();
    expect(log.kinds()).toEqual(["east offline link-lost"]);
  });

  it("has no say any more", async () => {
    const { log, session, supervisor } = await start();
    const { context } = session("east");
    session("east").fail(new GatewayError("LINK_LOST", "gone"));
    await turn();
    const late = await context.observe([contact("late")]).catch((error: unknown) => error);
    expect(isGatewayError(late, "LOG_CLOSED")).toBe(true);
    context.reject({ reason: "late", detail: "", source: "" });
    context.filtered("late");
    context.seen();
    context.gone("said-so");
    expect(log.kinds()).toEqual([]);
    expect(supervisor.conservation().get(deviceId("east"))?.received).toBe(0);
    expect(supervisor.states().map(({ online }) => online)).toEqual(["unknown", "unknown"]);
  });

  it("does not end the process when it lets go of a promise", async () => {
    const driver = new ScriptedDriver("serial");
    const { log, session } = await start({ driver });
    log.mode = "fail";
    void session("east").context.observe([contact("x")]);
    await turn();
    await turn();
  });
});

describe("the presence of a device", () => {
  it("is written once for each edge: first message, disconnect after its grace, return, last will, silence, never seen", async () => {
    const { clock, connect, log, supervisor } = await start();
    const first = await connect("east");
    first.publish("up/east", "a", 1, 1);
    await first.next("puback");
    first.send(Buffer.from([0xe0, 0]));
    await first.wasCut();
    await turn();
    clock.advance(graceMs - 1);
    const second = await connect("east");
    clock.advance(graceMs);
    second.send(Buffer.from([0xe0, 0]));
    await second.wasCut();
    await turn();
    clock.advance(graceMs);
    const third = await connect("east");
    third.end();
    const presence = () => log.kinds().filter((kind) => kind.startsWith("east") && !kind.includes("contact"));
    await waitFor("the will", () => presence().length === 4);
    await connect("east");
    clock.advance(silentAfterMs);
    await turn();
    expect(presence()).toEqual([
      "east online",
      "east offline disconnected",
      "east online",
      "east offline last-will",
      "east online",
      "east offline silent",
    ]);
    expect(log.kinds().filter((kind) => kind.startsWith("west"))).toEqual(["west offline never-seen"]);
    expect(supervisor.states()).toMatchObject([
      { deviceId: "east", online: "offline", reason: "silent" },
      { deviceId: "west", online: "offline", reason: "never-seen" },
    ]);
  });

  it("is not brought back by what a session does about a last will", async () => {
    const driver = new ScriptedDriver();
    driver.handle = async (_text, context) => {
      context.filtered("offline");
      context.gone("said-so");
    };
    driver.handleWill = (context) => {
      context.seen();
      return context.observe([contact("will")]);
    };
    const { connect, log } = await start({ driver });
    const wire = await connect("east");
    wire.publish("up/east", "bye", 1, 1);
    await wire.next("puback");
    wire.end();
    await waitFor("the will", () => log.kinds().length === 3);
    expect(log.kinds()).toEqual(["east online", "east offline said-so", "east contact.state"]);
  });

  it("is kept up by pings", async () => {
    const { clock, connect, log } = await start();
    const wire = await connect("east");
    for (let i = 0; i < 4; i++) {
      clock.advance(silentAfterMs - 1);
      await wire.roundTrip();
    }
    expect(log.kinds().filter((kind) => kind.startsWith("east"))).toEqual(["east online"]);
  });

  it("gives a lost connection its grace though the session calls it a lost link", async () => {
    const driver = new ScriptedDriver();
    driver.onOpen = (context: DriverContext<unknown>) =>
      context.mqtt?.onConnection((connected) => {
        if (!connected) context.gone("link-lost");
      });
    const { clock, connect, log } = await start({ driver });
    const wire = await connect("east");
    wire.send(Buffer.from([0xe0, 0]));
    await wire.wasCut();
    await turn();
    clock.advance(graceMs - 1);
    expect(log.kinds()).toEqual(["east online"]);
    clock.advance(1);
    expect(log.kinds()).toEqual(["east online", "east offline disconnected"]);
  });

  it("is written when the log works again, with the time at which it changed", async () => {
    const { clock, connect, log } = await start();
    log.mode = "fail";
    const happened = clock.wall();
    await connect("east");
    for (let i = 0; i < 5; i++) {
      await turn();
      clock.advance(15_000);
    }
    expect(log.stored).toEqual([]);
    log.mode = "commit";
    await turn();
    clock.advance(15_000);
    await turn();
    expect(log.kinds()[0]).toBe("east online");
    expect(log.stored[0]?.draft.occurredAtMs).toBe(happened);
  });

  it("is told to whoever listens, with firmware and clock", async () => {
    const { session, supervisor } = await start();
    const heard: string[] = [];
    supervisor.onChanged(({ deviceId: id, online, firmware }) => heard.push(`${id} ${online} ${firmware}`));
    session("east").context.seen({ firmware: "1.25", clockSkewMs: 1500 });
    expect(heard).toEqual(["east online 1.25"]);
    expect(supervisor.states()[0]).toMatchObject({ clockSkewMs: 1500 });
    expect(supervisor.devices().map(({ id }) => id)).toEqual(["east", "west"]);
  });

  it("a flood is written when it begins and when it is over", async () => {
    const { clock, connect, log } = await start({ limits: { messageBurst: 5, messagesPerSecond: 10 } });
    const wire = await connect("east");
    for (let id = 1; id <= 30; id++) wire.publish("up/east", `${id}`, 1, id);
    await waitFor("all of it", () => {
      clock.advance(100);
      return wire.acknowledged().length === 30;
    });
    clock.advance(30_000);
    await turn();
    expect(log.kinds().filter((kind) => kind.includes("fault"))).toEqual([
      "east fault flooding true",
      "east fault flooding false",
    ]);
  });
});

describe("a reload", () => {
  it("leaves what did not change untouched, replaces what changed, opens what is new, ends what is gone", async () => {
    const driver = new ScriptedDriver();
    const { supervisor, connect, broker } = await start({
      driver,
      devices: ["same", "changed", "gone"].map((id) => driver.device(id)),
    });
    const [same, changed, gone] = [await connect("same"), await connect("changed"), await connect("gone")];
    await supervisor.apply([
      driver.device("same"),
      driver.device("changed", { password: "new" }),
      driver.device("fresh"),
    ]);
    await changed.wasCut();
    await gone.wasCut();
    expect(driver.openings("same")).toBe(1);
    expect(driver.openings("changed")).toBe(2);
    expect(driver.sessions[2]?.context.signal.aborted).toBe(true);
    same.publish("up/same", "still here", 1, 1);
    await same.next("puback");
    await connect("changed", "new");
    await connect("fresh");
    await expect(connect("gone")).rejects.toThrow("refused");
    await expect(connect("changed")).rejects.toThrow("refused");
    expect(supervisor.devices().map(({ id }) => id)).toEqual(["same", "changed", "fresh"]);
    expect(supervisor.states().map(({ deviceId: id }) => id)).toEqual(["same", "changed", "fresh"]);
    expect(broker.strangers().map(({ username }) => username)).toEqual(["changed", "gone"]);
  });

  it("that contradicts itself changes nothing", async () => {
    const driver = new ScriptedDriver();
    const { supervisor, connect } = await start({ driver });
    const wire = await connect("east");
    const twin = { ...driver.device("twin"), options: { id: "east" } };
    const wrong = await supervisor.apply([driver.device("east"), twin]).catch((error: unknown) => error);
    expect(isGatewayError(wrong, "CONFIG_INVALID")).toBe(true);
    await wire.roundTrip();
    expect(supervisor.devices().map(({ id }) => id)).toEqual(["east", "west"]);
  });

  it("keeps the presence and the accounts of a device that is replaced", async () => {
    const driver = new ScriptedDriver();
    const { supervisor, connect, log } = await start({ driver });
    const wire = await connect("east");
    wire.publish("up/east", "a", 1, 1);
    await wire.next("puback");
    await supervisor.apply([driver.device("east", { name: "东门" }), driver.device("west")]);
    await wire.wasCut();
    const again = await connect("east");
    again.publish("up/east", "b", 1, 1);
    await again.next("puback");
    expect(supervisor.conservation().get(deviceId("east"))).toMatchObject({ received: 2, stored: 2 });
    expect(log.kinds()).toEqual(["east online", "east contact.state", "east contact.state"]);
  });

  it("acknowledges what a device that changes has sent, before it cuts it", async () => {
    const driver = new ScriptedDriver();
    const { supervisor, connect, log } = await start({ driver });
    const wire = await connect("east");
    log.mode = "hold";
    for (const id of [1, 2, 3]) wire.publish("up/east", `${id}`, 1, id);
    await waitFor("the messages", () => log.pending.length === 3);
    const applied = supervisor.apply([driver.device("east", { name: "东门" }), driver.device("west")]);
    await turn();
    log.mode = "commit";
    for (const _ of [1, 2, 3]) log.commit();
    await applied;
    await wire.wasCut();
    expect(wire.acknowledged()).toEqual([1, 2, 3]);
    expect(log.kinds()).not.toContain("east offline last-will");
  });

  it("does not wait for ever for a session that does not end", async () => {
    const driver = new ScriptedDriver();
    driver.obedient = false;
    const { supervisor, clock, connect, log } = await start({ driver });
    const wire = await connect("east");
    const applied = supervisor.apply([driver.device("west")]);
    await wire.wasCut();
    await turn();
    clock.advance(2000);
    await applied;
    expect(log.kinds()).toEqual(["east online"]);
    expect(supervisor.devices().map(({ id }) => id)).toEqual(["west"]);
    const closed = supervisor.close();
    await turn();
    clock.advance(2000);
    await closed;
  });
});
