import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { readBodyText } from "./body-text.ts";
import { deviceFetch } from "./device-http-client.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function device(handle: (request: IncomingMessage, reply: ServerResponse, body: string) => void) {
  const asked: {
    authorization: string | undefined;
    body: string;
    method: string | undefined;
    url: string | undefined;
  }[] = [];
  const server = createServer((request, reply) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const { method, url, headers } = request;
      asked.push({ authorization: headers.authorization, body, method, url });
      handle(request, reply, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, asked, server };
}

const clock = () => new ManualClock();
const account = { username: "admin", password: "p:w" };
const text = (response: Response) => readBodyText(response, { maxBytes: 10_000, timeoutMs: 1000, clock: clock() });

test("a device that asks for nothing is sent no credentials", async () => {
  const { url, asked } = await device((_request, reply) => reply.end("fine"));
  const response = await deviceFetch({ url: `${url}/a?b=1`, ...account, timeoutMs: 1000, clock: clock() });
  expect([response.status, await text(response)]).toEqual([200, "fine"]);
  expect(asked).toEqual([{ authorization: undefined, body: "", method: "GET", url: "/a?b=1" }]);
});

test("a challenge is answered with the same body once, and a wrong password does not loop", async () => {
  const { url, asked } = await device((_request, reply) => {
    reply.writeHead(
      401,
      [
        ["WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'],
        ["WWW-Authenticate", "Basic"],
      ].flat(),
    );
    reply.end("no");
  });
  const ask = { url: `${url}/action/Subscribe`, method: "POST", body: '{"门":1}', ...account, timeoutMs: 1000 };
  const response = await deviceFetch({ ...ask, clock: clock() });
  expect([response.status, await text(response)]).toEqual([401, "no"]);
  expect(asked.map(({ body }) => body)).toEqual(['{"门":1}', '{"门":1}']);
  expect(asked[0]?.authorization).toBeUndefined();
  expect(asked[1]?.authorization).toMatch(/^Digest username="admin", .*uri="\/action\/Subscribe"/);
});

test("a nonce that was stale at once is replaced once", async () => {
  let nonce = 0;
  const { url, asked } = await device((request, reply) => {
    if (request.headers.authorization?.includes('nonce="2"') === true) return reply.end("in");
    nonce += 1;
    reply.writeHead(401, { "www-authenticate": `Digest realm="r", nonce="${nonce}", stale=${nonce > 1}, qop=auth` });
    return reply.end();
  });
  const response = await deviceFetch({ url, ...account, timeoutMs: 1000, clock: clock() });
  expect(response.status).toBe(200);
  expect(asked).toHaveLength(3);
});

test("where the manual says Basic, the credentials go with the first request", async () => {
  const { url, asked } = await device((_request, reply) => reply.end());
  await deviceFetch({ url, ...account, authenticate: "basic", timeoutMs: 1000, clock: clock() });
  expect(asked.map(({ authorization }) => authorization)).toEqual(["Basic YWRtaW46cDp3"]);
});

test("a redirection is handed back and not followed", async () => {
  const other = await device((_request, reply) => reply.end());
  const { url } = await device((_request, reply) => reply.writeHead(302, { location: other.url }).end());
  const response = await deviceFetch({ url, ...account, authenticate: "basic", timeoutMs: 1000, clock: clock() });
  expect([response.status, response.headers.get("location")]).toEqual([302, other.url]);
  expect(other.asked).toEqual([]);
});

test("a device that does not answer is given up by the clock, and one that is not there at once", async () => {
  const { url, asked, server } = await device(() => {});
  const time = clock();
  const asking = deviceFetch({ url, timeoutMs: 5000, clock: time });
  await waitFor("the request", () => asked.length === 1);
  time.advance(5000);
  await expect(asking).rejects.toMatchObject({ code: "NO_ANSWER" });
  server.closeAllConnections();
  server.close();
  await expect(deviceFetch({ url, timeoutMs: 5000, clock: time })).rejects.toMatchObject({ code: "LINK_LOST" });
});

test("a reply that is no HTTP is a lost link, and a status that nobody knows is a bad frame", async () => {
  const { url, server } = await device((_request, reply) => reply.writeHead(999).end());
  await expect(deviceFetch({ url, timeoutMs: 1000, clock: clock() })).rejects.toMatchObject({ code: "BAD_FRAME" });
  server.prependListener("connection", (socket) => socket.end("noise\r\n\r\n"));
  await expect(deviceFetch({ url, timeoutMs: 1000, clock: clock() })).rejects.toMatchObject({ code: "LINK_LOST" });
});

test("a stream is handed over as it comes, and ends with the signal", async () => {
  const { url } = await device((_request, reply) => {
    reply.write("one");
    setTimeout(() => reply.write("two"), 5);
  });
  const abort = new AbortController();
  const response = await deviceFetch({ url, signal: abort.signal, timeoutMs: 1000, clock: clock() });
  const reader = response.body?.getReader();
  const heard: string[] = [];
  for (const _ of [1, 2]) heard.push(Buffer.from((await reader?.read())?.value ?? []).toString());
  expect(heard).toEqual(["one", "two"]);
  abort.abort(new Error("the session ends"));
  await expect(reader?.read()).rejects.toThrow();
  await expect(deviceFetch({ url, signal: abort.signal, timeoutMs: 1, clock: clock() })).rejects.toThrow(
    "session ends",
  );
});

test("a body without end is cut off at its bound and by the clock", async () => {
  const { url } = await device((request, reply) => {
    reply.write("x".repeat(request.url === "/long" ? 5000 : 1));
  });
  const time = clock();
  const long = await deviceFetch({ url: `${url}/long`, timeoutMs: 1000, clock: time });
  await expect(readBodyText(long, { maxBytes: 4999, timeoutMs: 1000, clock: time })).rejects.toMatchObject({
    code: "BAD_FRAME",
  });
  const slow = await deviceFetch({ url, timeoutMs: 1000, clock: time });
  const reading = readBodyText(slow, { maxBytes: 4999, timeoutMs: 1000, clock: time });
  time.advance(1000);
  await expect(reading).rejects.toMatchObject({ code: "NO_ANSWER" });
});

test("a reply without a body has none", async () => {
  const { url } = await device((_request, reply) => reply.writeHead(204).end());
  const response = await deviceFetch({ url, timeoutMs: 1000, clock: clock() });
  expect([response.status, await text(response)]).toEqual([204, ""]);
});
