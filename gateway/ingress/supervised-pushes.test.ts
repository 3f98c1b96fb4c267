import { afterEach, describe, expect, it } from "vitest";
import { HeldLog } from "../../tests/support/ingress/held-log.ts";
import { askOnce, basic } from "../../tests/support/ingress/http-device.ts";
import { contact, ScriptedDriver, silentAfterMs } from "../../tests/support/ingress/scripted-driver.ts";
import { deviceId, startTestBroker, type TestBroker } from "../../tests/support/ingress/test-broker.ts";
import { startTestIngest, type TestIngest } from "../../tests/support/ingress/test-ingest.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { observationIdSchema } from "../domain/ids.ts";
import type { ModbusLine } from "../ports/driver.ts";
import { type Supervisor, startSupervisor } from "./supervisor.ts";

const running: { supervisor: Supervisor; broker: TestBroker; ingest: TestIngest }[] = [];
afterEach(async () => {
  for (const { supervisor, broker, ingest } of running.splice(0)) {
    await ingest.ingest.close();
    await broker.broker.close();
    await supervisor.close();
  }
});

/** Devices `east` and `west` that push over HTTP; a body is the key of one observation. */
async function start() {
  const clock = new ManualClock();
  const broker = await startTestBroker([], { clock });
  const ingest = await startTestIngest({}, { clock });
  const driver = new ScriptedDriver("http");
  const log = new HeldLog();
  log.mode = "commit";
  let minted = 0;
  const options = {
    log,
    broker: broker.broker,
    serialLines: (id: string) => ({ id }) as ModbusLine,
    timeZone: "Asia/Shanghai",
    pseudonym: (person: string) => person,
    clock,
    logger: broker.logger,
    telemetry: broker.telemetry,
    newId: () => observationIdSchema.parse(`id-${++minted}`),
    random: () => 1,
  };
  const devices = ["east", "west"].map((id) => driver.device(id));
  const supervisor = startSupervisor({ ...options, devices, ingest: ingest.ingest });
  running.push({ supervisor, broker, ingest });
  await waitFor("the sessions", () => driver.sessions.length === 2);
  const push = (id: string, body: string, password = `pw-${id}`) =>
    askOnce(ingest.port, { path: `/ingest/${id}`, headers: basic(id, password), body }).then(({ status }) => status);
  const online = () => Object.fromEntries(supervisor.states().map(({ deviceId, online: is }) => [deviceId, is]));
  const account = (id: string) => supervisor.conservation().get(deviceId(id));
  return { ...options, supervisor, driver, ingest, devices, push, online, account };
}

describe("a supervised device that pushes over HTTP", () => {
  it("is announced by its first push, and gone when it is silent", async () => {
    const { push, online, log, clock } = await start();
    expect(online()).toEqual({ east: "unknown", west: "unknown" });
    expect(await push("east", "1")).toBe(200);
    expect(online()).toEqual({ east: "online", west: "unknown" });
    expect(log.kinds()).toEqual(["east online", "east contact.state"]);
    clock.advance(silentAfterMs);
    expect(online()).toEqual({ east: "offline", west: "offline" });
  });

  it("is answered when all that its session observed is durable, whether the session waited or not", async () => {
    const { push, driver, log } = await start();
    driver.handle = (text, context) => {
      context.observe([contact(text)]).catch(() => {});
      return Promise.resolve();
    };
    log.mode = "hold";
    let answered = 0;
    const status = push("east", "1").then((code) => {
      answered += 1;
      return code;
    });
    await waitFor("both appends", () => log.pending.length === 2);
    await push("nobody", "x");
    expect(answered).toBe(0);
    log.commit();
    log.commit();
    expect(await status).toBe(200);
  });

  it("is told to send again what the log refused, and it is stored once", async () => {
    const { push, log, account } = await start();
    log.mode = "fail";
    expect(await push("east", "1")).toBe(503);
    log.mode = "commit";
    expect([await push("east", "1"), await push("east", "1")]).toEqual([200, 200]);
    expect(log.kinds().filter((kind) => kind === "east contact.state")).toHaveLength(1);
    expect(account("east")).toMatchObject({ received: 3, stored: 1, duplicate: 1, withheld: 1, pending: 0 });
  });

  it("has each of its pushes in its accounts: also such as its session forgot, failed at, or never saw", async () => {
    const { push, driver, account, supervisor, ingest } = await start();
    driver.handle = () => Promise.resolve();
    await push("east", "forgotten");
    driver.handle = () => Promise.reject(new Error("a bug"));
    await push("east", "failed");
    await push("east", "x".repeat(5 * 1024 * 1024));
    expect(account("east")).toMatchObject({ received: 3, quarantined: { unaccounted: 1, "too-big": 1 }, withheld: 1 });
    expect(supervisor.quarantine()[0]).toMatchObject({ deviceId: "east", reason: "too-big", source: "/ingest/east" });
    expect(supervisor.health()).toMatchObject([
      { deviceId: "east", received: 3, rejected: 2, perMinute: 3, lastRejection: { reason: "too-big" } },
      { deviceId: "west", received: 0, rejected: 0, perMinute: 0 },
    ]);
    expect(ingest.telemetry.of("zhian_ingest_requests_total 413")).toBe(1);
  });

  it("that floods is a fault of that device, which ends", async () => {
    const { push, log, clock } = await start();
    const statuses = await Promise.all(Array.from({ length: 15 }, (_, i) => push("east", `${i}`)));
    expect(statuses.every((status) => status === 200)).toBe(true);
    for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 10 }, () => push("east", "again")));
    expect(log.kinds()).toContain("east fault flooding true");
    clock.advance(30_000);
    await waitFor("its end", () => log.kinds().includes("east fault flooding false"));
  });

  it("is served by the new session after a reload of its options; one that is removed is nobody any more", async () => {
    const { push, supervisor, driver, devices, ingest } = await start();
    await supervisor.apply([driver.device("east", { password: "new" })]);
    expect([await push("east", "1"), await push("east", "1", "new"), await push("west", "1")]).toEqual([401, 200, 401]);
    expect(supervisor.strangers().map(({ via, clientId }) => [via, clientId])).toEqual([
      ["http", "/ingest/west"],
      ["http", "/ingest/east"],
    ]);
    await supervisor.apply(devices);
    expect(await push("west", "2")).toBe(200);
    expect(ingest.ingest.listening()).toBe(true);
  });

  it("waits while its session is opened again, and loses nothing by it", async () => {
    const { push, driver, clock, log } = await start();
    driver.sessionOf("east")?.fail(new Error("a bug"));
    await waitFor("the end of the session", () => driver.sessionOf("east")?.context.signal.aborted === true);
    const status = push("east", "1");
    await waitFor("the next session", () => {
      clock.advance(100);
      return driver.openings("east") === 2;
    });
    expect(await status).toBe(200);
    expect(log.kinds()).toContain("east contact.state");
  });

  it("is refused where nothing listens for its pushes, and the devices stay as they were", async () => {
    const { driver, ingest: _, supervisor: __, devices: ___, ...options } = await start();
    const supervisor = startSupervisor({ ...options, devices: [] });
    await expect(supervisor.apply([driver.device("east")])).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(supervisor.devices()).toEqual([]);
    await supervisor.close();
  });
});
