import { createServer } from "node:net";
import type { IConnectPacket, IPublishPacket } from "mqtt-packet";
import { afterEach, describe, expect, test } from "vitest";
import { freePort } from "../../tests/support/free-port.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { type Connection, type Script, ScriptedBroker } from "../../tests/support/uplink/scripted-broker.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { openWire } from "./wire.ts";
import type { Incoming, Outcome, Wire, WireOptions } from "./wire-types.ts";

const opened: { broker?: ScriptedBroker; wire?: Wire }[] = [];
afterEach(async () => {
  for (const { wire } of opened) wire?.destroy("the test is over");
  for (const { broker } of opened.splice(0)) await broker?.stop();
});

async function broker(script: Script = {}): Promise<ScriptedBroker> {
  const started = await ScriptedBroker.start(script);
  opened.push({ broker: started });
  return started;
}

const clock = new ManualClock();

function optionsFor(url: string, more: Partial<WireOptions> = {}): WireOptions {
  return {
    url,
    version: 5,
    clientId: "gw-01",
    username: "gw-01",
    password: "geheim",
    will: { topic: "root/gateway", payload: "gone" },
    contentType: "application/cloudevents+json; charset=utf-8",
    keepAliveSeconds: 60,
    connectTimeoutMs: 10_000,
    ackTimeoutMs: 15_000,
    clock,
    ...more,
  };
}

async function connected(
  url: string,
  more: Partial<WireOptions> = {},
  hear: (message: Incoming) => void = () => {},
): Promise<Wire> {
  const result = await openWire(optionsFor(url, more), hear);
  if (!result.ok) throw new Error(result.failure.detail);
  opened.push({ wire: result.wire });
  return result.wire;
}

/** The failure of an attempt during which log time passes. */
async function failureOf(url: string, more: Partial<WireOptions> = {}, advanceWhen?: () => boolean) {
  const attempt = openWire(optionsFor(url, more), () => {});
  if (advanceWhen !== undefined) {
    await waitFor("the moment to let time pass", advanceWhen);
    clock.advance(10_000);
  }
  const result = await attempt;
  if (result.ok) throw new Error("connected");
  return result.failure;
}

describe("a connection attempt", () => {
  test("starts clean, with the will retained at QoS 1, and without a session", async () => {
    const city = await broker();
    const wire = await connected(city.url);
    const connect = city.newest?.connect;
    expect(connect).toMatchObject({ protocolVersion: 5, clean: true, clientId: "gw-01", username: "gw-01" });
    expect(connect?.will).toMatchObject({ topic: "root/gateway", qos: 1, retain: true });
    expect(connect?.will?.payload.toString()).toBe("gone");
    expect(connect?.properties?.sessionExpiryInterval).toBeUndefined();
    expect([wire.version, wire.receiveMaximum, wire.maximumPacketSize]).toEqual([5, 65_535, undefined]);
  });

  test("learns what the broker takes", async () => {
    const properties = { receiveMaximum: 3, maximumPacketSize: 2_000, retainAvailable: false };
    const city = await broker({
      connack: () => ({ cmd: "connack", sessionPresent: false, reasonCode: 0, properties }),
    });
    const wire = await connected(city.url);
    expect([wire.receiveMaximum, wire.maximumPacketSize, wire.retainAvailable]).toEqual([3, 2_000, false]);
    await wire.publish("t", "x", { retain: true });
    expect(city.published[0]?.retain).toBe(false);
  });

  test("speaks MQTT 3.1.1 when told to, without properties", async () => {
    const city = await broker();
    const wire = await connected(city.url, { version: 4 });
    await wire.publish("t", "x", { contentType: "a/b" });
    expect(city.newest?.version).toBe(4);
    expect([wire.version, city.published[0]?.properties]).toEqual([4, undefined]);
  });

  test("that is refused fails with the reason, and closes the socket that the broker leaves open", async () => {
    const city = await broker({ connack: () => ({ cmd: "connack", sessionPresent: false, reasonCode: 0x86 }) });
    expect(await failureOf(city.url)).toEqual({
      kind: "refused",
      code: 0x86,
      detail: "0x86 bad user name or password",
    });
    await waitFor("the socket to be closed", () => city.open === 0);
  });

  test("of MQTT 5 at a broker of 3.1.1 is a refusal of the version", async () => {
    const city = await broker({ speaks: [4] });
    expect(await failureOf(city.url)).toMatchObject({ kind: "refused", code: 1 });
  });

  test("that is closed before an answer, or never answered, reached the broker and got no answer", async () => {
    const rude = await broker({ connack: (_, { socket }) => void socket.destroy() });
    expect(await failureOf(rude.url)).toMatchObject({ kind: "no-answer" });
    const mute = await broker({ connack: () => undefined });
    expect(await failureOf(mute.url, {}, () => mute.connections.length === 1)).toEqual({
      kind: "no-answer",
      detail: "no CONNACK within 10000 ms",
    });
    await waitFor("the socket to be closed", () => mute.open === 0);
  });

  test("to a port on which nobody listens, or a name that does not exist, is unreachable", async () => {
    expect(await failureOf(`mqtt://127.0.0.1:${await freePort()}`)).toMatchObject({ kind: "unreachable" });
    expect(await failureOf("mqtt://no-such-host.invalid")).toMatchObject({ kind: "unreachable" });
    expect(await failureOf("not a url at all")).toMatchObject({ kind: "unreachable" });
  });

  test("to a broker that only takes QoS 0 is refused by us: nothing would be confirmed", async () => {
    const properties = { maximumQoS: 0 };
    const city = await broker({
      connack: () => ({ cmd: "connack", sessionPresent: false, reasonCode: 0, properties }),
    });
    expect(await failureOf(city.url)).toMatchObject({ kind: "refused", code: 155 });
  });

  test("can be given up", async () => {
    const mute = await broker({ connack: () => undefined });
    const abort = new AbortController();
    const attempt = openWire(optionsFor(mute.url, { signal: abort.signal }), () => {});
    await waitFor("the attempt", () => mute.connections.length === 1);
    abort.abort();
    expect((await attempt).ok).toBe(false);
    await waitFor("the socket to be closed", () => mute.open === 0);
  });

  test("over TLS to something that is no TLS sends no word of MQTT", async () => {
    const heard: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on("data", (bytes) => heard.push(bytes));
      socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
      socket.on("error", () => {});
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    expect(await failureOf(`mqtts://127.0.0.1:${port}`)).toMatchObject({ kind: "unreachable" });
    expect(Buffer.concat(heard).includes("geheim")).toBe(false);
    server.close();
  });
});

