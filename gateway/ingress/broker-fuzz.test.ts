import { connect } from "node:net";
import { generate } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { connectPacket, publishPacket, RawDevice } from "../../tests/support/ingress/raw-device.ts";
import { deviceId, startTestBroker } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";

const connections = 2000;
const atOnce = 25;

/** mulberry32: the same mutations in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function corpusOf(id: string, clientId: string): readonly Buffer[] {
  const who = { username: id, password: `pw-${id}`, clientId };
  const will = { topic: `state/${id}`, payload: Buffer.from("gone"), qos: 1 as const, retain: true };
  const filters = [`down/${id}`, "#"];
  return [
    connectPacket(who),
    connectPacket({ ...who, clean: false, will }),
    publishPacket(`up/${id}`, "zero", 0),
    publishPacket(`up/${id}`, "one", 1, 1),
    publishPacket(`up/${id}`, "two", 2, 2),
    publishPacket("up/west", "forged", 1, 3),
    generate({ cmd: "pubrel", messageId: 2 }),
    generate({ cmd: "pubrec", messageId: 9 }),
    generate({ cmd: "puback", messageId: 9 }),
    generate({ cmd: "subscribe", messageId: 4, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) }),
    generate({ cmd: "unsubscribe", messageId: 5, unsubscriptions: filters }),
    generate({ cmd: "pingreq" }),
    generate({ cmd: "disconnect" }),
  ];
}

/** Half of them stay as they are; of the others most keep their length, so that they get past the fixed header. */
function mutate(packet: Buffer, random: () => number): Buffer {
  const bytes = [...packet];
  if (random() < 0.5) return packet;
  if (random() < 0.6) {
    for (let i = 0; i < 3 && bytes.length > 2; i++) {
      bytes[2 + Math.floor(random() * (bytes.length - 2))] = Math.floor(random() * 256);
    }
    return Buffer.from(bytes);
  }
  const at = () => Math.floor(random() * bytes.length);
  const byte = () => Math.floor(random() * 256);
  for (let i = Math.floor(random() * 4); i > 0 && bytes.length > 0; i--) {
    const kind = Math.floor(random() * 5);
    if (kind === 0) bytes[at()] = byte();
    else if (kind === 1) bytes[at()] = (bytes[at()] ?? 0) ^ (1 << Math.floor(random() * 8));
    else if (kind === 2) bytes.splice(at(), 1);
    else if (kind === 3) bytes.splice(at(), 0, byte(), byte());
    else bytes.length = at();
  }
  return Buffer.from(bytes);
}

describe("a broker under mutated packets", () => {
  it(`takes ${connections} connections of them without an uncaught error, without a leak, and goes on`, async () => {
    const random = randomFrom(20261124);
    const clock = new ManualClock();
    const ids = Array.from({ length: atOnce }, (_, i) => `device-${i}`);
    const { broker, telemetry } = await startTestBroker([...ids, "west"], { clock, limits: { messageBurst: 1e9 } });
    const west = broker.deviceMqtt(deviceId("west"));
    const forWest: string[] = [];
    west.serve(async ({ payload }) => void forWest.push(Buffer.from(payload).toString()));
    const serve = () => {
      const fate = random();
      if (fate < 0.05) throw new Error("a session that throws");
      if (fate < 0.15) return Promise.reject(new Error("a full disk"));
      if (fate < 0.5) return new Promise<void>((resolve) => setImmediate(resolve));
      return Promise.resolve();
    };
    for (const id of ids) broker.deviceMqtt(deviceId(id)).serve(serve);
    const uncaught: unknown[] = [];
    const keep = (error: unknown) => uncaught.push(error);
    process.on("uncaughtExceptionMonitor", keep);

    const one = (id: string, round: number) =>
      new Promise<void>((resolve) => {
        const socket = connect({ port: broker.port, host: "127.0.0.1", noDelay: true });
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.resume();
        const corpus = corpusOf(id, `${id}-${round}`);
        const signIn = corpus[0] ?? Buffer.alloc(0);
        const parts = Array.from({ length: 1 + Math.floor(random() * 6) }, () => {
          const packet = corpus[2 + Math.floor(random() * (corpus.length - 2))] ?? signIn;
          return mutate(packet, random);
        });
        const first = random() < 0.7 ? signIn : mutate(corpus[random() < 0.5 ? 0 : 1] ?? signIn, random);
        const abrupt = random() < 0.1;
        const stream = random() < 0.5 ? [first, ...parts] : [Buffer.concat([first, ...parts])];
        const next = () => {
          const piece = stream.shift();
          if (piece === signIn) {
            socket.write(piece);
            socket.once("data", next);
          } else if (piece !== undefined) socket.write(piece, () => setImmediate(next));
          else if (abrupt) socket.destroy();
          else socket.end();
        };
        next();
      });
    for (let round = 0; round < connections / atOnce; round++) {
      await Promise.all(ids.map((id) => one(id, round)));
      // Mutated passwords make the broker back off; time passes, and it listens again.
      clock.advance(60_000);
    }

    await waitFor("all connections to be gone", () => telemetry.of("zhian_ingress_connections") === 0);
    expect(telemetry.of("zhian_ingress_messages_total")).toBeGreaterThan(400);
    expect(telemetry.of("zhian_ingress_cut_total not-stored")).toBeGreaterThan(20);
    for (const fault of ["too-big", "second-connect", "unexpected-packet", "protocol"]) {
      expect(telemetry.of(`zhian_ingress_protocol_faults_total ${fault}`)).toBeGreaterThan(20);
    }
    const device = await RawDevice.signedIn(broker.port, { username: "west", password: "pw-west", clientId: "w" });
    device.publish("up/west", "still here", 1, 1);
    await device.next("puback");
    device.end();
    await broker.close();
    process.off("uncaughtExceptionMonitor", keep);
    expect(forWest).toEqual(["still here"]);
    expect(uncaught).toEqual([]);
  });
});
