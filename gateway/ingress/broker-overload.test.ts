import { once } from "node:events";
import { createServer } from "node:net";
import { Aedes } from "aedes";
import { afterEach, describe, expect, it } from "vitest";
import { connectPacket, publishPacket, RawDevice } from "../../tests/support/ingress/raw-device.ts";
import { deviceId, startTestBroker, type TestBroker } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";

const MiB = 1024 * 1024;
const running: TestBroker[] = [];
const devices: RawDevice[] = [];
afterEach(async () => {
  for (const device of devices.splice(0)) device.end();
  for (const { broker } of running.splice(0)) await broker.close();
});

async function start(options: Parameters<typeof startTestBroker>[1] = {}) {
  const test = await startTestBroker(["east", "west"], options);
  running.push(test);
  const signIn = async (id: string) => {
    const device = await RawDevice.signedIn(test.broker.port, { username: id, password: `pw-${id}`, clientId: id });
    devices.push(device);
    return device;
  };
  const [east, west] = ["east", "west"].map((id) => test.broker.deviceMqtt(deviceId(id)));
  if (east === undefined || west === undefined) throw new Error("no endpoint");
  return { ...test, east, west, signIn };
}

/** Announces a packet of 150 MiB and sends as much of it as it gets rid of; answers with how much the broker took. */
async function announce150MiB(device: RawDevice): Promise<number> {
  device.send(Buffer.from([0x32, 0x80, 0x80, 0x80, 0x4b]));
  const piece = Buffer.alloc(MiB);
  for (let sent = 0; sent < 150 && !device.closed; sent++) {
    if (device.socket.write(piece)) continue;
    await new Promise<void>((resolve) => {
      device.socket.once("drain", resolve).once("close", resolve);
    });
  }
  return device.socket.bytesWritten - device.socket.writableLength;
}

describe("a packet that is too big", () => {
  it("is cut off at its header, before the gateway holds any of it", async () => {
    const { east, signIn, telemetry } = await start();
    east.serve(() => Promise.resolve());
    const device = await signIn("east");
    const before = process.memoryUsage().rss;
    const taken = await announce150MiB(device);
    await device.wasCut();
    expect(taken).toBeLessThan(16 * MiB);
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * MiB);
    expect(telemetry.of("zhian_ingress_protocol_faults_total too-big")).toBe(1);
    await (await signIn("east")).roundTrip();
  });

  it("control: aedes without the guard takes all of it", async () => {
    const aedes = await Aedes.createBroker();
    const server = createServer(aedes.handle);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const device = await RawDevice.signedIn(typeof address === "object" ? (address?.port ?? 0) : 0, {});
    device.publish("big", Buffer.alloc(6 * MiB), 1, 3);
    await device.next("puback");
    device.end();
    server.close();
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
  });

  it("of just the limit is taken, with pictures and all", async () => {
    const { east, signIn } = await start();
    const sizes: number[] = [];
    east.serve(async ({ payload }) => void sizes.push(payload.length));
    const device = await signIn("east");
    const payload = Buffer.alloc(4 * MiB - 2 - "up/east".length - 2, 0x61);
    device.publish("up/east", payload, 1, 3);
    await device.next("puback");
    expect(sizes).toEqual([payload.length]);
  });
});