describe("a publish", () => {
  test("is accepted when it is acknowledged, heard or not", async () => {
    const city = await broker({
      publish: (packet, connection) => connection.acknowledge(packet, packet.topic === "lonely" ? 0x10 : 0),
    });
    const wire = await connected(city.url);
    expect(await wire.publish("t", "x", { contentType: "a/b" })).toEqual({ kind: "accepted", heard: true });
    expect(await wire.publish("lonely", "x")).toEqual({ kind: "accepted", heard: false });
    expect(await wire.publish("t", "x")).toEqual({ kind: "accepted", heard: true });
    expect(city.published[0]).toMatchObject({ topic: "t", qos: 1, dup: false, properties: { contentType: "a/b" } });
  });

  test.each([0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])("is refused with the broker's reason (%i)", async (code) => {
    const city = await broker({ publish: (packet, connection) => connection.acknowledge(packet, code) });
    const wire = await connected(city.url);
    expect(await wire.publish("t", "x")).toEqual({ kind: "refused", code });
  });

  test("is lost, and the wire with it, when the reason is none that a PUBACK may have (0x95)", async () => {
    const city = await broker({ publish: (packet, connection) => connection.acknowledge(packet, 0x95) });
    const wire = await connected(city.url);
    expect(await wire.publish("t", "x")).toEqual({ kind: "lost" });
    expect(await wire.ended).toMatchObject({ kind: "closed" });
  });

  test("gets its own acknowledgement, in whatever order they come", async () => {
    const held: IPublishPacket[] = [];
    const city = await broker({ publish: (packet) => void held.push(packet) });
    const wire = await connected(city.url);
    const outcomes = ["a", "b", "c", "d"].map((name) => wire.publish(name, "x"));
    await waitFor("four messages", () => held.length === 4);
    const codes: Record<string, number> = { a: 0, b: 0x97, c: 0, d: 0x99 };
    for (const packet of held.toReversed()) city.newest?.acknowledge(packet, codes[packet.topic]);
    expect((await Promise.all(outcomes)).map((o) => (o.kind === "refused" ? o.code : 0))).toEqual([0, 0x97, 0, 0x99]);
  });

  test("that is never acknowledged ends the wire after the time-out, and all that is under way is lost", async () => {
    const city = await broker({ publish: () => {} });
    const wire = await connected(city.url);
    const outcomes = [wire.publish("a", "x"), wire.publish("b", "x")];
    await waitFor("both", () => city.published.length === 2);
    clock.advance(14_000);
    expect(await settledNow(outcomes)).toBe(0);
    clock.advance(2_000);
    expect(await Promise.all(outcomes)).toEqual([{ kind: "lost" }, { kind: "lost" }]);
    expect(await wire.ended).toMatchObject({ kind: "silent", what: "publish" });
    await waitFor("the socket to be closed", () => city.open === 0);
    expect(await wire.publish("c", "x")).toEqual({ kind: "lost" });
  });

  test("whose acknowledgement comes late, but in time, is accepted", async () => {
    const held: IPublishPacket[] = [];
    const city = await broker({ publish: (packet) => void held.push(packet) });
    const wire = await connected(city.url);
    const outcome = wire.publish("a", "x");
    await waitFor("the message", () => held.length === 1);
    clock.advance(14_500);
    for (const packet of held) city.newest?.acknowledge(packet);
    expect(await outcome).toEqual({ kind: "accepted", heard: true });
  });

  test("is lost when the broker dies between PUBLISH and PUBACK", async () => {
    const city = await broker({ publish: (_, { socket }) => void socket.resetAndDestroy() });
    const wire = await connected(city.url);
    expect(await wire.publish("a", "x")).toEqual({ kind: "lost" });
    expect(await wire.ended).toMatchObject({ kind: "closed" });
  });

  test("is lost when the broker says goodbye, and the reason is known", async () => {
    const say = (_: IPublishPacket, connection: Connection): void =>
      connection.send({ cmd: "disconnect", reasonCode: 0x8e });
    const city = await broker({ publish: say });
    const wire = await connected(city.url);
    expect(await wire.publish("a", "x")).toEqual({ kind: "lost" });
    expect(await wire.ended).toMatchObject({ kind: "disconnected", code: 0x8e });
  });
});

