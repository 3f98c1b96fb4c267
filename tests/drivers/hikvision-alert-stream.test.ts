import { afterEach, describe, expect, test } from "vitest";
import { open } from "../../drivers/face-terminal/hikvision-isapi.ts";
import { hikvisionTerminalOptions } from "../../drivers/face-terminal/hikvision-options.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession } from "../../gateway/ports/driver.ts";
import { IsapiTerminal, type TerminalOptions } from "../../simulators/hikvision/terminal.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const account = { username: "gateway", password: "s3cret:pass" };
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function terminal(more: TerminalOptions = {}) {
  const device = new IsapiTerminal({ account, ...more });
  const address = await device.server?.listen();
  ends.push(() => device.stop());
  return { device, address: address ?? "", server: device.server };
}

async function follow(address: string, more: object = {}, password = account.password) {
  const options = hikvisionTerminalOptions.parse({
    device: { address, username: account.username, password },
    alertStream: true,
    ...more,
  });
  const context = new FakeDriverContext({ options, clock: new ManualClock(Date.now()) });
  const session: DeviceSession = open(context);
  let failure: unknown;
  session.done.catch((error: unknown) => {
    failure = error;
  });
  ends.push(async () => context.abort());
  return { context, session, failure: () => failure };
}
const opened = (context: FakeDriverContext<unknown>) => waitFor("the stream", () => context.seenDetails.length > 0);

describe("the alert stream of a terminal", () => {
  test("is opened with Digest, and gives events with their pictures skipped, at once", async () => {
    const { device, address, server } = await terminal({ pictureBytes: 300_000 });
    const { context } = await follow(address);
    await opened(context);
    await device.pass(75);
    await device.event(5, 27);
    await device.heartbeat();
    await waitFor("all of it", () => context.outcomes.length >= 5);
    expect(context.observed.map(({ kind }) => kind)).toEqual(["access.granted", "door.state"]);
    expect(context.filteredReasons).toEqual(["picture", "picture", "heartbeat"]);
    expect(server?.guard.refused).toBe(0);
    expect(context.everything()).not.toMatch(/王小明|20260001|3312990017/);
  });

  test.each(["boundary", "<boundary>", "--myboundary"])("whatever its boundary, such as %s", async (boundary) => {
    const { device, address } = await terminal({ boundary, format: "xml" });
    const { context } = await follow(address);
    await opened(context);
    await device.pass(76);
    await waitFor("the event", () => context.observed.length > 0);
    expect(context.observed).toMatchObject([{ kind: "access.denied", body: { delivery: "live" } }]);
  });

  test("of which the nonce grew stale is signed anew", async () => {
    const { device, address, server } = await terminal();
    server?.guard.renew();
    const { context } = await follow(address);
    await opened(context);
    await device.pass(75);
    await waitFor("the event", () => context.observed.length > 0);
  });

  test("that breaks is told as a lost link, and is left to whoever opens the session again", async () => {
    const { device, address } = await terminal();
    const { context, failure } = await follow(address);
    await opened(context);
    device.cut();
    await waitFor("the end", () => failure() !== undefined);
    expect(failure()).toMatchObject({ code: "LINK_LOST" });
    expect(context.goneReasons).toEqual(["link-lost"]);
    await device.pass(75);
    await device.event(1, 0x404);
    expect(device.waiting).toBe(2);
    const again = await follow(address);
    await opened(again.context);
    await device.restore();
    await waitFor("what was kept", () => again.context.observed.length === 2);
    expect(again.context.observed[0]?.body).toMatchObject({ delivery: "late" });
  });

  test("that ends in form is asked for again, and no absence is told", async () => {
    const { device, address, server } = await terminal();
    const { context, failure } = await follow(address);
    await opened(context);
    await device.heartbeat();
    await waitFor("the heartbeat", () => context.filteredReasons.length > 0);
    server?.drop("end");
    await waitFor("the second stream", () => {
      context.clock.advance(100);
      return (server?.listeners ?? 0) > 0;
    });
    await device.pass(75);
    await waitFor("an event of it", () => context.observed.length > 0);
    expect([context.goneReasons, failure()]).toEqual([[], undefined]);
  });

  test("that falls silent is given up", async () => {
    const { device, address } = await terminal();
    const { context, failure } = await follow(address, { silentAfter: "30s" });
    await opened(context);
    context.clock.advance(29_000);
    await device.heartbeat();
    await waitFor("the heartbeat", () => context.filteredReasons.length > 0);
    context.clock.advance(29_000);
    expect(failure()).toBeUndefined();
    context.clock.advance(1000);
    await waitFor("the end", () => failure() !== undefined);
    expect(failure()).toMatchObject({ code: "LINK_LOST", cause: { code: "NO_ANSWER" } });
    expect(context.goneReasons).toEqual(["no-answer"]);
  });

  test("that is not there is a lost link, and one without such a stream is refused", async () => {
    const gone = await terminal();
    await gone.device.stop();
    const nobody = await follow(gone.address);
    await waitFor("the end", () => nobody.failure() !== undefined);
    expect(nobody.failure()).toMatchObject({ code: "LINK_LOST" });
    expect(nobody.context.goneReasons).toEqual(["link-lost"]);
    const { address } = await terminal();
    const without = await follow(address, { alertStreamPath: "/Event/notification/alertStream" });
    await waitFor("the refusal", () => without.context.rejections.length > 0);
    expect(without.context.rejections).toMatchObject([{ reason: "alert-stream-refused" }]);
  });

  test("with a wrong password is asked once, then not for five minutes: devices lock the account", async () => {
    const { address, server } = await terminal();
    const { context, failure } = await follow(address, {}, "wrong");
    await waitFor("the refusal", () => context.rejections.length > 0);
    expect(context.rejections[0]?.detail).not.toContain("wrong");
    context.clock.advance(299_000);
    expect([server?.guard.refused, failure()]).toEqual([1, undefined]);
    context.clock.advance(1000);
    await waitFor("the end", () => failure() !== undefined);
    expect(failure()).toMatchObject({ code: "DEVICE_REFUSED", transient: false });
  });

  test("brings the next event only when the log has taken the one before: it cannot be sent again", async () => {
    const { device, address } = await terminal();
    const { context } = await follow(address);
    await opened(context);
    context.logError = new GatewayError("DISK_FULL", "no space");
    await device.pass(75);
    await device.pass(76);
    await waitFor("some tries", () => {
      context.clock.advance(500);
      return context.outcomes.length >= 3;
    });
    expect(context.observed).toEqual([]);
    context.logError = undefined;
    await waitFor("both", () => {
      context.clock.advance(500);
      return context.observed.length === 2;
    });
    expect(context.observed.map(({ kind }) => kind)).toEqual(["access.granted", "access.denied"]);
  });

  test("survives noise: what is no event is told, and the next event is observed", async () => {
    const { device, address, server } = await terminal();
    const { context, failure } = await follow(address);
    await opened(context);
    await device.heartbeat();
    server?.say(Buffer.from('\r\nnoise\r\n--MIME_boundary\r\nContent-Type: application/json\r\n\r\n{"eventType":\r\n'));
    server?.say(Buffer.concat([Buffer.alloc(100_000, 0xff), Buffer.from("\r\n")]));
    await device.pass(75);
    await waitFor("the event", () => context.observed.length > 0);
    expect(context.rejections).toMatchObject([{ reason: "bad-json" }]);
    expect(failure()).toBeUndefined();
  });
});