describe("a stream in small pieces", () => {
  it("is understood byte by byte, from the CONNECT on", async () => {
    const { broker, east } = await start();
    const seen: string[] = [];
    east.serve(async ({ payload }) => void seen.push(Buffer.from(payload).toString()));
    const device = new RawDevice(broker.port);
    devices.push(device);
    const stream = Buffer.concat([
      connectPacket({ username: "east", password: "pw-east", clientId: "east" }),
      publishPacket("up/east", "x".repeat(200), 1, 1),
      publishPacket("up/east", "second", 1, 2),
    ]);
    for (const byte of stream) {
      device.send(Buffer.of(byte));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await device.next("puback", 2);
    expect(seen).toEqual(["x".repeat(200), "second"]);
  });

  it("hundreds of small packets in one segment are all taken", async () => {
    const { east, signIn } = await start();
    let seen = 0;
    east.serve(async () => {
      seen += 1;
    });
    const device = await signIn("east");
    device.send(...Array.from({ length: 1000 }, (_, i) => publishPacket("up/east", `${i}`, 1, i + 1)));
    await device.next("puback", 1000);
    expect(seen).toBe(1000);
    expect(device.acknowledged()).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
  });
});

describe("a device that floods", () => {
  it("is slowed down to its share, loses nothing, is reported once, and costs the others nothing", async () => {
    const clock = new ManualClock();
    const limits = { messagesPerSecond: 100, messageBurst: 100, floodQuietMs: 30_000 };
    const { east, west, signIn, telemetry } = await start({ clock, limits });
    const edges: boolean[] = [];
    let seen = 0;
    east.serve(async () => {
      seen += 1;
    });
    east.onFlooding((active) => edges.push(active));
    west.serve(() => Promise.resolve());
    const [flooder, other] = [await signIn("east"), await signIn("west")];
    const payload = Buffer.alloc(4000);
    flooder.send(...Array.from({ length: 2000 }, (_, i) => publishPacket("up/east", payload, 1, i + 1)));
    await waitFor("it to be slowed down", () => edges.length === 2);
    for (let id = 1; id <= 50; id++) {
      other.publish("up/west", "x", 1, id);
      await other.next("puback", id);
    }
    const burst = seen;
    expect(burst).toBeLessThan(200);
    expect(edges).toEqual([false, true]);
    for (let second = 0; second < 10; second++) {
      clock.advance(1000);
      for (let i = 0; i < 5; i++) await other.roundTrip();
    }
    expect(seen - burst).toBeLessThan(1200);
    expect(seen - burst).toBeGreaterThan(100);
    await waitFor("the rest", () => {
      clock.advance(1000);
      return flooder.acknowledged().length === 2000;
    });
    expect(seen).toBe(2000);
    expect(telemetry.of("zhian_ingress_floods_total")).toBe(1);
    clock.advance(30_000);
    expect(edges).toEqual([false, true, false]);
  });

  it("shares its rate among all its connections", async () => {
    const clock = new ManualClock();
    const { broker, east } = await start({ clock, limits: { messagesPerSecond: 10, messageBurst: 10 } });
    let seen = 0;
    east.serve(async () => {
      seen += 1;
    });
    const pair = await Promise.all(
      ["1", "2"].map((clientId) =>
        RawDevice.signedIn(broker.port, { username: "east", password: "pw-east", clientId }),
      ),
    );
    devices.push(...pair);
    const payload = Buffer.alloc(20_000);
    for (const device of pair)
      device.send(...Array.from({ length: 50 }, (_, i) => publishPacket("up/east", payload, 1, i + 1)));
    await waitFor("the burst", () => seen >= 10);
    for (const device of pair) await waitFor("what was read", () => device.acknowledged().length > 0);
    expect(seen).toBeLessThan(40);
    await waitFor("the rest", () => {
      clock.advance(1000);
      return seen === 100;
    });
  });

  it("does not fill the memory while the log is slow: what is not stored is not read", async () => {
    const { east, west, signIn } = await start({ limits: { windowMessages: 50, windowBytes: MiB, messageBurst: 1e6 } });
    const held: (() => void)[] = [];
    east.serve(() => new Promise((resolve) => held.push(resolve)));
    west.serve(() => Promise.resolve());
    const [slow, other] = [await signIn("east"), await signIn("west")];
    const payload = Buffer.alloc(100_000);
    for (let id = 1; id <= 200; id++) slow.publish("up/east", payload, 1, id);
    await waitFor("the window to be full", () => held.length >= 10);
    for (let i = 0; i < 5; i++) await other.roundTrip();
    expect(held.length).toBeLessThan(20);
    await waitFor("all of it", () => {
      for (const resolve of held) resolve();
      return slow.acknowledged().length === 200;
    });
    expect(slow.acknowledged()).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });
});