describe("a wire", () => {
  test("to which nobody answers any more ends within one and a half times the keep-alive", async () => {
    const city = await broker({ answersPings: false });
    const wire = await connected(city.url, { keepAliveSeconds: 1 });
    const from = performance.now();
    expect(await wire.ended).toMatchObject({ kind: "silent", what: "ping" });
    expect(performance.now() - from).toBeLessThan(2_500);
  });

  test("hears what it subscribed to, with response topic and correlation data, and no retained ones", async () => {
    const city = await broker();
    const heard: Incoming[] = [];
    const wire = await connected(city.url, {}, (message) => heard.push(message));
    expect(await wire.subscribe("commands/+", false)).toEqual({ kind: "accepted", heard: true });
    const properties = { responseTopic: "city/7", correlationData: Buffer.from([0, 255]) };
    city.newest?.send({
      cmd: "publish",
      topic: "commands/ping",
      payload: "{}",
      qos: 0,
      dup: false,
      retain: false,
      properties,
    });
    const [message] = await waitFor("the message", () => (heard.length > 0 ? heard : undefined));
    expect(message).toMatchObject({ topic: "commands/ping", retained: false, responseTopic: "city/7" });
    expect([...(message?.correlationData ?? [])]).toEqual([0, 255]);
  });

  test("that is closed says so, and the broker discards the will", async () => {
    const city = await broker();
    const wire = await connected(city.url);
    const closing = wire.close(1_000);
    await closing;
    expect(await wire.ended).toMatchObject({ kind: "ended" });
  });

  test("that is closed while nothing is acknowledged is cut off hard in time", async () => {
    const city = await broker({ publish: () => {} });
    const wire = await connected(city.url);
    const outcome: Promise<Outcome> = wire.publish("a", "x");
    await waitFor("the message", () => city.published.length === 1);
    const closing = wire.close(1_000);
    clock.advance(1_000);
    await closing;
    expect(await outcome).toEqual({ kind: "lost" });
    await waitFor("the socket to be closed", () => city.open === 0);
  });

  test("survives a broker that breaks the protocol", async () => {
    const noise = Buffer.from([0xf0, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]);
    const city = await broker({ publish: (_, { socket }) => void socket.write(noise) });
    const wire = await connected(city.url);
    expect(await wire.publish("a", "x")).toEqual({ kind: "lost" });
    const again = await broker({ connack: (_: IConnectPacket) => noise });
    expect((await openWire(optionsFor(again.url), () => {})).ok).toBe(false);
  });
});

/** How many promises are settled without any wait. */
async function settledNow(promises: readonly Promise<unknown>[]): Promise<number> {
  let settled = 0;
  for (const promise of promises) void promise.then(() => (settled += 1));
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}
