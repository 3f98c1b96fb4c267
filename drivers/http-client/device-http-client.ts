import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { parseChallenges } from "./challenge.ts";
import { answerChallenge, basicAuthorization, type SignedRequest } from "./credentials.ts";

/** One request to a device in the field. */
export interface DeviceRequest {
  /** `http:` or `https:`, without user name and password in it. */
  readonly url: string | URL;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The device's own account. Sent only as the answer to its challenge, see `authenticate`. */
  readonly username?: string;
  readonly password?: string;
  /**
   * `challenge` (the default): the device is asked without credentials, and its 401 is answered by Digest or Basic. `basic`:
   * they go with the first request, for devices whose manual says Basic and which may send no challenge.
   */
  readonly authenticate?: "challenge" | "basic";
  /** Ends the request, and the stream of its reply. */
  readonly signal?: AbortSignal;
  /** Until the head of the last reply; the body may take as long as it likes. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Asks a device and resolves with whatever it replies, a 401 that no credentials help against included. The body streams; who
 * does not read it to its end must cancel it. Every request has a connection of its own, since embedded servers drop kept ones
 * without a word; a redirection is not followed, so that credentials go nowhere else. Rejects with `NO_ANSWER` after
 * `timeoutMs`, with `LINK_LOST` where the connection fails, and with the signal's reason on abort.
 */
export async function deviceFetch(request: DeviceRequest): Promise<Response> {
  const { username, password = "", authenticate = "challenge", signal, timeoutMs, clock } = request;
  const target = new URL(request.url);
  const signed: SignedRequest = { method: request.method ?? "GET", uri: target.pathname + target.search };
  const ending = new AbortController();
  const end = () => ending.abort(signal?.reason);
  if (signal?.aborted === true) throw signal.reason;
  signal?.addEventListener("abort", end, { once: true });
  const cancel = clock.after(timeoutMs, () => {
    ending.abort(new GatewayError("NO_ANSWER", `${target.host} did not answer within ${timeoutMs} ms`));
  });
  const respond = (reply: IncomingMessage): Response => {
    reply.once("close", () => signal?.removeEventListener("abort", end));
    return responseOf(reply);
  };
  try {
    const send = (authorization?: string) => exchange(request, target, signed.method, ending.signal, authorization);
    const credentials = username === undefined ? undefined : { username, password };
    const first = credentials !== undefined && authenticate === "basic" ? basicAuthorization(credentials) : undefined;
    const reply = await send(first);
    if (reply.statusCode !== 401 || credentials === undefined || first !== undefined) return respond(reply);
    const answer = answerChallenge(challengesOf(reply), credentials, signed);
    if (answer === undefined) return respond(reply);
    reply.destroy();
    const second = await send(answer);
    // The nonce was too old the moment it was given: once more, and no more.
    const [stale] = challengesOf(second).filter(({ params }) => params.get("stale")?.toLowerCase() === "true");
    if (second.statusCode !== 401 || stale === undefined) return respond(second);
    second.destroy();
    return respond(await send(answerChallenge(challengesOf(second), credentials, signed)));
  } catch (error) {
    signal?.removeEventListener("abort", end);
    if (ending.signal.aborted) throw ending.signal.reason;
    throw error;
  } finally {
    cancel();
  }
}

function challengesOf(reply: IncomingMessage) {
  return parseChallenges(reply.headersDistinct["www-authenticate"] ?? []);
}

function exchange(
  { headers, body }: DeviceRequest,
  target: URL,
  method: string,
  signal: AbortSignal,
  authorization: string | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = target.protocol === "https:" ? httpsRequest : httpRequest;
    const sent = send(target, {
      method,
      agent: false,
      signal,
      headers: {
        accept: "*/*",
        ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
        ...headers,
        ...(authorization === undefined ? {} : { authorization }),
      },
    });
    sent.on("response", (reply) => {
      // An error of the stream after this belongs to whoever reads it.
      reply.on("error", () => {});
      resolve(reply);
    });
    sent.on("error", (cause) => {
      reject(new GatewayError("LINK_LOST", `${target.host} cannot be asked: ${cause.message}`, { cause }));
    });
    sent.end(body);
  });
}

/** Replies that have no body by their status, for which a `Response` takes none. */
const bodiless = new Set([204, 205, 304]);

function responseOf(reply: IncomingMessage): Response {
  const status = reply.statusCode ?? 0;
  if (status < 200 || status > 599) {
    reply.destroy();
    throw new GatewayError("BAD_FRAME", `the device answered with the status ${status}`);
  }
  const headers = new Headers();
  for (const [name, values] of Object.entries(reply.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  if (bodiless.has(status)) {
    reply.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(reply) as ReadableStream<Uint8Array>, { status, headers });
}
