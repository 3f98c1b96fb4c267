import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { askOnce, basic, HttpDevice, headersOf, requestBytes } from "../../tests/support/ingress/http-device.ts";
import { deviceId } from "../../tests/support/ingress/test-broker.ts";
import { startTestIngest, type TestIngest } from "../../tests/support/ingress/test-ingest.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import type { HttpPush, Rejection } from "../ports/driver.ts";
import type { IngestLimits } from "./ingest-limits.ts";

const running: TestIngest[] = [];
const wires: HttpDevice[] = [];
afterEach(async () => {
  for (const wire of wires.splice(0)) wire.end();
  for (const { ingest } of running.splice(0)) await ingest.close();
});

const cam = basic("cam", "pw-cam");
const path = "/ingest/cam";
const MiB = 1024 * 1024;

async function start(limits: Partial<IngestLimits> = {}, clock = new ManualClock(), most?: number) {
  const test = await startTestIngest(
    { cam: most === undefined ? {} : { maxBodyBytes: most }, gate: {} },
    { clock, limits },
  );
  running.push(test);
  const pushes: HttpPush[] = [];
  const rejections: Rejection[] = [];
  const floods: boolean[] = [];
  const endpoint = test.ingest.deviceHttp(deviceId("cam"));
  endpoint.serve(async (push) => {
    pushes.push(push);
    return { status: 200 };
  });
  endpoint.onRefused((rejection) => rejections.push(rejection));
  endpoint.onFlooding((active) => floods.push(active));
  test.ingest.deviceHttp(deviceId("gate")).serve(async () => ({ status: 200 }));
  const connect = (from?: string) => {
    const wire = new HttpDevice(test.port, from);
    wires.push(wire);
    return wire;
  };
  const others = () => askOnce(test.port, { path: "/ingest/gate", headers: basic("gate", "pw-gate") });
  return { ...test, clock, pushes, rejections, floods, connect, others };
}

