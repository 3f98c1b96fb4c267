import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { connectPacket, publishPacket } from "../../tests/support/ingress/raw-device.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { BodyBudget } from "./body-budget.ts";
import { GuardedConnection } from "./guarded-connection.ts";
import { defaultLimits } from "./limits.ts";

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A device's socket, and the guarded connection at the other end of it. */
async function pair({
  limits = defaultLimits,
  bodies = new BodyBudget(64 * 1024 * 1024),
  clock = new ManualClock(),
} = {}) {
  const server = createServer({ allowHalfOpen: true });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const device = connect({
    port: typeof address === "object" ? (address?.port ?? 0) : 0,
    host: "127.0.0.1",
    noDelay: true,
  });
  const [accepted]: [Socket] = (await once(server, "connection")) as never;
  sockets.push(device, accepted);
  device.on("error", () => {});
  const faults: string[] = [];
  const guarded = new GuardedConnection(accepted, { clock, limits, bodies, onFault: (fault) => faults.push(fault) });
  guarded.on("error", () => {});
  const received: Buffer[] = [];
  let ended = false;
  guarded.on("readable", () => {
    for (let chunk = guarded.read(); chunk !== null; chunk = guarded.read()) received.push(chunk);
  });
  guarded.on("end", () => {
    ended = true;
  });
  const bytes = () => Buffer.concat(received);
  const arrived = (count: number) => waitFor(`${count} bytes`, () => bytes().length >= count);
  return { device, guarded, clock, faults, bytes, arrived, accepted, ended: () => ended };
}

const connectBytes = connectPacket();
const message = publishPacket("a/b", "one", 1, 1);

describe("a guarded connection", () => {
  it("hands on the CONNECT alone, and the rest after the welcome, in order and complete", async () => {
    const { device, guarded, bytes, arrived } = await pair();
    const rest = Buffer.concat([message, publishPacket("a/b", "two", 1, 2)]);
    device.write(Buffer.concat([connectBytes, rest]));
    await arrived(connectBytes.length);
    expect(bytes()).toEqual(connectBytes);
    device.write(message);
    guarded.welcome();
    await arrived(connectBytes.length + rest.length + message.length);
    expect(bytes()).toEqual(Buffer.concat([connectBytes, rest, message]));
  });

  it("hands on what came before the device hung up, and then the end", async () => {
    const { device, guarded, bytes, arrived, ended } = await pair();
    device.end(Buffer.concat([connectBytes, message]));
    await arrived(connectBytes.length);
    expect(ended()).toBe(false);
    guarded.welcome();
    await waitFor("the end", ended);
    expect(bytes()).toEqual(Buffer.concat([connectBytes, message]));
  });

  it("takes a stream byte by byte", async () => {
    const { device, guarded, bytes, arrived } = await pair();
    const stream = Buffer.concat([connectBytes, message, publishPacket("a/b", "x".repeat(200), 0)]);
    guarded.once("readable", () => guarded.welcome());
    for (const byte of stream) {
      device.write(Buffer.of(byte));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    guarded.welcome();
    await arrived(stream.length);
    expect(bytes()).toEqual(stream);
  });

  it("stops reading while a gate is shut, so that TCP slows the sender down", async () => {
    const { device, guarded, accepted, bytes, arrived } = await pair();
    device.write(connectBytes);
    await arrived(connectBytes.length);
    guarded.shut("window");
    guarded.welcome();
    const flood = Buffer.concat(Array.from({ length: 64 }, () => publishPacket("a", Buffer.alloc(256 * 1024), 0)));
    device.write(flood);
    await waitFor("the kernel's buffers to be full", () => accepted.readableLength >= accepted.readableHighWaterMark);
    expect(bytes().length).toBe(connectBytes.length);
    expect(accepted.readableLength).toBeLessThan(256 * 1024);
    guarded.open("window");
    await arrived(connectBytes.length + flood.length);
    expect(bytes().length).toBe(connectBytes.length + flood.length);
  });

  it("waits as long as the meter says", async () => {
    const { device, guarded, clock, bytes, arrived } = await pair();
    device.write(connectBytes);
    await arrived(connectBytes.length);
    const charged: [number, number][] = [];
    guarded.meter = (packets, size) => {
      charged.push([packets, size]);
      return 1000;
    };
    guarded.welcome();
    device.write(message);
    await arrived(connectBytes.length + message.length);
    device.write(message);
    clock.advance(999);
    expect(bytes().length).toBe(connectBytes.length + message.length);
    clock.advance(1);
    await arrived(connectBytes.length + 2 * message.length);
    expect(charged).toEqual([
      [1, message.length],
      [1, message.length],
    ]);
  });

  it("cuts one that does not get its CONNECT out in time, however busily it dribbles", async () => {
    const { device, clock, faults, accepted } = await pair();
    device.write(connectBytes.subarray(0, 5));
    clock.advance(9_000);
    device.write(connectBytes.subarray(5, 8));
    clock.advance(1_000);
    expect(faults).toEqual(["connect-late"]);
    await waitFor("the socket to be closed", () => accepted.destroyed);
  });

  it("cuts one whose large packet does not come to its end", async () => {
    const { device, guarded, clock, faults, arrived } = await pair();
    device.write(connectBytes);
    await arrived(connectBytes.length);
    guarded.welcome();
    const large = publishPacket("a", Buffer.alloc(1024 * 1024), 0);
    device.write(large.subarray(0, 500_000));
    await arrived(connectBytes.length + 500_000);
    clock.advance(defaultLimits.packetWithinMs);
    expect(faults).toEqual(["packet-late"]);
  });

  it("lets a large packet wait unread until another one's room is free", async () => {
    const bodies = new BodyBudget(1024 * 1024);
    const [first, second] = [await pair({ bodies }), await pair({ bodies })];
    const large = publishPacket("a", Buffer.alloc(900_000), 0);
    for (const each of [first, second]) {
      each.guarded.once("readable", () => each.guarded.welcome());
      each.device.write(connectBytes);
      await each.arrived(connectBytes.length);
      each.guarded.welcome();
    }
    first.device.write(large.subarray(0, 800_000));
    await first.arrived(connectBytes.length + 800_000);
    second.device.write(large);
    await waitFor(
      "the second to fill its socket",
      () => second.accepted.readableLength >= second.accepted.readableHighWaterMark,
    );
    expect(second.bytes().length).toBeLessThan(200_000);
    first.device.write(large.subarray(800_000));
    await second.arrived(connectBytes.length + large.length);
    expect(first.bytes().length).toBe(connectBytes.length + large.length);
  });

  it("gives its room back when it is cut", async () => {
    const bodies = new BodyBudget(1024 * 1024);
    const { device, guarded, arrived } = await pair({ bodies });
    device.write(connectBytes);
    await arrived(connectBytes.length);
    guarded.welcome();
    device.write(publishPacket("a", Buffer.alloc(1024 * 1024), 0).subarray(0, 100_000));
    await arrived(connectBytes.length + 100_000);
    let granted = false;
    bodies.acquire(1000, () => {
      granted = true;
    });
    expect(granted).toBe(false);
    device.destroy();
    await waitFor("the room", () => granted);
  });
});
