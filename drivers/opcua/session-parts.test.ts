import { describe, expect, test } from "vitest";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { believedTime, clockTrouble } from "./believed-time.ts";
import { carryOut, offersOf } from "./commands.ts";
import type { Link } from "./link.ts";
import { opcUaOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { profileSchema } from "./profile.ts";

const hour = 3_600_000;

describe("the time of a server", () => {
  test("is taken less what its clock is off, and never where it cannot be", () => {
    const nowMs = Date.UTC(2026, 10, 24);
    expect(believedTime(nowMs - 5000, { nowMs, skewMs: 300 })).toBe(nowMs - 5000);
    expect(believedTime(nowMs + 2 * hour - 5000, { nowMs, skewMs: 2 * hour })).toBe(nowMs - 5000);
    expect(believedTime(nowMs + 2 * hour, { nowMs })).toBeUndefined();
    expect(believedTime(0, { nowMs })).toBeUndefined();
    expect(believedTime(nowMs, {})).toBeUndefined();
    expect(believedTime(undefined, { nowMs })).toBeUndefined();
  });

  test("is a fault beyond a day", () => {
    expect(clockTrouble(23 * hour)).toBe("");
    expect(clockTrouble(-48 * hour)).toBe("the server's clock is -2.0 days off");
  });
});

describe("what the log does not take", () => {
  const draft = (active: boolean): ObservationDraft => ({ kind: "contact.state", body: { active } });

  test("waits in order, by the time at which it was seen", async () => {
    const clock = new ManualClock(1000);
    const seen: boolean[] = [];
    let full = true;
    const outbox = new Outbox({
      clock,
      observe: (drafts) => {
        if (full) return Promise.reject(new Error("full"));
        for (const { body, occurredAtMs } of drafts) {
          seen.push("active" in body && body.active);
          expect(occurredAtMs).toBe(1000);
        }
        return Promise.resolve();
      },
      onOverflow: () => expect.unreachable(),
    });
    outbox.add([draft(true)]);
    outbox.add([draft(false)]);
    await new Promise((resolve) => setImmediate(resolve));
    full = false;
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([true, false]);
    expect(outbox.close()).toBe(true);
  });

  test("is given up at a bound, and that is said", () => {
    let overflows = 0;
    const outbox = new Outbox({
      clock: new ManualClock(),
      observe: () => new Promise(() => {}),
      onOverflow: () => {
        overflows += 1;
      },
    });
    for (let index = 0; index < 1001; index += 1) outbox.add([draft(true)]);
    expect(overflows).toBe(1);
    outbox.add([draft(true)]);
    expect(outbox.close()).toBe(false);
  });
});

describe("commands", () => {
  const profile = profileSchema.parse({
    conditions: { acknowledge: true, map: [{ event: "fire" }] },
    commands: [{ name: "silence", title: { zh: "消音", en: "Silence" }, object: "ns=2;s=P", method: "ns=2;s=P.S" }],
  });
  const condition = {
    id: "c",
    point: "Z1/Smoke",
    state: "fire",
    eventId: Buffer.of(1),
    acked: false,
    suspect: false,
  } as const;
  const link = {
    acknowledge: () => Promise.resolve(undefined),
    call: () => Promise.resolve("BadUserAccessDenied"),
  } as unknown as Link;

  test("are those that the profile allows", async () => {
    expect(offersOf(profile).map(({ name }) => name)).toEqual(["acknowledge", "silence"]);
    const give = (name: string, args = {}) => carryOut({ name, args }, { link, profile, conditions: [condition] });
    expect(await give("confirm")).toMatchObject({ ok: false, why: "forbidden" });
    expect(await give("unlock")).toMatchObject({ ok: false, why: "unsupported" });
    expect(await give("silence")).toMatchObject({
      ok: false,
      why: "refused",
      detail: "the server says BadUserAccessDenied",
    });
    expect(await give("silence", { loud: true })).toMatchObject({ ok: false, why: "unsupported" });
    expect(await give("acknowledge", { point: "Z2" })).toMatchObject({ ok: false, why: "refused" });
    expect(await give("acknowledge", { point: "Z1/Smoke" })).toEqual({
      ok: true,
      confirmed: true,
      detail: "1 condition",
    });
    const cut = { link: undefined, profile, conditions: [] };
    expect(await carryOut({ name: "silence", args: {} }, cut)).toMatchObject({ ok: false, why: "not-connected" });
  });
});

describe("options", () => {
  const endpoint = "opc.tcp://192.0.2.7:4840";
  const issues = (options: object) =>
    (opcUaOptions.safeParse({ endpoint, profile: "p", ...options }).error?.issues ?? []).map(({ path }) =>
      path.join("."),
    );

  test("sign and encrypt unless somebody says otherwise, and then no password goes out", () => {
    expect(opcUaOptions.parse({ endpoint, profile: "p" })).toMatchObject({
      securityMode: "SignAndEncrypt",
      securityPolicy: "Basic256Sha256",
    });
    expect(issues({ securityMode: "None", user: "u", password: "p" })).toEqual(["securityMode"]);
    expect(issues({ user: "u" })).toEqual(["password"]);
    expect(issues({ securityPolicy: "Basic128Rsa15" })).toEqual(["securityPolicy"]);
    expect(issues({ endpoint: "http://x" })).toEqual(["endpoint"]);
    expect(issues({ keepAlive: "1s", publishEvery: "500ms" })).toEqual(["keepAlive"]);
    expect(issues({ serverCertificate: "certs/panel.pem" })).toEqual(["serverCertificate"]);
  });
});
