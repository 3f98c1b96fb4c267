import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeAlarm, FakeSite } from "../../tests/browser/fake-site.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import type { RunningConsole } from "./console.ts";
import { addToken } from "./tokens.ts";

const fire: FakeAlarm = {
  rule: "fire",
  subject: "ext-b3-2f",
  zone: "b3-u1",
  severity: "critical",
  zh: "温度",
  en: "hot",
};

let clock: ManualClock;
let site: FakeSite;
let console_: RunningConsole;
let token: string;
let names = 0;
const opened: AbortController[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  site = new FakeSite(clock);
  console_ = await site.start();
  token = newToken();
});
afterEach(async () => {
  for (const stop of opened.splice(0)) stop.abort();
  await console_.close();
});

function newToken(): string {
  names += 1;
  return addToken({ dataDir: site.dataDir, name: `token-${names}`, role: "guard" });
}

interface Heard {
  readonly id?: string;
  readonly event: string;
  readonly data: { readonly seq?: number; readonly [key: string]: unknown };
}

/** A client by the HTML Standard's rules for event streams, as far as the console uses them. */
async function listen(headers: Record<string, string> = {}, query = "") {
  const stop = new AbortController();
  opened.push(stop);
  const answer = await fetch(`${console_.url}/api/live${query}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: stop.signal,
  });
  const heard: Heard[] = [];
  const state = { ended: false };
  void (async () => {
    let text = "";
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
        if (fields.event !== undefined) heard.push({ ...fields, event: fields.event, data: JSON.parse(fields.data) });
      }
    }
  })()
    .catch(() => {})
    .finally(() => {
      state.ended = true;
    });
  const ids = (event: string) => heard.filter((one) => one.event === event).map((one) => Number(one.id));
  return { answer, heard, ids, state, stop };
}

test("a client gets the open alarms first and then each change, with the number of the alarm log as id", async () => {
  site.raise(fire);
  const { answer, heard, ids } = await listen();
  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  await waitFor("the state", () => heard.length === 2);
  expect(heard.map(({ event, id }) => [event, id])).toEqual([
    ["snapshot", "1"],
    ["status", undefined],
  ]);
  expect(heard[0]?.data).toMatchObject({ seq: 1, total: 1, alarms: [{ place: "3栋1单元" }] });
  expect(heard[1]?.data).toMatchObject({ devices: { total: 4, online: 4 }, uplink: { state: "up" }, ready: true });
  const second = site.raise(fire);
  site.desk.acknowledge(second.id, { name: "zhang", via: "console" });
  await waitFor("the changes", () => ids("transition").length === 2);
  expect(ids("transition")).toEqual([2, 3]);
  expect(heard.at(-1)?.data).toMatchObject({ transition: { step: "acknowledged" }, alarm: { acknowledged: true } });
});

test("a client that comes back with Last-Event-ID gets exactly what it missed", async () => {
  for (let i = 0; i < 10; i++) site.raise(fire);
  const byHeader = await listen({ "last-event-id": "7" });
  const byQuery = await listen({}, "?after=7&epoch=epoch-1");
  await waitFor("both", () => byHeader.heard.length === 4 && byQuery.heard.length === 4);
  expect(byHeader.heard.map(({ event }) => event)).toEqual(["transition", "transition", "transition", "status"]);
  expect(byHeader.ids("transition")).toEqual([8, 9, 10]);
  expect(byQuery.ids("transition")).toEqual([8, 9, 10]);
});

test.each([
  ["of another epoch", {}, "?after=7&epoch=epoch-0"],
  ["from beyond the log", { "last-event-id": "4711" }, ""],
  ["that is no number", { "last-event-id": "x" }, ""],
  ["too far back", { "last-event-id": "1" }, ""],
])("a number %s gets the whole state instead", async (what, headers, query) => {
  for (let i = 0; i < (what === "too far back" ? 300 : 10); i++) site.raise(fire);
  const { heard } = await listen(headers, query);
  await waitFor("the state", () => heard.length === 2);
  expect(heard.map(({ event }) => event)).toEqual(["snapshot", "status"]);
});

test("nothing is missed or doubled between the snapshot and the changes", async () => {
  const raising = setInterval(() => site.raise(fire), 1);
  try {
    for (let i = 0; i < 10; i++) {
      const { heard, ids, stop } = await listen();
      await waitFor("some changes", () => ids("transition").length >= 5);
      const from = Number(heard[0]?.id) + 1;
      const seen = ids("transition");
      expect(seen).toEqual(seen.map((_, k) => from + k));
      stop.abort();
    }
  } finally {
    clearInterval(raising);
  }
});

test("without any change a client hears every five seconds that the gateway is there", async () => {
  const { ids, heard } = await listen();
  await waitFor("the state", () => heard.length === 2);
  clock.advance(15_000);
  await waitFor("three beats", () => ids("status").length === 4);
});

test("a storm of device states makes one status a second", async () => {
  const { heard, ids } = await listen();
  await waitFor("the state", () => heard.length === 2);
  for (let i = 0; i < 1_000; i++) site.setDevice("gate-east", i % 2 === 0 ? "offline" : "online");
  site.setDevice("gate-east", "offline");
  clock.advance(1_000);
  await waitFor("the status", () => ids("status").length === 2);
  expect(heard.at(-1)?.data).toMatchObject({ devices: { online: 3, offline: 1 } });
});

test("a client that takes nothing is cut off; the others miss nothing", async () => {
  const good = await listen();
  const hung: Socket = connect(console_.port, "127.0.0.1");
  hung.on("error", () => {});
  hung.pause();
  hung.write(`GET /api/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${newToken()}\r\n\r\n`);
  await waitFor("two clients", async () => (await site.metrics.render()).includes("zhian_console_live_clients 2"));
  const long = { ...fire, zh: "温".repeat(20_000) };
  const cut = async () => (await site.metrics.render()).includes('zhian_console_live_cut_total{reason="slow"} 1');
  const memory = process.memoryUsage().rss;
  await waitFor("the cut", async () => {
    site.raise(long);
    return cut();
  });
  expect(process.memoryUsage().rss - memory).toBeLessThan(200e6);
  site.raise(fire);
  await waitFor("the last change", () => good.ids("transition").at(-1) === site.logged.length);
  expect(good.ids("transition")).toEqual(site.logged.map(({ seq }) => seq));
  hung.destroy();
});

test("nobody takes up all places: eight streams for one, thirty-two for all", async () => {
  const answers: number[] = [];
  for (let i = 0; i < 9; i++) answers.push((await listen()).answer.status);
  expect(answers).toEqual([...Array(8).fill(200), 503]);
  for (let who = 0; who < 3; who++) {
    token = newToken();
    for (let i = 0; i < 8; i++) expect((await listen()).answer.status).toBe(200);
  }
  token = newToken();
  const { answer } = await listen();
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("10");
});

test("a place is free again when its client has gone", async () => {
  for (let i = 0; i < 8; i++) await listen();
  opened[0]?.abort();
  await waitFor("the place", async () => (await listen()).answer.status === 200);
});

test("a stream ends when its session does, with a word", async () => {
  const code = console_.signInUrl?.split("#code=")[1];
  const signedIn = await fetch(`${console_.url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const { heard, state } = await listen({ authorization: "", cookie });
  await waitFor("the state", () => heard.length === 2);
  await fetch(`${console_.url}/api/session`, { method: "DELETE", headers: { cookie } });
  clock.advance(5_000);
  await waitFor("the end", () => state.ended);
  expect(heard.at(-1)?.event).toBe("signed-out");
});
