import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Ask,
  askOnce,
  basic,
  digest,
  HttpDevice,
  headersOf,
  nonceOf,
} from "../../tests/support/ingress/http-device.ts";
import { deviceId } from "../../tests/support/ingress/test-broker.ts";
import { startTestIngest, type TestIngest } from "../../tests/support/ingress/test-ingest.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import type { HttpGrants } from "../ports/driver.ts";

const running: TestIngest[] = [];
afterEach(async () => {
  for (const { ingest } of running.splice(0)) await ingest.close();
});

const path = "/ingest/cam";
const account = { username: "cam", password: "pw-cam", uri: path };

async function start(devices: Readonly<Record<string, Partial<HttpGrants>>> = { cam: {}, gate: {} }) {
  const clock = new ManualClock();
  const test = await startTestIngest(devices, { clock });
  running.push(test);
  let taken = 0;
  for (const id of Object.keys(devices)) {
    test.ingest.deviceHttp(deviceId(id)).serve(async () => {
      taken += 1;
      return { status: 200 };
    });
  }
  const ask = (given: Partial<Ask> = {}, from?: string) => askOnce(test.port, { path, ...given }, from);
  const status = async (headers: Ask["headers"] = {}, from?: string) => (await ask({ headers }, from)).status;
  return { ...test, clock, ask, status, taken: () => taken };
}

