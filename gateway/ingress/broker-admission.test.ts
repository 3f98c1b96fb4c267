import { spawn } from "node:child_process";
import { connect as connectTcp } from "node:net";
import mqtt from "mqtt";
import { generate } from "mqtt-packet";
import { afterEach, describe, expect, it } from "vitest";
import { connectPacket, RawDevice, type SignIn } from "../../tests/support/ingress/raw-device.ts";
import { deviceId, grantsOf, startTestBroker, type TestBroker } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { isGatewayError } from "../domain/errors.ts";
import type { MqttMessage, Rejection } from "../ports/driver.ts";
import { Admission } from "./admission.ts";
import { startBroker } from "./broker.ts";

const running: TestBroker[] = [];
const devices: RawDevice[] = [];
afterEach(async () => {
  for (const device of devices.splice(0)) device.end();
  for (const { broker } of running.splice(0)) await broker.close();
});

/** Two devices, `east` and `west`, each served by a session that notes what it gets. */
async function start(options: Parameters<typeof startTestBroker>[1] = {}) {
  const test = await startTestBroker(["east", "west"], options);
  running.push(test);
  const serve = (id: string) => {
    const endpoint = test.broker.deviceMqtt(deviceId(id));
    const messages: MqttMessage[] = [];
    const refused: Rejection[] = [];
    const connection: boolean[] = [];
    endpoint.serve(async (message) => void messages.push(message));
    endpoint.onRefused((rejection) => refused.push(rejection));
    endpoint.onConnection((connected) => connection.push(connected));
    return { endpoint, messages, refused, connection };
  };
  return { ...test, east: serve("east"), west: serve("west"), port: test.broker.port };
}

const as = (id: string, over: SignIn = {}): SignIn => ({
  username: id,
  password: `pw-${id}`,
  clientId: `client-${id}`,
  ...over,
});

async function signIn(port: number, who: SignIn): Promise<RawDevice> {
  const device = await RawDevice.signedIn(port, who);
  devices.push(device);
  return device;
}

/** The CONNACK return code of a sign-in; -1 where the connection was cut without one. */
async function returnCode(port: number, who: SignIn): Promise<number> {
  const device = new RawDevice(port);
  devices.push(device);
  device.send(connectPacket(who));
  await waitFor("an answer", () => device.closed || device.of("connack").length > 0);
  const [connack] = device.of("connack");
  return connack?.cmd === "connack" ? (connack.returnCode ?? -1) : -1;
}

