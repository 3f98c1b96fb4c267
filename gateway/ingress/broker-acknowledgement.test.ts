import { spawn } from "node:child_process";
import { once } from "node:events";
import { generate } from "mqtt-packet";
import { afterEach, describe, expect, it } from "vitest";
import { HeldLog } from "../../tests/support/ingress/held-log.ts";
import { connectPacket, publishPacket, RawDevice } from "../../tests/support/ingress/raw-device.ts";
import { deviceId, startTestBroker, type TestBroker } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { observationIdSchema, zoneIdSchema } from "../domain/ids.ts";
import type { MqttMessage } from "../ports/driver.ts";
import type { DeviceEndpoint } from "./device-link.ts";

const gate = { username: "gate", password: "pw-gate", clientId: "terminal" };
const witness = { username: "witness", password: "pw-witness", clientId: "witness" };
const running: TestBroker[] = [];
const devices: RawDevice[] = [];
afterEach(async () => {
  for (const device of devices.splice(0)) device.end();
  for (const { broker } of running.splice(0)) await broker.close();
});

async function start(options: Parameters<typeof startTestBroker>[1] = {}) {
  const test = await startTestBroker(["gate", "witness"], options);
  running.push(test);
  test.broker.deviceMqtt(deviceId("witness")).serve(() => Promise.resolve());
  return { ...test, endpoint: test.broker.deviceMqtt(deviceId("gate")), log: new HeldLog() };
}

async function signIn(port: number, who: Parameters<typeof RawDevice.signedIn>[1]): Promise<RawDevice> {
  const device = await RawDevice.signedIn(port, who);
  devices.push(device);
  return device;
}

/** Stores a message as one observation, with its payload as the key by which a repetition is known. */
async function store(log: HeldLog, { payload }: MqttMessage): Promise<void> {
  const record = Buffer.from(payload).toString();
  await log.append([
    {
      id: observationIdSchema.parse(record),
      deviceId: deviceId("gate"),
      zoneId: zoneIdSchema.parse("z"),
      dialect: "test",
      draft: { kind: "contact.state", body: { active: true }, sourceRecordId: record },
    },
  ]);
}

/** What is wrong with the acknowledgements of a broker whose device is served so; nothing, if all is well. */
async function violations(serve: (endpoint: DeviceEndpoint, log: HeldLog) => void): Promise<string[]> {
  const { broker, endpoint, log } = await start();
  serve(endpoint, log);
  const device = await signIn(broker.port, gate);
  const other = await signIn(broker.port, witness);
  // What was written to the device before another one's answer has arrived by then.
  const arrived = async () => {
    await other.roundTrip();
    await other.roundTrip();
    return device.acknowledged();
  };
  const wrong: string[] = [];
  for (const id of [11, 12, 13]) device.publish("up/gate", `record-${id}`, 1, id);
  await waitFor("three commits under way", () => log.pending.length === 3);
  for (const index of [2, 1, 0]) {
    if ((await arrived()).length > 0) wrong.push(`acknowledged with ${index + 1} commits under way`);
    log.commit(index);
  }
  await device.next("puback", 3);
  if (device.acknowledged().join() !== "11,12,13") wrong.push(`acknowledged in the order ${device.acknowledged()}`);
  return wrong;
}

