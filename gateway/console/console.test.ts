import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeSite } from "../../tests/browser/fake-site.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { GatewayError, isGatewayError } from "../domain/errors.ts";
import type { RunningConsole } from "./console.ts";
import { addToken } from "./tokens.ts";
import { addUser } from "./users.ts";

const roles = ["guard", "manager", "installer", "admin", "auditor"] as const;
const everybody = ["nobody", ...roles];
const onDuty = ["guard", "manager", "installer", "admin"];
/** Who may do what, written down a second time: the first is the routes' own. */
const expected: Record<string, readonly string[]> = {
  "GET /healthz": everybody,
  "GET /readyz": everybody,
  "GET /metrics": roles,
  "GET /api/openapi.json": roles,
  "GET /api/session": roles,
  "POST /api/session": everybody,
  "DELETE /api/session": roles,
  "GET /api/alarms": roles,
  "POST /api/alarms/{id}/acknowledge": onDuty,
  "POST /api/alarms/{id}/close": onDuty,
  "POST /api/alarms/{id}/shelve": ["manager", "admin"],
  "POST /api/alarms/{id}/unshelve": ["manager", "admin"],
  "GET /api/devices": roles,
  "POST /api/devices/{id}/commands": onDuty,
  "GET /api/zones": roles,
  "GET /api/uplink": roles,
  "GET /api/live": roles,
};
const json = { "content-type": "application/json" };
const password = "correct gate lantern";

let site: FakeSite;
let console_: RunningConsole;

beforeEach(async () => {
  site = new FakeSite(new ManualClock());
  console_ = await site.start();
});
afterEach(() => console_.close());

const call = (path: string, init?: RequestInit) => fetch(console_.url + path, init);
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  call(path, { method: "POST", headers: { ...json, ...headers }, body: JSON.stringify(body) });
const bearer = (role: string) => ({
  authorization: `Bearer ${addToken({ dataDir: site.dataDir, name: `t-${role}-${Math.random()}`, role })}`,
});
const cookieOf = (answer: Response) => ({ cookie: answer.headers.get("set-cookie")?.split(";")[0] ?? "" });

interface Problem {
  readonly error: { readonly code: string; readonly hint: string };
}
interface ApiDocument {
  readonly openapi: string;
  readonly paths: Record<
    string,
    Record<
      string,
      {
        readonly parameters?: object[];
        readonly requestBody?: {
          content: Record<string, { schema: { properties: Record<string, { enum?: string[] }> } }>;
        };
        readonly responses: Record<string, { content: Record<string, { schema: object }> }>;
      }
    >
  >;
}

/** The tests' own view of an answer. */
async function bodyOf<T>(answer: Response | Promise<Response>): Promise<T> {
  return (await (await answer).json()) as T;
}

async function signInByLink(): Promise<{ cookie: string }> {
  const code = console_.signInUrl?.split("#code=")[1];
  const answer = await post("/api/session", { code });
  expect(answer.status).toBe(200);
  return cookieOf(answer);
}

test("every role can use exactly what it should, and nobody else anything else", async () => {
  const found: Record<string, string[]> = {};
  for (const who of everybody) {
    const headers = who === "nobody" ? {} : bearer(who);
    for (const route of Object.keys(expected)) {
      const [method = "", path = ""] = route.split(" ");
      const stop = new AbortController();
      const answer = await call(path.replace("{id}", "alarm-none"), {
        method,
        headers: { ...headers, ...json },
        signal: stop.signal,
        ...(method === "GET" ? {} : { body: JSON.stringify(path.endsWith("close") ? { disposition: "test" } : {}) }),
      });
      if (![401, 403].includes(answer.status)) found[route] = [...(found[route] ?? []), who];
      stop.abort();
    }
  }
  expect(found).toEqual(expected);
});

test("what is not in the table does not exist, under any method", async () => {
  const headers = bearer("admin");
  const paths = [
    ...Object.keys(expected).map((route) => route.split(" ")[1] ?? ""),
    "/",
    "/api",
    "/api/users",
    "/web/app.js",
  ];
  for (const path of new Set(paths)) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (`${method} ${path}` in expected || (method === "GET" && path === "/")) continue;
      const answer = await call(path.replace("{id}", "alarm-none"), { method, headers });
      expect(answer.status, `${method} ${path}`).toBe(404);
    }
  }
});