/** Sends a head that promises a body, then `chunk` as often as it is taken, until it is answered or cut. */
async function pour(wire: HttpDevice, head: Readonly<Record<string, string>>, chunk: Buffer, most: number) {
  const lines = Object.entries({ host: "g", ...cam, ...head }).map(([name, value]) => `${name}: ${value}\r\n`);
  wire.send(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  let sent = 0;
  while (sent < most && wire.answers.length === 0 && !wire.closed) {
    sent += chunk.length;
    if (!wire.socket.write(chunk))
      await new Promise((resolve) => {
        wire.socket.once("drain", resolve);
        wire.socket.once("close", resolve);
      });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sent;
}

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");
/** What is held, without what V8 has not collected yet: sender and receiver are one process. */
async function liveBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    if (typeof collect === "function") collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().arrayBuffers;
}

describe("a body", () => {
  it("of 150 MiB is refused by its length, before any of it is taken", async () => {
    const { connect, clock, pushes, rejections, others } = await start();
    const wire = connect();
    const before = process.memoryUsage().rss;
    const sent = await pour(wire, { "content-length": String(150 * MiB) }, Buffer.alloc(64 * 1024), 150 * MiB);
    expect((await wire.answer(1)).status).toBe(413);
    clock.advance(2000);
    await wire.wasCut();
    expect(sent).toBeLessThan(8 * MiB);
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * MiB);
    expect(rejections).toMatchObject([{ reason: "too-big", bytes: 150 * MiB }]);
    expect(pushes).toEqual([]);
    expect((await others()).status).toBe(200);
  });

  it("in chunks without an end is refused when it is more than may be kept", async () => {
    const { connect, clock, rejections } = await start();
    const wire = connect();
    const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536, 0x20), Buffer.from("\r\n")]);
    const sent = await pour(wire, { "transfer-encoding": "chunked" }, chunk, 150 * MiB);
    expect((await wire.answer(1)).status).toBe(413);
    clock.advance(2000);
    await wire.wasCut();
    expect(sent).toBeLessThan(24 * MiB);
    expect(rejections).toMatchObject([{ reason: "too-big" }]);
  });

  it("with a film of 100 MiB beside its JSON is taken without the film", { timeout: 30_000 }, async () => {
    const { connect, pushes, telemetry } = await start();
    const wire = connect();
    const head =
      '--b\r\nContent-Disposition: form-data; name="event"\r\nContent-Type: application/json\r\n\r\n{"a":1}\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n';
    const tail = "\r\n--b--\r\n";
    const film = 100 * MiB;
    const before = await liveBytes();
    const length = String(head.length + film + tail.length);
    wire.send(
      `POST ${path} HTTP/1.1\r\nhost: g\r\nauthorization: ${cam["authorization"]}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${length}\r\n\r\n${head}`,
    );
    const piece = Buffer.alloc(MiB, 0x2d);
    let peak = 0;
    for (let sent = 0; sent < film; sent += MiB) {
      if (!wire.socket.write(piece)) await new Promise((resolve) => wire.socket.once("drain", resolve));
      if (sent % (25 * MiB) === 0) peak = Math.max(peak, await liveBytes());
    }
    peak = Math.max(peak, await liveBytes());
    wire.send(tail);
    expect((await wire.answer(1)).status).toBe(200);
    expect(pushes[0]?.parts).toMatchObject([
      { name: "event", contentType: "application/json", dropped: false, bytes: 7 },
      { name: "file", filename: "a.mp4", contentType: "video/mp4", dropped: true, bytes: film },
    ]);
    expect(pushes[0]?.parts[1]?.body).toHaveLength(0);
    expect(Buffer.from(pushes[0]?.parts[0]?.body ?? []).toString()).toBe('{"a":1}');
    expect(peak - before).toBeLessThan(16 * MiB);
    expect(telemetry.of("zhian_ingest_dropped_bytes_total cam")).toBe(film);
  });

  it("is cut off when it does not come in time, and counted as the device's", async () => {
    const { connect, clock, rejections, telemetry, others } = await start();
    const wire = connect();
    wire.send(requestBytes({ path, headers: { ...cam, "content-length": "100" }, body: "{" }));
    await waitFor("the signed-in request", () => telemetry.of("zhian_ingest_connections") === 1);
    await others();
    for (let i = 0; i < 59; i++) {
      wire.send(" ");
      clock.advance(1000);
    }
    expect(wire.closed).toBe(false);
    await waitFor("the deadline", () => {
      clock.advance(1000);
      return wire.closed;
    });
    await waitFor("its rejection", () => rejections.length === 1);
    expect(rejections).toMatchObject([{ reason: "incomplete" }]);
    expect(telemetry.of("zhian_ingest_protocol_faults_total body-late")).toBe(1);
  });

  it.each([
    ["packed", { "content-encoding": "gzip" }, "x", 415],
    ["multipart without a boundary", { "content-type": "multipart/form-data" }, "x", 400],
    ["multipart without a part", { "content-type": "multipart/form-data; boundary=b" }, "nothing", 400],
    [
      "of a hundred parts",
      { "content-type": "multipart/mixed; boundary=b" },
      `${"--b\r\n\r\nx\r\n".repeat(100)}--b--`,
      413,
    ],
    [
      "with an endless head of a part",
      { "content-type": "multipart/mixed; boundary=b" },
      `--b\r\n${"x".repeat(9000)}`,
      400,
    ],
  ])("%s is refused, and counted as the device's", async (_what, headers, body, status) => {
    const { connect, pushes, rejections } = await start();
    expect((await connect().ask({ path, headers: { ...cam, ...headers }, body })).status).toBe(status);
    expect(rejections).toHaveLength(1);
    expect(pushes).toEqual([]);
  });

  it("waits unread for its room while those of others are under way; small ones do not", async () => {
    const { connect, pushes, others } = await start({ bodiesBytes: 2 * MiB, bytesPerDevice: 64 * MiB });
    const half = { ...cam, "content-length": String(2 * MiB) };
    const [a, b] = [connect(), connect()];
    a.send(requestBytes({ path, headers: half, body: Buffer.alloc(MiB) }));
    await others();
    b.send(requestBytes({ path, headers: cam, body: Buffer.alloc(2 * MiB) }));
    await others();
    expect((await connect().ask({ path, headers: cam, body: "small" })).status).toBe(200);
    expect(b.answers).toEqual([]);
    a.send(Buffer.alloc(MiB));
    expect([(await a.answer(1)).status, (await b.answer(1)).status]).toEqual([200, 200]);
    expect(pushes.map(({ body }) => body.length)).toEqual([5, 2 * MiB, 2 * MiB]);
  });

  it("gives its room back when its device is gone before it came", async () => {
    const { connect, others, rejections } = await start({ bodiesBytes: MiB, bytesPerDevice: 64 * MiB });
    const wires = [connect(), connect(), connect()];
    for (const wire of wires) {
      wire.send(requestBytes({ path, headers: { ...cam, "content-length": String(MiB) }, body: "x" }));
      await others();
    }
    for (const wire of wires) wire.end();
    expect((await connect().ask({ path, headers: cam, body: Buffer.alloc(MiB) })).status).toBe(200);
    expect(rejections.map(({ reason }) => reason)).toEqual(["incomplete", "incomplete", "incomplete"]);
  });
});