describe("the acknowledgement of a message", () => {
  it("leaves when the message is stored, and not before those of the messages that came before it", async () => {
    expect(await violations((endpoint, log) => endpoint.serve((message) => store(log, message)))).toEqual([]);
  });

  it("control: a session that does not wait for the log is found out by the same check", async () => {
    const early = await violations((endpoint, log) =>
      endpoint.serve((message) => {
        void store(log, message);
        return Promise.resolve();
      }),
    );
    expect(early).toContain("acknowledged with 3 commits under way");
  });

  it("messages reach the session in the order of arrival, whatever their quality of service", async () => {
    const { broker, endpoint } = await start();
    const seen: string[] = [];
    endpoint.serve(async ({ payload }) => {
      seen.push(Buffer.from(payload).toString());
    });
    const device = await signIn(broker.port, gate);
    const sent = Array.from({ length: 300 }, (_, i) => `m${i}`);
    for (const [i, text] of sent.entries()) device.publish("up/gate", text, ([0, 1, 2] as const)[i % 3] ?? 0, i + 1);
    await waitFor("all messages", () => seen.length === sent.length);
    expect(seen).toEqual(sent);
  });

  it("messages sent in one breath with the CONNECT keep their order with those sent after it", async () => {
    const { broker, endpoint } = await start();
    const seen: string[] = [];
    endpoint.serve(async ({ payload }) => {
      seen.push(Buffer.from(payload).toString());
    });
    for (let round = 0; round < 30; round++) {
      const device = new RawDevice(broker.port);
      devices.push(device);
      device.send(
        connectPacket(gate),
        publishPacket("up/gate", `${round}-a`, 1, 1),
        publishPacket("up/gate", `${round}-b`, 1, 2),
      );
      await new Promise<void>((resolve) => setImmediate(resolve));
      device.publish("up/gate", `${round}-c`, 1, 3);
      await device.next("puback", 3);
      device.end();
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => [`${i}-a`, `${i}-b`, `${i}-c`]).flat());
  });

  it("messages of a device that says all in one breath and hangs up are stored", async () => {
    const { broker, endpoint, log } = await start();
    log.mode = "commit";
    endpoint.serve((message) => store(log, message));
    const device = new RawDevice(broker.port);
    devices.push(device);
    device.socket.end(
      Buffer.concat([connectPacket(gate), ...["a", "b", "c"].map((id) => publishPacket("up/gate", id, 0))]),
    );
    await device.wasCut();
    expect(log.stored.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(device.of("connack")).toHaveLength(1);
  });

  it("messages of a device that hung up before its session was open are stored, and it is still answered", async () => {
    const { broker, endpoint, log } = await start();
    log.mode = "commit";
    const device = new RawDevice(broker.port);
    devices.push(device);
    device.socket.end(Buffer.concat([connectPacket(gate), publishPacket("up/gate", "a", 0)]));
    const other = await signIn(broker.port, witness);
    for (let i = 0; i < 3; i++) await other.roundTrip();
    expect(device.closed).toBe(false);
    endpoint.serve((message) => store(log, message));
    await device.wasCut();
    expect(log.stored.map(({ id }) => id)).toEqual(["a"]);
    expect(device.of("connack")).toHaveLength(1);
  });

  it("never leaves when the log refuses: the device is cut off, sends again, and is stored once", async () => {
    const { broker, endpoint, log, telemetry, logger } = await start();
    endpoint.serve((message) => store(log, message));
    log.mode = "fail";
    const first = await signIn(broker.port, gate);
    first.publish("up/gate", "record-1", 1, 7);
    await first.wasCut();
    expect(first.acknowledged()).toEqual([]);
    expect(telemetry.of("zhian_ingress_cut_total not-stored")).toBe(1);
    expect(logger.lines.join()).toContain("cut off");
    log.mode = "commit";
    const again = await signIn(broker.port, gate);
    again.publish("up/gate", "record-1", 1, 7, true);
    await again.next("puback");
    expect(log.stored.map(({ id }) => id)).toEqual(["record-1"]);
  });

  it("never leaves for messages behind one that was refused, though they were stored", async () => {
    const { broker, endpoint, log } = await start();
    endpoint.serve((message) => store(log, message));
    const device = await signIn(broker.port, gate);
    device.publish("up/gate", "record-1", 1, 1);
    device.publish("up/gate", "record-2", 1, 2);
    await waitFor("both commits under way", () => log.pending.length === 2);
    log.commit(1);
    log.fail(0);
    await device.wasCut();
    expect(device.acknowledged()).toEqual([]);
  });

  it("a message of quality 0 that is refused cuts the connection too", async () => {
    const { broker, endpoint, log } = await start();
    endpoint.serve((message) => store(log, message));
    log.mode = "fail";
    const device = await signIn(broker.port, gate);
    device.publish("up/gate", "record-1", 0);
    await device.wasCut();
  });

  it("a session that throws cuts the connection, and its message text is not logged", async () => {
    const { broker, endpoint, logger } = await start();
    endpoint.serve(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
    const device = await signIn(broker.port, gate);
    device.publish("up/gate", "张三 is no JSON", 1);
    await device.wasCut();
    expect(logger.lines.join()).toContain("SyntaxError");
    expect(logger.lines.join()).not.toContain("张三");
  });

  it("a session that never answers cuts the connection after half a minute, and only this one", async () => {
    const clock = new ManualClock();
    const { broker, endpoint, telemetry } = await start({ clock });
    let handled = 0;
    endpoint.serve(() => {
      handled += 1;
      return new Promise(() => {});
    });
    const device = await signIn(broker.port, gate);
    const other = await signIn(broker.port, witness);
    device.publish("up/gate", "x", 1);
    await waitFor("the message", () => handled === 1);
    clock.advance(30_000);
    await device.wasCut();
    expect(telemetry.of("zhian_ingress_cut_total handle-timeout")).toBe(1);
    await other.roundTrip();
  });
});

describe("a message of quality 2", () => {
  const rel = (messageId: number) => generate({ cmd: "pubrel", messageId });
  const lasting = { ...gate, clean: false };

  it("is stored once, though it is sent again after a failed store, and again before its release", async () => {
    const { broker, endpoint, log } = await start();
    endpoint.serve((message) => store(log, message));
    log.mode = "fail";
    const first = await signIn(broker.port, lasting);
    first.publish("up/gate", "record-9", 2, 9);
    await first.wasCut();
    expect(first.of("pubrec")).toEqual([]);
    log.mode = "commit";
    const again = await signIn(broker.port, lasting);
    again.publish("up/gate", "record-9", 2, 9, true);
    await again.next("pubrec");
    again.publish("up/gate", "record-9", 2, 9, true);
    await again.next("pubrec", 2);
    again.send(rel(9));
    await again.next("pubcomp");
    expect(log.stored.map(({ id }) => id)).toEqual(["record-9"]);
    again.publish("up/gate", "record-10", 2, 9);
    await again.next("pubrec", 3);
    expect(log.stored.map(({ id }) => id)).toEqual(["record-9", "record-10"]);
  });

  it("is stored once, though it is repeated while its first commit is under way", async () => {
    const { broker, endpoint, log } = await start();
    endpoint.serve((message) => store(log, message));
    const device = await signIn(broker.port, lasting);
    device.publish("up/gate", "record-1", 2, 5);
    device.publish("up/gate", "record-1", 2, 5, true);
    await waitFor("the commit under way", () => log.pending.length > 0);
    await (await signIn(broker.port, witness)).roundTrip();
    expect(log.appends).toBe(1);
    expect(device.of("pubrec")).toEqual([]);
    log.commit();
    await device.next("pubrec", 2);
  });

  it("is stored once, though the line broke between its commit and its PUBREC", async () => {
    const { broker, endpoint, log } = await start();
    endpoint.serve((message) => store(log, message));
    const device = await signIn(broker.port, lasting);
    device.publish("up/gate", "record-1", 2, 5);
    await waitFor("the commit under way", () => log.pending.length > 0);
    device.end();
    log.commit();
    const again = await signIn(broker.port, lasting);
    again.publish("up/gate", "record-1", 2, 5, true);
    await again.next("pubrec");
    again.send(rel(5));
    await again.next("pubcomp");
    expect(log.appends).toBe(1);
  });

  it("cannot pile up without its release", async () => {
    const { broker, endpoint } = await start({ limits: { unreleased: 5 } });
    endpoint.serve(() => Promise.resolve());
    const device = await signIn(broker.port, lasting);
    for (let id = 1; id <= 6; id++) device.publish("up/gate", "x", 2, id);
    await device.wasCut();
  });
});

describe("mosquitto_pub as a device", () => {
  const publish = (port: number, ...more: string[]) => {
    const child = spawn("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(port), "-t", "up/gate", ...more]);
    return once(child, "close").then(([code]) => code as number);
  };
  const user = ["-u", "gate", "-P", "pw-gate"];

  it.each(["0", "1", "2"])("delivers at quality %s and ends well", async (qos) => {
    const { broker, endpoint, log } = await start();
    log.mode = "commit";
    endpoint.serve((message) => store(log, message));
    expect(await publish(broker.port, ...user, "-q", qos, "-m", "record-1")).toBe(0);
    await waitFor("the record", () => log.stored.length === 1);
  });

  it("is refused with a wrong password and with none", async () => {
    const { broker, endpoint, log } = await start();
    endpoint.serve((message) => store(log, message));
    expect(await publish(broker.port, "-u", "gate", "-P", "wrong", "-q", "1", "-m", "x")).not.toBe(0);
    expect(await publish(broker.port, "-q", "1", "-m", "x")).not.toBe(0);
    expect(log.appends).toBe(0);
  });
});