test("the OpenAPI document lists exactly the routes of the API", async () => {
  const document = await bodyOf<ApiDocument>(call("/api/openapi.json", { headers: bearer("auditor") }));
  const listed = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(listed.sort()).toEqual(Object.keys(expected).sort());
  expect(document.openapi).toBe("3.1.0");
  const close = document.paths["/api/alarms/{id}/close"]?.["post"];
  expect(close?.parameters).toMatchObject([{ name: "id", in: "path", required: true }]);
  const sent = close?.requestBody?.content["application/json"]?.schema.properties;
  expect(sent?.["disposition"]?.enum).toContain("false");
});

test("each answer fits the schema that the document gives for it", async () => {
  site.raise({ rule: "fire", subject: "ext-b3-2f", zone: "b3-u1", severity: "critical", zh: "温度", en: "hot" });
  const headers = bearer("guard");
  const document = await bodyOf<ApiDocument>(call("/api/openapi.json", { headers }));
  const { default: Ajv } = await import("ajv/dist/2020.js");
  const { default: addFormats } = await import("ajv-formats");
  for (const [path, operations] of Object.entries(document.paths)) {
    const schema = operations["get"]?.responses["200"]?.content["application/json"]?.schema;
    if (schema === undefined) continue;
    const ajv = new Ajv.default({ strict: false });
    addFormats.default(ajv);
    const answer = await (await call(path, { headers })).json();
    expect(ajv.validate(schema, answer), `${path}: ${ajv.errorsText()}`).toBe(true);
  }
});