describe("a head", () => {
  it("that comes byte by byte is cut off after ten seconds, and costs the others nothing", async () => {
    const { connect, clock, telemetry, others } = await start();
    const slow = Array.from({ length: 50 }, () => connect());
    for (const wire of slow) wire.send("POST /ingest/cam HTTP/1.1\r\nX: ");
    await waitFor("the connections", () => telemetry.of("zhian_ingest_connections") === 50);
    for (let i = 0; i < 9; i++) {
      for (const wire of slow) wire.send("x");
      clock.advance(1000);
    }
    expect((await others()).status).toBe(200);
    clock.advance(1000);
    for (const wire of slow) await wire.wasCut();
    expect(telemetry.of("zhian_ingest_protocol_faults_total headers-late")).toBe(50);
  });

  it.each([
    ["larger than 16 KiB", `POST ${path} HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["with two lengths", `POST ${path} HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx`, 400],
    [
      "with a length and chunks",
      `POST ${path} HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ["with a length that is none", `POST ${path} HTTP/1.1\r\nContent-Length: -1\r\n\r\n`, 400],
    ["of another protocol", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["with a method of its own", "BREW /ingest/cam HTTP/1.1\r\n\r\n", 400],
    ["that deletes", "DELETE /ingest/cam HTTP/1.1\r\n\r\n", 405],
    ["with dots in its path", "POST /ingest/../cam HTTP/1.1\r\n\r\n", 400],
    ["with escaped dots", "POST /ingest/%2e%2e/cam HTTP/1.1\r\n\r\n", 400],
    ["with an escaped slash", "POST /ingest/cam/..%2f..%2fetc HTTP/1.1\r\n\r\n", 400],
    ["with a NUL", "POST /ingest/cam%00 HTTP/1.1\r\n\r\n", 400],
    ["with half an escape", "POST /ingest/cam%e4%b8 HTTP/1.1\r\n\r\n", 400],
    ["with a whole address", "POST http://evil/ingest/cam HTTP/1.1\r\n\r\n", 400],
    ["to a proxy", "CONNECT evil:443 HTTP/1.1\r\n\r\n", undefined],
    ["for a device named in Chinese", "POST /ingest/%E7%9B%B8%E6%9C%BA HTTP/1.1\r\n\r\n", 401],
    ["for a device that is a property of every object", "POST /ingest/__proto__ HTTP/1.1\r\n\r\n", 401],
    [
      "that wants another protocol",
      "GET /ingest/cam HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      401,
    ],
  ])("%s is answered as it should be", async (_what, bytes, status) => {
    const { connect, pushes, others } = await start();
    const wire = connect();
    wire.send(Buffer.from(bytes, "latin1"));
    if (status === undefined) await wire.wasCut();
    else expect((await wire.answer(1)).status).toBe(status);
    expect(pushes).toEqual([]);
    expect((await others()).status).toBe(200);
  });
});

describe("connections", () => {
  it("from one address are refused beyond their number, those from another are not", async () => {
    const { connect, telemetry, port } = await start({ connectionsPerAddress: 256 });
    const many = Array.from({ length: 1000 }, () => connect());
    await waitFor("the refusals", () => many.filter(({ closed }) => closed).length === 744);
    expect(telemetry.of("zhian_ingest_connections_refused_total address")).toBe(744);
    expect((await askOnce(port, { path, headers: cam }, "127.0.0.2")).status).toBe(200);
    for (const wire of many) wire.end();
    await waitFor("their end", () => telemetry.of("zhian_ingest_connections") === 0);
    expect((await askOnce(port, { path, headers: cam })).status).toBe(200);
  });

  it("that are idle are closed after their time", async () => {
    const { connect, clock } = await start();
    const [known, unknown] = [connect(), connect()];
    await known.ask({ path, headers: cam });
    await unknown.ask({ path });
    clock.advance(10_000);
    await unknown.wasCut();
    clock.advance(64_000);
    expect((await known.ask({ path, headers: cam })).status).toBe(200);
    clock.advance(75_000);
    await known.wasCut();
  });
});

describe("a device that pushes more than it may", () => {
  it("is told when to try again, is reported once, and costs the others nothing", async () => {
    const { connect, clock, floods, pushes, others } = await start({ requestsPerSecond: 10, requestBurst: 20 });
    const wire = connect();
    const statuses: number[] = [];
    for (let i = 0; i < 50; i++) statuses.push((await wire.ask({ path, headers: cam })).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    const last = wire.answers.at(-1);
    expect(last?.status).toBe(429);
    expect(last === undefined ? [] : headersOf(last, "retry-after")).toEqual(["1"]);
    expect((await others()).status).toBe(200);
    expect(floods).toEqual([false, true]);
    clock.advance(1000);
    expect((await wire.ask({ path, headers: cam })).status).toBe(200);
    clock.advance(30_000);
    expect(floods).toEqual([false, true, false]);
    expect(pushes).toHaveLength(21);
  });

  it("has at most sixteen requests under way; more are refused at once", async () => {
    const { connect, ingest, others } = await start();
    const held: (() => void)[] = [];
    ingest.deviceHttp(deviceId("cam")).serve(() => new Promise((resolve) => held.push(() => resolve({ status: 200 }))));
    const wire = connect();
    const devices = Array.from({ length: 16 }, () => connect());
    for (const device of devices) {
      device.send(requestBytes({ path, headers: cam }));
      await others();
    }
    expect((await wire.ask({ path, headers: cam })).status).toBe(503);
    for (let i = 0; i < 16; i++) {
      await waitFor("its turn", () => held.length === i + 1);
      held[i]?.();
    }
    for (const device of devices) expect((await device.answer(1)).status).toBe(200);
  });
});

describe("bytes of every kind", () => {
  const piece = fc.oneof(
    fc
      .constantFrom(
        "POST /ingest/cam HTTP/1.1\r\n",
        "GET /ingest/cam/a?token=x HTTP/1.0\r\n",
        "PUT /ingest/%",
        `Authorization: ${cam["authorization"]}\r\n`,
        'Authorization: Digest username="cam", realm="zhian", nonce="',
        "Content-Length: 5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Type: multipart/form-data; boundary=b\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "\r\n",
        "\n",
        "--b\r\n",
        "\r\n--b--\r\n",
        'Content-Disposition: form-data; name="a"; filename="b.jpg"\r\n\r\n',
        "5\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\n",
        '{"a":1}',
      )
      .map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  );

  it("leave the listener whole: every connection ends, nothing is held, and the others are served", {
    timeout: 60_000,
  }, async () => {
    const test = await start({
      headersWithinMs: 50,
      bodyWithinMs: 50,
      idleMs: 50,
      drainMs: 20,
      requestBurst: 100_000,
      connectionsPerAddress: 4096,
    });
    const { port, telemetry, clock } = test;
    const tick = setInterval(() => clock.advance(25), 5);
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), fc.boolean(), async (pieces, closes) => {
          const wire = new HttpDevice(port);
          for (const bytes of pieces) wire.send(bytes);
          if (closes) wire.socket.end();
          await new Promise<void>((resolve) => wire.socket.once("close", () => resolve()));
          for (const { status } of wire.answers)
            expect([200, 400, 401, 405, 413, 415, 429, 431, 503]).toContain(status);
        }),
        { numRuns: process.env["ZHIAN_NIGHTLY"] === undefined ? 150 : 5_000 },
      );
      await waitFor("no connection", () => telemetry.of("zhian_ingest_connections") === 0);
    } finally {
      clearInterval(tick);
    }
    expect((await test.others()).status).toBe(200);
    const { ingest } = test;
    const begun = performance.now();
    await ingest.close();
    expect(performance.now() - begun).toBeLessThan(900);
  });
});