describe("the broker's door", () => {
  it("refuses a wrong password, an unknown device and an anonymous one with CONNACK 4, and lists them", async () => {
    const { port, broker } = await start();
    expect(await returnCode(port, as("east", { password: "wrong" }))).toBe(4);
    expect(await returnCode(port, as("north"))).toBe(4);
    expect(await returnCode(port, { clientId: "anonymous" })).toBe(4);
    expect(broker.strangers().map(({ username, clientId, address }) => [username, clientId, address])).toEqual([
      ["", "anonymous", "127.0.0.1"],
      ["north", "client-north", "127.0.0.1"],
      ["east", "client-east", "127.0.0.1"],
    ]);
    expect(await returnCode(port, as("east"))).toBe(0);
  });

  it("answers MQTT 5 with CONNACK 1, unacceptable protocol version, and takes 3.1", async () => {
    const { port } = await start();
    expect(await returnCode(port, as("east", { protocolVersion: 5 }))).toBe(1);
    expect(await returnCode(port, as("east", { protocolVersion: 3, protocolId: "MQIsdp" }))).toBe(0);
  });

  it("refuses another device's client id and does not kick its owner; the owner itself may come again", async () => {
    const { port, west } = await start();
    const owner = await signIn(port, as("east", { clientId: "terminal" }));
    expect(await returnCode(port, as("west", { clientId: "terminal" }))).toBe(2);
    await owner.roundTrip();
    expect(owner.closed).toBe(false);
    expect(west.connection).toEqual([]);
    const again = await signIn(port, as("east", { clientId: "terminal" }));
    await owner.wasCut();
    await again.roundTrip();
  });

  it("lets a device in twice under two client ids, and cuts its oldest connection when it has too many", async () => {
    const { port, east } = await start({ limits: { connectionsPerDevice: 2 } });
    const first = await signIn(port, as("east", { clientId: "1" }));
    const second = await signIn(port, as("east", { clientId: "2" }));
    await first.roundTrip();
    const third = await signIn(port, as("east", { clientId: "3" }));
    await first.wasCut();
    await second.roundTrip();
    await third.roundTrip();
    second.end();
    third.end();
    await waitFor("the last to go", () => east.connection.at(-1) === false);
    expect(east.connection).toEqual([true, true, true, false]);
  });

  it("takes no more connections than it may, in all and from one address, and takes them again", async () => {
    const { port, telemetry } = await start({ limits: { connectionsPerAddress: 3 } });
    const held = await Promise.all(["1", "2", "3"].map((clientId) => signIn(port, as("east", { clientId }))));
    expect(await returnCode(port, as("west"))).toBe(-1);
    expect(telemetry.of("zhian_ingress_connections_refused_total address")).toBe(1);
    held[0]?.end();
    await waitFor("room", async () => (await returnCode(port, as("west"))) === 0);
  });

  it("lets a device wait that comes before its session is open, and refuses it with CONNACK 3 when none opens", async () => {
    const clock = new ManualClock();
    const test = await startTestBroker(["east", "west"], { clock });
    running.push(test);
    const early = new RawDevice(test.broker.port);
    const late = new RawDevice(test.broker.port);
    devices.push(early, late);
    early.send(connectPacket(as("east")), generate({ cmd: "pingreq" }));
    late.send(connectPacket(as("west")));
    const signedIn = () => test.telemetry.of("zhian_ingress_connections") === 2;
    await waitFor("both to be there", signedIn);
    await waitFor("both to wait", () => early.socket.bytesWritten > 0 && late.socket.bytesWritten > 0);
    test.broker.deviceMqtt(deviceId("east")).serve(() => Promise.resolve());
    await early.next("pingresp");
    expect(late.packets).toEqual([]);
    clock.advance(10_000);
    expect(await late.next("connack")).toMatchObject({ returnCode: 3 });
    await late.wasCut();
  });

  it("a device that is signed in is cut off within a moment when its password changes or it is removed; the other stays", async () => {
    const { port, broker } = await start();
    const east = await signIn(port, as("east"));
    const west = await signIn(port, as("west"));
    broker.admit(
      new Map([
        [deviceId("east"), grantsOf("east")],
        [deviceId("west"), { ...grantsOf("west"), password: "new" }],
      ]),
    );
    await west.wasCut();
    await east.roundTrip();
    expect(await returnCode(port, as("west"))).toBe(4);
    broker.admit(new Map());
    await east.wasCut();
    expect(await returnCode(port, as("east"))).toBe(4);
  });

  it("a device whose password changes while it waits for its session is not let in by the old one", async () => {
    const { broker } = await startTestBroker(["east", "west"]).then((test) => {
      running.push(test);
      return test;
    });
    const waiting = new RawDevice(broker.port);
    devices.push(waiting);
    waiting.send(connectPacket(as("east")));
    broker.deviceMqtt(deviceId("west")).serve(() => Promise.resolve());
    const other = await signIn(broker.port, as("west"));
    await other.roundTrip();
    const east = { ...grantsOf("east"), password: "new" };
    broker.admit(
      new Map([
        [deviceId("east"), east],
        [deviceId("west"), grantsOf("west")],
      ]),
    );
    broker.deviceMqtt(deviceId("east")).serve(() => Promise.resolve());
    expect(await waiting.next("connack")).toMatchObject({ returnCode: 3 });
    await other.roundTrip();
  });

  it("says which port is taken and which address it does not have", async () => {
    const { broker, admission, telemetry, logger } = await start();
    const clock = new ManualClock();
    const more = { admission, clock, telemetry, logger };
    const codeOf = (host: string, port: number) =>
      startBroker({ listen: { host, port }, ...more }).then(
        () => "listens",
        (error: unknown) => (isGatewayError(error) ? error.code : String(error)),
      );
    expect(await codeOf("127.0.0.1", broker.port)).toBe("PORT_IN_USE");
    expect(await codeOf("192.0.2.1", 0)).toBe("LISTEN_REFUSED");
  });

  it("acknowledges what it has read before it closes, and reports no device as gone by its own doing", async () => {
    const { broker, telemetry } = await startTestBroker(["east"]);
    const commit = Promise.withResolvers<void>();
    const endpoint = broker.deviceMqtt(deviceId("east"));
    const seen: MqttMessage[] = [];
    endpoint.serve((message) => {
      seen.push(message);
      return commit.promise;
    });
    const device = await signIn(
      broker.port,
      as("east", { will: { topic: "state/east", payload: Buffer.from("gone") } }),
    );
    device.publish("up/east", "x", 1, 1);
    await waitFor("the message", () => seen.length === 1);
    const closed = broker.close();
    commit.resolve();
    await closed;
    await device.wasCut();
    expect(device.acknowledged()).toEqual([1]);
    expect(seen).toHaveLength(1);
    expect(telemetry.of("zhian_ingress_wills_total")).toBe(0);
  });
});