describe("the page and its headers", () => {
  test("nothing runs that is not a file of ours, nobody may frame it, no type is guessed", async () => {
    for (const path of ["/", "/app.js", "/api/alarms", "/nowhere", "/healthz"]) {
      const { headers } = await call(path);
      const csp = headers.get("content-security-policy") ?? "";
      expect(csp).toContain("default-src 'none'");
      expect(csp).toContain("script-src 'self';");
      expect(csp).toContain("frame-ancestors 'none'");
      expect(csp).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
    }
  });

  test("a copy that is still the newest is not sent again", async () => {
    const first = await call("/app.js");
    expect(first.headers.get("content-type")).toContain("text/javascript");
    const again = await call("/app.js", { headers: { "if-none-match": first.headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
  });
});

describe("signing in", () => {
  test("the one-time link of the log signs in once", async () => {
    const line = site.lines.find(({ fields }) => "signInUrl" in fields);
    expect(line?.fields["signInUrl"]).toBe(console_.signInUrl);
    const headers = await signInByLink();
    expect(await (await call("/api/session", { headers })).json()).toMatchObject({ role: "admin", via: "link" });
    const code = console_.signInUrl?.split("#code=")[1];
    expect((await post("/api/session", { code })).status).toBe(401);
  });

  test("once there are users no link is made, except for the demo", async () => {
    await addUser({ dataDir: site.dataDir, name: "zhang", role: "guard", password });
    const second = await site.start();
    const demo = await site.start({ offerSignIn: true });
    expect(second.signInUrl).toBeUndefined();
    expect(demo.signInUrl).toContain("/sign-in#code=");
    await second.close();
    await demo.close();
  });

  test("a name and its password sign in; the cookie is for the browser alone", async () => {
    await addUser({ dataDir: site.dataDir, name: "张伟", role: "guard", password });
    const answer = await post("/api/session", { name: "张伟", password });
    expect(await answer.json()).toEqual({ name: "张伟", role: "guard", via: "account" });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toContain("HttpOnly");
    expect(cookie).toContain("SameSite=Strict");
    expect((await call("/api/alarms", { headers: cookieOf(answer) })).status).toBe(200);
  });

  test("behind a TLS proxy on the same machine the cookie goes over https only", async () => {
    const code = console_.signInUrl?.split("#code=")[1];
    const answer = await post("/api/session", { code }, { "x-forwarded-proto": "https" });
    expect(answer.headers.get("set-cookie")).toMatch(/^__Host-zhian-session=.*; Secure/);
  });

  test("a wrong name and a wrong password get the same answer, and take as long", async () => {
    await addUser({ dataDir: site.dataDir, name: "zhang", role: "guard", password });
    const timed = async (name: string) => {
      const start = performance.now();
      const answer = await post("/api/session", { name, password: "not the password" });
      return { ms: performance.now() - start, status: answer.status, body: await answer.text() };
    };
    await timed("warm-up");
    const known = [await timed("zhang"), await timed("zhang"), await timed("zhang")];
    const unknown = [await timed("wang"), await timed("wang"), await timed("wang")];
    expect(new Set([...known, ...unknown].map(({ status, body }) => `${status} ${body}`)).size).toBe(1);
    const median = (list: { ms: number }[]) => list.map(({ ms }) => ms).sort((a, b) => a - b)[1] ?? 0;
    expect(median(unknown) / median(known)).toBeGreaterThan(0.4);
  });

  test("of many attempts few are checked; the rest is told when to come again", async () => {
    await addUser({ dataDir: site.dataDir, name: "zhang", role: "guard", password });
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => post("/api/session", { name: "zhang", password: "not the password" })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    // Nor does the right password get through while the wait lasts.
    expect((await post("/api/session", { name: "zhang", password })).status).toBe(429);
  });

  test("twenty well-known pairs of a fresh gateway open nothing", async () => {
    const names = ["admin", "root", "user", "guest", "zhian"];
    for (const name of names) {
      for (const word of ["admin", "123456", "password", ""]) {
        expect([400, 401, 429]).toContain((await post("/api/session", { name, password: word })).status);
      }
    }
  });

  test("who signs out is out, on every later request", async () => {
    const headers = await signInByLink();
    expect((await call("/api/session", { method: "DELETE", headers })).status).toBe(200);
    expect((await call("/api/alarms", { headers })).status).toBe(401);
  });
});

describe("a request from another site", () => {
  /** As a browser sends it; fetch does not let a page set these. */
  function sendAs(headers: Record<string, string>, method: string, path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const outgoing = request(console_.url + path, { method, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      outgoing.on("error", reject);
      outgoing.end(method === "POST" ? "{}" : undefined);
    });
  }

  test("is refused although the browser sends the cookie along", async () => {
    const alarm = site.raise({ rule: "fire", subject: "x", zone: "b3", severity: "critical", zh: "x", en: "x" });
    const cookie = (await signInByLink()).cookie;
    const path = `/api/alarms/${alarm.id}/acknowledge`;
    const from = (headers: Record<string, string>) => sendAs({ cookie, ...json, ...headers }, "POST", path);
    expect(await from({ "sec-fetch-site": "cross-site", origin: "https://evil.example" })).toBe(403);
    expect(await from({ "sec-fetch-site": "same-site", origin: "http://127.0.0.1:9" })).toBe(403);
    expect(await from({ origin: "https://evil.example" })).toBe(403);
    expect(await from({ origin: "null" })).toBe(403);
    expect(await from({ "content-type": "text/plain" })).toBe(415);
    expect(await sendAs({ cookie, origin: "https://evil.example" }, "DELETE", "/api/session")).toBe(403);
    expect(site.desk.get(alarm.id)?.acknowledged).toBe(false);
    expect(await from({ "sec-fetch-site": "same-origin", origin: console_.url })).toBe(200);
    expect(site.desk.get(alarm.id)?.acknowledged).toBe(true);
  });
});

describe("alarms", () => {
  const fire = {
    rule: "fire",
    subject: "ext-b3-2f",
    zone: "b3-u1",
    severity: "critical",
    zh: "温度",
    en: "hot",
  } as const;

  test("are listed most urgent first, with place and name in words", async () => {
    site.raise({ rule: "thrown-object", subject: "cam-b3", zone: "garage", severity: "major", zh: "坠物", en: "fall" });
    site.raise(fire);
    const view = await bodyOf<{ alarms: { rule: string; place: string }[] }>(
      call("/api/alarms", { headers: bearer("guard") }),
    );
    expect(view).toMatchObject({ epoch: "epoch-1", seq: 2, total: 2 });
    expect(view.alarms.map((alarm) => [alarm.rule, alarm.place])).toEqual([
      ["fire", "3栋1单元"],
      ["thrown-object", "3栋 地下车库"],
    ]);
    expect(view.alarms[0]).toMatchObject({ subjectName: "3栋2层灭火装置", title: { zh: "火警" } });
  });

  test("of the gateway itself and of a zone that is no longer configured have a place too", async () => {
    site.raise({ rule: "fault", subject: "gateway", zone: "site", severity: "major", zh: "磁盘", en: "disk" });
    site.raise({ rule: "fault", subject: "old", zone: "gone", severity: "minor", zh: "x", en: "x" });
    const view = await bodyOf<{ alarms: { place: string }[] }>(call("/api/alarms", { headers: bearer("guard") }));
    expect(view.alarms.map(({ place }) => place)).toEqual(["金水湾小区", "gone"]);
  });

  test("are acknowledged and closed under the name of who did it", async () => {
    await addUser({ dataDir: site.dataDir, name: "张伟", role: "guard", password });
    const alarm = site.raise(fire);
    const headers = cookieOf(await post("/api/session", { name: "张伟", password }));
    const acknowledged = await post(`/api/alarms/${alarm.id}/acknowledge`, { comment: "去看看" }, headers);
    expect(await acknowledged.json()).toMatchObject({
      state: "active-acknowledged",
      acknowledgedBy: { name: "张伟", via: "console" },
      comment: "去看看",
    });
    const closed = await post(`/api/alarms/${alarm.id}/close`, { disposition: "false" }, headers);
    expect(await closed.json()).toMatchObject({ state: "closed", disposition: "false", closedBy: { name: "张伟" } });
    const again = await post(`/api/alarms/${alarm.id}/close`, { disposition: "false" }, headers);
    expect(again.status).toBe(409);
    expect((await bodyOf<Problem>(again)).error).toMatchObject({ code: "ALARM_CLOSED", hint: expect.any(String) });
  });

  test("an installer closes tests only", async () => {
    const alarm = site.raise(fire);
    const headers = bearer("installer");
    expect((await post(`/api/alarms/${alarm.id}/close`, { disposition: "false" }, headers)).status).toBe(403);
    expect((await post(`/api/alarms/${alarm.id}/close`, { disposition: "test" }, headers)).status).toBe(200);
  });

  test("a disk that refuses is told, and nothing is claimed to be done", async () => {
    const alarm = site.raise(fire);
    const desk = {
      ...site.desk,
      acknowledge: () => {
        throw new GatewayError("DISK_FULL", "no space");
      },
    };
    const other = await site.start({ desk });
    const answer = await fetch(`${other.url}/api/alarms/${alarm.id}/acknowledge`, {
      method: "POST",
      headers: { ...json, ...bearer("guard") },
      body: "{}",
    });
    expect(answer.status).toBe(503);
    expect((await bodyOf<Problem>(answer)).error.code).toBe("DISK_FULL");
    await other.close();
  });

  test.each([
    ["an unknown disposition", { disposition: "handled" }],
    ["no disposition", {}],
    ["an unknown key", { disposition: "test", by: "somebody else" }],
    ["a comment without end", { disposition: "test", comment: "x".repeat(2001) }],
    ["no object", [1, 2]],
  ])("%s is refused with what is wrong, and changes nothing", async (_what, body) => {
    const alarm = site.raise(fire);
    const answer = await post(`/api/alarms/${alarm.id}/close`, body, bearer("guard"));
    expect(answer.status).toBe(400);
    expect((await bodyOf<Problem>(answer)).error.code).toBe("REQUEST_INVALID");
    expect(site.desk.get(alarm.id)?.state).toBe("active-unacknowledged");
  });

  test.each([
    ["broken JSON", "{", 400],
    ["a key that would reach the prototype", '{"__proto__":{"admin":true}}', 400],
    ["a body beyond 16 KiB", JSON.stringify({ comment: "x".repeat(20_000) }), 413],
    ["nesting without end", "[".repeat(15_000), 400],
  ])("%s is refused", async (_what, body, status) => {
    const alarm = site.raise(fire);
    const init = { method: "POST", headers: { ...json, ...bearer("guard") }, body };
    expect((await call(`/api/alarms/${alarm.id}/acknowledge`, init)).status).toBe(status);
  });
});

describe("health", () => {
  test("a gateway that cannot write is alive and not ready, and says why to whoever asks", async () => {
    site.storage = { writable: false, code: "DISK_FULL", bytes: 1 };
    expect((await call("/healthz")).status).toBe(200);
    const answer = await call("/readyz");
    expect(answer.status).toBe(503);
    expect((await bodyOf<{ reasons: object[] }>(answer)).reasons).toMatchObject([{ code: "DISK_FULL" }]);
  });

  test("metrics are for who is signed in", async () => {
    expect((await call("/metrics")).status).toBe(401);
    const answer = await call("/metrics", { headers: bearer("auditor") });
    expect(answer.headers.get("content-type")).toContain("text/plain");
    expect(await answer.text()).toContain('zhian_console_requests_total{method="GET",route="/metrics",status="401"} 1');
  });
});

describe("the port", () => {
  test("that is taken is reported as such", async () => {
    const failure = await site.start({ listen: { host: "127.0.0.1", port: console_.port } }).catch((error) => error);
    expect(isGatewayError(failure, "PORT_IN_USE")).toBe(true);
    const foreign = await site.start({ listen: { host: "192.0.2.1", port: 0 } }).catch((error) => error);
    expect(isGatewayError(foreign, "LISTEN_REFUSED")).toBe(true);
  });

  test("one address that opens connections without end is held to sixty-four", async () => {
    const sockets = Array.from({ length: 100 }, () => connect(console_.port, "127.0.0.1"));
    let closed = 0;
    for (const socket of sockets) socket.on("error", () => {}).on("close", () => (closed += 1));
    await waitFor("the surplus to be closed", () => closed === 36);
    for (const socket of sockets) socket.destroy();
    await waitFor("an answer afterwards", async () => (await call("/healthz").catch(() => undefined))?.status === 200);
  });

  test("closes at once although a live stream is open", async () => {
    const answer = await call("/api/live", { headers: bearer("guard") });
    const start = performance.now();
    await console_.close();
    expect(performance.now() - start).toBeLessThan(1_000);
    await answer.body?.cancel().catch(() => {});
  });
});

test("a device is told to do what it offers, by somebody with a name; a guard moves nothing", async () => {
  const told = async (role: string, name: string, id = "gate-east") => {
    const answer = await post(`/api/devices/${id}/commands`, { name }, bearer(role));
    return [answer.status, await bodyOf<{ ok?: boolean }>(answer)] as const;
  };
  expect(await told("installer", "unlock")).toEqual([200, { ok: true, confirmed: true }]);
  expect(await told("guard", "set-time")).toEqual([200, { ok: true, confirmed: true }]);
  expect((await told("guard", "unlock"))[0]).toBe(403);
  expect((await told("admin", "unlock", "nobody"))[0]).toBe(404);
  expect((await told("admin", "Un Lock"))[0]).toBe(400);
  expect(site.told.map(({ deviceId, name, args, by }) => [deviceId, name, args, by.via])).toEqual([
    ["gate-east", "unlock", {}, "console"],
    ["gate-east", "set-time", {}, "console"],
  ]);
  expect(site.told[0]?.by.name).toMatch(/^t-installer/);
});

test("the devices are told with their links, their commands and who else knocked, as the API's document says", async () => {
  const deviceId = site.states.keys().next().value ?? "";
  const [first] = site.options().devices.devices();
  if (first === undefined) throw new Error("no device");
  const at = site.clock.wall();
  site.healths = [
    {
      deviceId: first.id,
      received: 7,
      rejected: 1,
      perMinute: 2.5,
      lastRejection: { reason: "bad-json", detail: "…", at },
    },
  ];
  const { devices, strangers } = await bodyOf<{
    devices: { id: string; health?: object; offers: { name: string }[] }[];
    strangers: { via: string; snippet: string }[];
  }>(call("/api/devices", { headers: bearer("guard") }));
  expect(devices[0]).toMatchObject({
    id: deviceId,
    health: {
      ...{ received: 7, rejected: 1, perMinute: 2.5 },
      lastRejection: { reason: "bad-json", at: new Date(at).toISOString() },
    },
  });
  expect(devices.map(({ offers }) => offers.map(({ name }) => name))).toEqual([["unlock", "set-time"], [], [], []]);
  expect(strangers).toMatchObject([{ via: "mqtt", snippet: "- { id: … }" }]);
});
