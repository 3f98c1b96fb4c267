import { get } from "node:http";
import { connect, createServer } from "node:net";
import { type Finding, fail, ok, warn } from "./finding.ts";

export interface Listener {
  /** `broker`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

const answerWithinMs = 3_000;
const standardPorts: Readonly<Record<string, number>> = { "mqtt:": 1883, "mqtts:": 8883, "ws:": 80, "wss:": 443 };

/** Is a gateway running behind this console? Any host that it listens on is asked by loopback. */
export function consoleAnswers({ host, port }: Listener): Promise<boolean> {
  return new Promise((resolve) => {
    const where = { host: askable(host), port, path: "/healthz", timeout: answerWithinMs };
    const request = get(where, (response) => {
      response.resume();
      resolve(response.statusCode === 200 || response.statusCode === 503);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

/** Can it be listened on, or does the running gateway do so? */
export async function checkListener(listener: Listener, running: boolean): Promise<Finding> {
  const { name, host, port } = listener;
  const check = `${name} address`;
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const refusal = await bindError(host, port);
  if (refusal === undefined) return ok(check, `${where} is free`);
  if (refusal === "EADDRINUSE") {
    if (running) return ok(check, `${where} is held by the running gateway`);
    const hint = `Another program listens there (ss -ltnp names it). Stop it or change ${name}.listen.`;
    return fail(check, `${where} is taken`, hint);
  }
  const rights = refusal === "EACCES" ? "Ports below 1024 need rights that the gateway does not have: " : "";
  return fail(check, `${where}: ${refusal}`, `${rights}change ${name}.listen to an address of this machine.`);
}

/** A TCP connection, and no more: what the broker thinks of our password shows when the gateway runs. */
export async function checkUplink(url: string): Promise<Finding> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const number = port === "" ? (standardPorts[protocol] ?? 1883) : Number(port);
  const where = `${hostname}:${number}`;
  const refusal = await connectError(host, number);
  if (refusal === undefined) return ok("uplink", `${where} is reached`);
  const hint = "Nothing is lost meanwhile. Check the address, the line, and the firewall on the way.";
  return fail("uplink", `${where}: ${refusal}`, hint);
}

export function tellConsole(listener: Listener, running: boolean): Finding {
  const where = `http://${askable(listener.host)}:${listener.port}`;
  if (running) return ok("console", `a gateway answers at ${where}`);
  return warn("console", `no gateway answers at ${where}`, "Fine before the first start: npx zhian run --config FILE.");
}

function askable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function bindError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(codeOf(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function connectError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: answerWithinMs });
    const end = (result: string | undefined) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end(`no answer in ${answerWithinMs / 1000} s`));
    socket.once("error", (error) => end(codeOf(error)));
  });
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.message;
}