describe("what a device may say and hear", () => {
  it("a message on a topic that is not its own is not delivered, not acknowledged, reported, and cuts it off", async () => {
    const { port, east, west } = await start();
    const device = await signIn(port, as("east"));
    device.publish("up/west", "forged", 1, 1);
    await device.wasCut();
    expect(device.acknowledged()).toEqual([]);
    expect(west.messages).toEqual([]);
    expect(east.messages).toEqual([]);
    expect(east.refused).toEqual([
      { reason: "forbidden-topic", detail: expect.any(String), source: "up/west", bytes: 6 },
    ]);
  });

  it.each([
    ["101 levels", `${"a/".repeat(100)}b`],
    ["21 levels", `${"a/".repeat(20)}b`],
    ["65,535 bytes", "x".repeat(65_535)],
    ["a NUL", "up/east\u0000"],
    ["a wildcard", "up/#"],
    ["the broker's own", "$SYS/x"],
    ["nothing", ""],
  ])("a topic of %s cuts the device off and does the broker no harm", async (_what, topic) => {
    const { port, east } = await start();
    const device = await signIn(port, as("east"));
    // By hand: the library that the test speaks with refuses to write some of these.
    const name = Buffer.from(topic);
    const length = 2 + name.length + 1;
    const varint: number[] = [];
    for (let rest = length; ; ) {
      varint.push(rest >= 128 ? (rest % 128) | 128 : rest);
      rest = Math.floor(rest / 128);
      if (rest === 0) break;
    }
    const size = Buffer.from([name.length >> 8, name.length & 255]);
    device.send(Buffer.concat([Buffer.from([0x30, ...varint]), size, name, Buffer.from("x")]));
    await device.wasCut();
    expect(east.messages).toEqual([]);
    await (await signIn(port, as("east"))).roundTrip();
  });

  it("a subscription that is not granted to the letter is refused with 0x80, a granted one beside it is not", async () => {
    const { port, telemetry } = await start();
    const device = await signIn(port, as("east"));
    const filters = ["down/east", "down/west", "#", "down/+", "$SYS/#", `${"a/".repeat(9)}#`];
    const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const }));
    device.send(generate({ cmd: "subscribe", messageId: 1, subscriptions }));
    expect(await device.next("suback")).toMatchObject({ granted: [1, 128, 128, 128, 128, 128] });
    expect(telemetry.of("zhian_ingress_subscriptions_refused_total")).toBe(5);
    await device.roundTrip();
  });

  it("a filter of over 100 levels cuts the device off and does the broker no harm", async () => {
    const { port } = await start();
    const device = await signIn(port, as("east"));
    device.send(
      generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: `${"a/".repeat(150)}#`, qos: 0 }] }),
    );
    await device.wasCut();
    await (await signIn(port, as("east"))).roundTrip();
  });

  it("nothing that a device publishes reaches another device or comes back to itself", async () => {
    const test = await startTestBroker([]);
    running.push(test);
    const shared = { publish: ["shared"], subscribe: ["shared"] };
    test.broker.admit(new Map(["east", "west"].map((id) => [deviceId(id), { ...grantsOf(id), ...shared }])));
    for (const id of ["east", "west"]) test.broker.deviceMqtt(deviceId(id)).serve(() => Promise.resolve());
    const [east, west] = [await signIn(test.broker.port, as("east")), await signIn(test.broker.port, as("west"))];
    for (const device of [east, west]) {
      device.send(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "shared", qos: 1 }] }));
      await device.next("suback");
    }
    west.send(
      generate({ cmd: "publish", topic: "shared", payload: "for all", qos: 1, messageId: 2, retain: true, dup: false }),
    );
    await west.next("puback");
    await east.roundTrip();
    await west.roundTrip();
    const late = await signIn(test.broker.port, as("east", { clientId: "late" }));
    late.send(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "shared", qos: 1 }] }));
    await late.next("suback");
    await late.roundTrip();
    expect([east, west, late].flatMap((device) => device.of("publish"))).toEqual([]);
  });

  it("what a session sends reaches its own device, where it has subscribed, and nobody else", async () => {
    const { port, east, telemetry } = await start();
    const clients = await Promise.all(
      ["east", "west"].map((id) =>
        mqtt.connectAsync({
          host: "127.0.0.1",
          port,
          protocol: "mqtt",
          username: id,
          password: `pw-${id}`,
          clientId: id,
          reconnectPeriod: 0,
        }),
      ),
    );
    const heard: string[] = [];
    for (const [i, client] of clients.entries()) {
      client.on("message", (topic, payload, { qos, retain }) =>
        heard.push(`${i} ${topic} ${payload} ${qos} ${retain}`),
      );
    }
    east.endpoint.publish("down/east", "too early");
    await clients[0]?.subscribeAsync("down/east", { qos: 1 });
    await clients[1]?.subscribeAsync("down/west", { qos: 1 });
    east.endpoint.publish("down/east", "ack");
    east.endpoint.publish("down/west", "not his");
    east.endpoint.publish("down/east", "command", 1);
    await waitFor("both messages", () => heard.length === 2);
    expect(heard).toEqual(["0 down/east ack 0 false", "0 down/east command 1 false"]);
    await clients[0]?.unsubscribeAsync("down/east");
    east.endpoint.publish("down/east", "too late");
    expect(telemetry.of("zhian_ingress_down_total lost")).toBe(3);
    for (const client of clients) await client.endAsync(true);
  });

  it("a lasting session keeps its subscriptions over a reconnect, and nothing that was sent meanwhile", async () => {
    const { port, east } = await start();
    const lasting = as("east", { clean: false });
    const first = await signIn(port, lasting);
    first.send(
      generate({
        cmd: "subscribe",
        messageId: 1,
        subscriptions: [
          { topic: "down/east", qos: 0 },
          { topic: "#", qos: 0 },
        ],
      }),
    );
    await first.next("suback");
    first.end();
    await waitFor("it to be gone", () => east.connection.at(-1) === false);
    east.endpoint.publish("down/east", "while away");
    const again = await signIn(port, lasting);
    expect(again.of("connack")[0]).toMatchObject({ sessionPresent: true });
    east.endpoint.publish("down/east", "now");
    await again.next("publish");
    expect(again.of("publish").map((packet) => (packet.cmd === "publish" ? packet.payload.toString() : ""))).toEqual([
      "now",
    ]);
  });

  it("a device that does not read loses what it is sent, and the gateway's memory does not grow", async () => {
    const { port, east, telemetry } = await start({ limits: { downBytes: 64 * 1024 } });
    const device = await signIn(port, as("east"));
    device.send(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "down/east", qos: 0 }] }));
    await device.next("suback");
    device.socket.pause();
    const payload = "x".repeat(64 * 1024);
    await waitFor("the first to be lost", async () => {
      for (let i = 0; i < 20; i++) east.endpoint.publish("down/east", payload);
      await new Promise<void>((resolve) => setImmediate(resolve));
      return telemetry.of("zhian_ingress_down_total lost") > 0;
    });
    expect(telemetry.of("zhian_ingress_down_total sent")).toBeLessThan(400);
  });
});