describe("push and alert stream of one terminal", () => {
  const both = { push: { username: "gate-east", password: "secret" } };

  test("the same event by both ways has one key", async () => {
    const { device, address } = await terminal();
    const { context } = await follow(address, both);
    await opened(context);
    await device.pass(75);
    await waitFor("the event", () => context.observed.length > 0);
    const [first] = context.observed;
    const at = new Date(first?.occurredAtMs ?? 0).toISOString();
    const AccessControllerEvent = { majorEventType: 5, subEventType: 75, serialNo: 1, currentEvent: true };
    await context.http.push({ body: { eventType: "AccessControllerEvent", dateTime: at, AccessControllerEvent } });
    expect(context.observed[1]?.dedupKey).toBe(first?.dedupKey);
  });

  test("a stream that breaks ends neither the session nor the push, and is asked for again", async () => {
    const { device, address, server } = await terminal();
    const { context, failure } = await follow(address, both);
    await opened(context);
    server?.drop("break");
    await waitFor("the loss", () => context.rejections.length > 0);
    expect(context.rejections).toMatchObject([{ reason: "alert-stream-lost" }]);
    await context.http.push({ body: { eventType: "heartBeat" } });
    await waitFor("the stream again", () => {
      context.clock.advance(1000);
      return (server?.listeners ?? 0) > 0;
    });
    await device.pass(75);
    await waitFor("an event of it", () => context.observed.length > 0);
    expect([context.goneReasons, failure()]).toEqual([[], undefined]);
  });
});

describe("opening the door", () => {
  const path = "/ISAPI/AccessControl/RemoteControl/door/1";
  const unlock = { path, body: "<RemoteControlDoor><cmd>open</cmd></RemoteControlDoor>" };
  const command = { name: "unlock", args: {} };

  test("sends the configured request, and says what the device answered", async () => {
    let opens = 0;
    const { address } = await terminal({ onUnlock: () => opens++ });
    const { context, session } = await follow(address, { unlock });
    await opened(context);
    expect(await session.command?.(command)).toEqual({ ok: true, confirmed: true, detail: "HTTP 200, statusCode 1" });
    expect(opens).toBe(1);
    await waitFor("the terminal's own word", () => context.observed.length > 0);
    expect(context.observed).toMatchObject([{ kind: "door.released", body: { by: "remote" } }]);
  });

  test("an error within a reply of HTTP 200 is a refusal; so is a wrong password; nobody there is told", async () => {
    const { address, device } = await terminal();
    const wrong = await follow(address, { unlock: { ...unlock, body: "<RemoteControlDoor/>" } });
    expect(await wrong.session.command?.(command)).toMatchObject({
      ok: false,
      why: "refused",
      detail: expect.stringContaining("statusCode 5"),
    });
    const stranger = await follow(address, { unlock }, "wrong");
    expect(await stranger.session.command?.(command)).toMatchObject({
      ok: false,
      why: "refused",
      detail: expect.stringContaining("HTTP 401"),
    });
    await device.stop();
    const nobody = await follow(address, { unlock });
    expect(await nobody.session.command?.(command)).toMatchObject({ ok: false, why: "not-connected" });
  });

  test("is not offered, and not done, where it is not configured; it takes no arguments", async () => {
    const { address } = await terminal();
    const { session } = await follow(address);
    expect(await session.command?.(command)).toMatchObject({ ok: false, why: "unsupported" });
    const { session: other } = await follow(address, { unlock });
    expect(await other.command?.({ name: "unlock", args: { door: 2 } })).toMatchObject({
      ok: false,
      why: "unsupported",
    });
    expect(await other.command?.({ name: "reboot", args: {} })).toMatchObject({ ok: false, why: "unsupported" });
  });
});
