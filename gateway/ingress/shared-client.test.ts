import { afterEach, describe, expect, it } from "vitest";
import { HeldLog } from "../../tests/support/ingress/held-log.ts";
import { RawDevice } from "../../tests/support/ingress/raw-device.ts";
import { contact, ScriptedDriver, silentAfterMs } from "../../tests/support/ingress/scripted-driver.ts";
import { startTestBroker, type TestBroker } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { observationIdSchema } from "../domain/ids.ts";
import type { ModbusLine } from "../ports/driver.ts";
import { graceMs } from "./liveness.ts";
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

/** Devices `a` and `b` behind one client: `up/a`, `up/b` are their own, below `all/` is for both. */
async function start(ids: readonly string[] = ["a", "b"]) {
  const clock = new ManualClock();
  const test = await startTestBroker([], { clock });
  const log = new HeldLog();
  log.mode = "commit";
  const driver = new ScriptedDriver("shared");
  let minted = 0;
  const supervisor = startSupervisor({
    devices: ids.map((id) => driver.device(id)),
    log,
    broker: test.broker,
    serialLines: (id) => ({ id }) as ModbusLine,
    timeZone: "Asia/Shanghai",
    pseudonym: (person) => person,
    clock,
    logger: test.logger,
    telemetry: test.telemetry,
    newId: () => observationIdSchema.parse(`id-${++minted}`),
    random: () => 1,
  });
  running.push({ supervisor, test });
  await waitFor("the sessions", () => ids.every((id) => driver.sessionOf(id) !== undefined));
  const connect = async () => {
    const wire = await RawDevice.signedIn(test.broker.port, {
      username: "server",
      password: "pw-server",
      clientId: "chirpstack",
      will: { topic: "all/state", payload: Buffer.from("offline"), qos: 0, retain: true },
    });
    wires.push(wire);
    return wire;
  };
  const online = () => Object.fromEntries(supervisor.states().map(({ deviceId, online }) => [deviceId, online]));
  const records = () => log.kinds().filter((kind) => kind.endsWith("contact.state"));
  return { ...test, clock, driver, log, supervisor, connect, online, records };
}