describe("a last will", () => {
  const will = { topic: "state/east", payload: Buffer.from("gone"), qos: 0 as const, retain: true };

  it("is refused with the CONNECT where the topic is not the device's own", async () => {
    const { port, west } = await start();
    expect(await returnCode(port, as("east", { will: { ...will, topic: "state/west" } }))).toBe(5);
    expect(west.messages).toEqual([]);
  });

  it("reaches the session, marked as such, before the loss of the connection, and after all that was sent before", async () => {
    const { port, east } = await start();
    const order: string[] = [];
    east.endpoint.serve(async ({ payload, will: isWill }) => void order.push(`${Buffer.from(payload)} ${isWill}`));
    east.endpoint.onConnection((connected) => order.push(String(connected)));
    const device = await signIn(port, as("east", { will }));
    device.publish("up/east", "last words", 1, 1);
    await device.next("puback");
    device.end();
    await waitFor("the end", () => order.length === 4);
    expect(order).toEqual(["true", "last words false", "gone true", "false"]);
  });

  it("is void after a DISCONNECT", async () => {
    const { port, east } = await start();
    const device = await signIn(port, as("east", { will }));
    device.send(generate({ cmd: "disconnect" }));
    await waitFor("the end", () => east.connection.at(-1) === false);
    expect(east.messages).toEqual([]);
  });

  it("is due when the device breaks the protocol, but not while it is there on another connection", async () => {
    const { port, east } = await start();
    const first = await signIn(port, as("east", { will }));
    const second = await signIn(port, as("east", { will, clientId: "second" }));
    first.send(Buffer.from([0xf0, 0x00]));
    await first.wasCut();
    await second.roundTrip();
    expect(east.messages).toEqual([]);
    second.send(Buffer.from([0xf0, 0x00]));
    await waitFor("the will", () => east.messages.length === 1);
    expect(east.messages[0]).toMatchObject({ topic: "state/east", will: true });
  });

  it("is not due when the device comes again under the same client id, before its old connection has ended", async () => {
    const { port, east } = await start();
    const first = await signIn(port, as("east", { will }));
    for (let round = 0; round < 10; round++) await signIn(port, as("east", { will }));
    await first.wasCut();
    expect(east.messages).toEqual([]);
    expect(east.connection.at(-1)).toBe(true);
    devices.at(-1)?.end();
    await waitFor("the will", () => east.messages.length === 1);
  });

  it("of mosquitto_sub that is killed reaches the session", async () => {
    const { port, east } = await start();
    const args = ["-h", "127.0.0.1", "-p", String(port), "-u", "east", "-P", "pw-east", "-t", "down/east"];
    const child = spawn("mosquitto_sub", [...args, "--will-topic", "state/east", "--will-payload", "gone"]);
    await waitFor("the sign-in", () => east.connection.at(-1) === true);
    child.kill("SIGKILL");
    await waitFor("the will", () => east.messages.length === 1);
    expect(Buffer.from(east.messages[0]?.payload ?? []).toString()).toBe("gone");
  });
});

describe("before its sign-in a connection", () => {
  it("is cut when no CONNECT comes in time", async () => {
    const clock = new ManualClock();
    const { port, telemetry } = await start({ clock });
    const silent = connectTcp(port, "127.0.0.1");
    silent.on("error", () => {});
    const closed = new Promise<void>((resolve) => silent.on("close", () => resolve()));
    silent.write(connectPacket(as("east")).subarray(0, 10));
    await waitFor("it to be there", () => telemetry.of("zhian_ingress_connections") === 1);
    clock.advance(10_000);
    await closed;
    expect(telemetry.of("zhian_ingress_protocol_faults_total connect-late")).toBe(1);
  });

  it("cannot speak anything but MQTT", async () => {
    const { port } = await start();
    for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.from([0x16, 3, 1, 2, 0])]) {
      const device = new RawDevice(port);
      device.send(bytes);
      await device.wasCut();
    }
  });

  it("nobody is admitted while no device is configured", async () => {
    const clock = new ManualClock();
    const test = await startTestBroker([], { clock });
    running.push(test);
    expect(test.admission).toBeInstanceOf(Admission);
    expect(await returnCode(test.broker.port, as("east"))).toBe(4);
  });
});