describe("a device that signs in by Digest", () => {
  it.each(["SHA-256", "MD5"] as const)(
    "with %s answers a challenge and counts up with its nonce",
    async (algorithm) => {
      const { ask, status } = await start();
      const challenge = await ask();
      expect(challenge.status).toBe(401);
      const nonce = nonceOf(challenge);
      for (const nc of [1, 2, 5]) expect(await status(digest({ ...account, algorithm, nonce, nc }))).toBe(200);
    },
  );

  it("is offered SHA-256 before MD5 before Basic, all for the same nonce", async () => {
    const { ask } = await start();
    const offered = headersOf(await ask(), "www-authenticate");
    expect(offered.map((each) => /algorithm=([\w-]+)/.exec(each)?.[1] ?? each.split(" ")[0])).toEqual([
      "SHA-256",
      "MD5",
      "Basic",
    ]);
    expect(new Set(offered.slice(0, 2).map((each) => /nonce="([^"]+)"/.exec(each)?.[1])).size).toBe(1);
  });

  it("is offered MD5 first after it left two challenges unanswered, as firmware does that knows no other", async () => {
    const { ask } = await start();
    for (let i = 0; i < 2; i++) await ask();
    expect(headersOf(await ask(), "www-authenticate")[0]).toContain("algorithm=MD5");
    expect(headersOf(await ask(), "www-authenticate")[0]).toContain("algorithm=MD5");
    expect(headersOf(await ask(), "www-authenticate")[0]).toContain("algorithm=SHA-256");
  });

  it("cannot be impersonated by what was overheard: a counter is good once, also a smaller one", async () => {
    const { ask, status, taken } = await start();
    const nonce = nonceOf(await ask());
    const overheard = digest({ ...account, nonce, nc: 3 });
    expect(await status(overheard)).toBe(200);
    const again = await ask({ headers: overheard });
    expect(again.status).toBe(401);
    expect(headersOf(again, "www-authenticate")[0]).toContain("stale=true");
    expect(await status(digest({ ...account, nonce, nc: 2 }))).toBe(401);
    expect(await status(digest({ ...account, nonce, nc: 4 }))).toBe(200);
    expect(taken()).toBe(2);
  });

  it("gets a new nonce, and no blame, when its own is older than five minutes or of before a restart", async () => {
    const { ask, status, clock } = await start();
    const old = nonceOf(await ask());
    clock.advance(300_001);
    const stale = await ask({ headers: digest({ ...account, nonce: old }) });
    expect(headersOf(stale, "www-authenticate")[0]).toContain("stale=true");
    for (let i = 0; i < 10; i++) expect(await status(digest({ ...account, nonce: "AAAA", nc: i + 1 }))).toBe(401);
    expect(await status(digest({ ...account, nonce: nonceOf(stale) }))).toBe(200);
  });

  it("may use one nonce after the other without end, and none of them twice", async () => {
    const { ask, status, clock } = await start();
    const used: string[] = [];
    for (let i = 0; i < 150; i++) {
      const nonce = nonceOf(await ask());
      used.push(nonce);
      expect(await status(digest({ ...account, nonce }))).toBe(200);
      clock.advance(100);
    }
    for (const nonce of [used[0], used[80], used[149]])
      expect(await status(digest({ ...account, nonce: nonce ?? "" }))).toBe(401);
  });

  it.each([
    ["another password", { password: "pw-gate" }],
    ["another user name", { username: "gate" }],
    ["the address of another device", { uri: "/ingest/gate" }],
    ["another method", { method: "GET" }],
    ["another realm", { realm: "other" }],
  ])("is refused with %s", async (_what, over) => {
    const { ask, status } = await start();
    const nonce = nonceOf(await ask());
    expect(await status(digest({ ...account, nonce, ...over }))).toBe(401);
    expect(await status(digest({ ...account, nonce }))).toBe(200);
  });

  it.each([
    ["no quality of protection", (text: string) => text.replace(", qop=auth", "")],
    ["a field twice", (text: string) => `${text}, nc=00000001`],
    ["an unknown algorithm", (text: string) => text.replace("SHA-256", "SHA-512")],
    ["a session algorithm", (text: string) => text.replace("SHA-256", "SHA-256-sess")],
    ["a counter that is none", (text: string) => text.replace("nc=00000001", "nc=1")],
    ["an unclosed quote", (text: string) => text.replace('username="cam"', 'username="cam')],
    ["nothing but its name", () => "Digest"],
  ])("is refused with %s", async (_what, spoil) => {
    const { ask, status } = await start();
    const good = digest({ ...account, nonce: nonceOf(await ask()) })["authorization"] ?? "";
    expect(await status({ authorization: spoil(good) })).toBe(401);
    expect(await status({ authorization: good })).toBe(200);
  });

  it("may leave out the query from the address that it signs, as some firmware does", async () => {
    const { ask } = await start();
    const nonce = nonceOf(await ask());
    const headers = digest({ ...account, nonce });
    expect((await ask({ path: `${path}?channel=1`, headers })).status).toBe(200);
  });
});

describe("the ingest listener's door", () => {
  it("takes Basic, and refuses it wrong, cut off or not decodable", async () => {
    const { status } = await start();
    expect(await status(basic("cam", "pw-cam"))).toBe(200);
    expect(await status(basic("cam", "pw-gate"))).toBe(401);
    expect(await status(basic("gate", "pw-gate"))).toBe(401);
    expect(await status({ authorization: "Basic Y2Ft" })).toBe(401);
    expect(await status({ authorization: "Basic %%%" })).toBe(401);
    expect(await status({ authorization: "Bearer pw-cam" })).toBe(401);
  });

  it("takes a token only from its own device, and a password only where one is granted", async () => {
    const { ask } = await start({ cam: { token: "token-of-cam" }, gate: { token: "token-of-gate" } });
    expect((await ask({ path: "/ingest/cam/token/token-of-cam" })).status).toBe(200);
    expect((await ask({ path: "/ingest/cam/token/token-of-gate" })).status).toBe(401);
    expect((await ask({ path: "/ingest/cam?token=token-of-gate" })).status).toBe(401);
    expect((await ask({ headers: basic("cam", "") })).status).toBe(401);
    expect((await ask({ headers: basic("", "") })).status).toBe(401);
  });

  it("says the same to an unknown device as to a known one", async () => {
    const { ask } = await start();
    const blurred = async (asked: Partial<Ask>, from: string) => {
      const answer = await ask(asked, from);
      return JSON.stringify(answer)
        .replace(/nonce=\\"[^"]+"/g, "nonce")
        .replace(/"date","[^"]*"/, "");
    };
    for (const headers of [{}, basic("cam", "wrong"), { authorization: "nonsense" }]) {
      const known = await blurred({ headers }, "127.0.0.2");
      expect(await blurred({ path: "/ingest/nobody", headers }, "127.0.0.3")).toBe(known);
      expect(await blurred({ path: "/other/path", headers }, "127.0.0.4")).toBe(known);
    }
    for (const [from, where] of [
      ["127.0.0.5", path],
      ["127.0.0.6", "/ingest/nobody"],
    ] as const) {
      const seen: number[] = [];
      for (let i = 0; i < 7; i++)
        seen.push((await ask({ path: where, headers: basic("x", `guess-${i}`) }, from)).status);
      expect(seen).toEqual([401, 401, 401, 401, 401, 429, 429]);
    }
  });

  it("slows down guessing by address and device: the others and the device elsewhere are not locked out", async () => {
    const { ask, status, clock } = await start();
    for (let i = 0; i < 5; i++) expect(await status(basic("cam", `guess-${i}`))).toBe(401);
    const refused = await ask({ headers: basic("cam", "pw-cam") });
    expect(refused.status).toBe(429);
    expect(headersOf(refused, "retry-after")).toEqual(["1"]);
    expect(await status(basic("cam", "pw-cam"), "127.0.0.2")).toBe(200);
    expect((await ask({ path: "/ingest/gate", headers: basic("gate", "pw-gate") })).status).toBe(200);
    clock.advance(1000);
    expect(await status(basic("cam", "pw-cam"))).toBe(200);
  });

  it("lists who is not known, who is known by a wrong password, and who never signs in, without any secret", async () => {
    const { ask, ingest, logger } = await start({ cam: { token: "token-of-cam" }, gate: {} });
    await ask({
      path: "/HAPI/V1.0/Event/Notification?key=query-secret",
      headers: basic("hapi", "basic-secret"),
      body: "{}",
    });
    await ask({ path: "/ingest/new/token/path-secret/x" });
    await ask({ path: "/ingest/new/%74oken/path-secret/y" });
    await ask({ path: "/ingest/gate", headers: basic("gate", "wrong-secret") });
    for (let i = 0; i < 3; i++) await ask({ path: "/ingest/gate" }, "127.0.0.2");
    const body = '{"operator":"VerifyPush","info":{"DeviceID":"1026700","Name":"private-name"}}';
    await ask({ path: "/Subscribe/Verify", body });
    const strangers = ingest.strangers();
    expect(strangers.map(({ username, clientId, attempts }) => [username, clientId, attempts])).toEqual([
      ["", "/Subscribe/Verify", 1],
      ["", "/ingest/gate", 1],
      ["gate", "/ingest/gate", 1],
      ["", "/ingest/new/token/…/y", 1],
      ["", "/ingest/new/token/…/x", 1],
      ["hapi", "/HAPI/V1.0/Event/Notification", 1],
    ]);
    const [verify, silent, wrong, , , hapi] = strangers.map(({ snippet }) => snippet);
    expect(verify).toContain("dialect: facesluice-http");
    expect(verify).toContain('deviceId: "1026700"');
    expect(silent).toBe("# gate: the device pushes without user name and password.");
    expect(wrong).toBe("# gate: the password in the device is another than in the configuration.");
    expect(hapi).toContain("dialect: hapi");
    expect(hapi).toContain("username: hapi");
    expect(JSON.stringify([strangers, logger.lines])).not.toMatch(/secret[^s/]|token-of|private-name/);
  });

  it("keeps the newest 64 strangers and forgets the attempts of none of the devices for them", async () => {
    const { ask, ingest, status } = await start();
    for (let i = 0; i < 5; i++) await status(basic("cam", "wrong"));
    const wire = new HttpDevice(ingest.port);
    for (let i = 0; i < 1100; i++) await wireAsk(wire, i);
    wire.end();
    expect(ingest.strangers()).toHaveLength(64);
    expect(ingest.strangers()[0]?.clientId).toBe("/ingest/stranger-1099");
    expect((await ask({ headers: basic("cam", "pw-cam") })).status).toBe(429);
  });
});

/** Faster than `ask`, which polls. */
function wireAsk(wire: HttpDevice, index: number): Promise<void> {
  return new Promise((resolve) => {
    wire.socket.once("data", () => resolve());
    wire.send(
      `GET /ingest/stranger-${index} HTTP/1.1\r\nHost: g\r\nAuthorization: Basic eDp5\r\nContent-Length: 0\r\n\r\n`,
    );
  });
}

describe("curl", () => {
  const run = promisify(execFile);

  it.each([
    ["--digest", ["--digest", "--user", "cam:pw-cam"]],
    ["--basic", ["--basic", "--user", "cam:pw-cam"]],
    ["--anyauth", ["--anyauth", "--user", "cam:pw-cam"]],
  ])("signs in with %s and pushes JSON, forms, and a picture of 2 MB", async (_how, who) => {
    const { port, taken } = await start();
    const url = `http://127.0.0.1:${port}/ingest/cam?a=1`;
    const curl = async (...args: string[]) => {
      const { stdout } = await run("curl", [
        "-s",
        "-m",
        "10",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        ...who,
        ...args,
        url,
      ]);
      return stdout;
    };
    expect(await curl("-d", '{"a":1}', "-H", "content-type: application/json")).toBe("200");
    expect(await curl("-F", "event={};type=application/json", "-F", "file=@/bin/sh;type=image/jpeg")).toBe("200");
    expect(await curl("-T", process.execPath, "-H", "content-type: application/json")).toMatch("413");
    expect(taken()).toBe(2);
  });
});