describe("one client of several devices", () => {
  it("hands each message to those whose grants cover it, in order", async () => {
    const { connect, records } = await start();
    const wire = await connect();
    wire.publish("up/a", "1", 1, 1);
    wire.publish("all/x", "2", 1, 2);
    wire.publish("up/b", "3", 1, 3);
    await wire.next("puback", 3);
    expect(records()).toEqual(["a contact.state", "a contact.state", "b contact.state", "b contact.state"]);
    expect(wire.acknowledged()).toEqual([1, 2, 3]);
  });

  it("is acknowledged when the last of them is done with the message, and not before", async () => {
    const { connect, log } = await start();
    const wire = await connect();
    log.mode = "hold";
    wire.publish("all/x", "1", 1, 1);
    await waitFor(
      "both appends",
      () => log.pending.filter(({ batch }) => batch[0]?.draft.kind === "contact.state").length === 2,
    );
    while (log.pending.length > 1) log.commit();
    await wire.roundTrip();
    expect(wire.acknowledged()).toEqual([]);
    log.commit();
    await wire.next("puback");
  });

  it("is cut off where one of them could not store it, and sends again what the others know already", async () => {
    const { connect, driver, log, records } = await start();
    const refuse = driver.handle;
    driver.handle = (text, context) =>
      context.device.id === "b" ? Promise.reject(new Error("no room")) : refuse(text, context);
    const first = await connect();
    first.publish("all/x", "1", 1, 1);
    await first.wasCut();
    expect(first.acknowledged()).toEqual([]);
    driver.handle = refuse;
    const second = await connect();
    second.publish("all/x", "1", 1, 1, true);
    await second.next("puback");
    expect(records()).toEqual(["a contact.state", "b contact.state"]);
    expect(log.appends).toBeGreaterThan(2);
  });

  it("may report what is not configured: it is acknowledged, counted and listed, and the client stays", async () => {
    const { connect, supervisor, telemetry, records } = await start();
    const wire = await connect();
    wire.publish("application/x/device/0011223344556677/event/up", "1", 1, 1);
    wire.publish("up/a", "2", 1, 2);
    await wire.next("puback", 2);
    expect(records()).toEqual(["a contact.state"]);
    expect(telemetry.of("zhian_ingress_unclaimed_total")).toBe(1);
    expect(supervisor.strangers()).toMatchObject([
      { via: "mqtt", username: "server", clientId: "application/x/device/0011223344556677/event/up" },
    ]);
    expect(supervisor.strangers()[0]?.snippet).toContain("0011223344556677");
  });

  it("does not speak for the life of a device: neither its presence nor a message of another one does", async () => {
    const { connect, clock, online, driver } = await start();
    driver.handle = (text, context) =>
      text === context.device.id ? context.observe([contact(text)]) : Promise.resolve(context.filtered("foreign"));
    const wire = await connect();
    await wire.roundTrip();
    expect(online()).toEqual({ a: "unknown", b: "unknown" });
    wire.publish("all/x", "a", 1, 1);
    await wire.next("puback");
    expect(online()).toEqual({ a: "online", b: "unknown" });
    clock.advance(silentAfterMs - 1000);
    await wire.roundTrip();
    clock.advance(1000);
    expect(online()).toEqual({ a: "offline", b: "offline" });
  });

  it("takes those with it that were there when it is lost, after the time to come back", async () => {
    const { connect, clock, online } = await start();
    const wire = await connect();
    wire.publish("up/a", "1", 1, 1);
    await wire.next("puback");
    wire.send(Buffer.from([0xe0, 0]));
    await wire.wasCut();
    await waitFor("the end of the connection", () => {
      clock.advance(graceMs / 5);
      return online()["a"] === "offline";
    });
    expect(online()).toEqual({ a: "offline", b: "unknown" });
  });

  it("leaves its last will to each of them that it concerns", async () => {
    const { connect, driver, online } = await start();
    const wills: string[] = [];
    driver.handleWill = (context) => {
      wills.push(context.device.id);
      context.filtered("will");
      return Promise.resolve();
    };
    const wire = await connect();
    wire.publish("all/x", "1", 1, 1);
    await wire.next("puback");
    wire.end();
    await waitFor("the wills", () => wills.length === 2);
    expect(online()).toEqual({ a: "offline", b: "offline" });
  });

  it("stays connected while the session of one of them fails, and the new session hears that it is there", async () => {
    const { connect, driver, clock } = await start();
    const wire = await connect();
    const heard: boolean[] = [];
    driver.onOpen = ({ mqtt }) => mqtt?.onConnection((connected) => heard.push(connected));
    driver.sessionOf("a")?.fail(new Error("a bug"));
    await waitFor("the new session", () => {
      clock.advance(500);
      return driver.openings("a") === 2;
    });
    wire.publish("up/b", "1", 1, 1);
    wire.publish("up/a", "2", 1, 2);
    await wire.next("puback", 2);
    expect(heard).toEqual([true]);
    expect(wire.closed).toBe(false);
  });

  it("is cut off when a session ends that had begun with a message", async () => {
    const { connect, driver, log } = await start();
    const wire = await connect();
    log.mode = "hold";
    wire.publish("up/a", "1", 1, 1);
    await waitFor("the append", () => log.pending.length > 0);
    driver.sessionOf("a")?.fail(new Error("a bug"));
    await wire.wasCut();
    expect(wire.acknowledged()).toEqual([]);
  });

  it("connects anew when one more device joins it, and then speaks for that one too", async () => {
    const { connect, driver, supervisor, records } = await start();
    const first = await connect();
    await supervisor.apply(["a", "b", "c"].map((id) => driver.device(id)));
    await first.wasCut();
    const second = await connect();
    second.publish("up/c", "1", 1, 1);
    await second.next("puback");
    expect(records()).toEqual(["c contact.state"]);
    await supervisor.apply([driver.device("a")]);
    await second.wasCut();
    const third = await connect();
    third.publish("up/a", "2", 1, 1);
    await third.next("puback");
    expect(records()).toEqual(["c contact.state", "a contact.state"]);
  });
});
