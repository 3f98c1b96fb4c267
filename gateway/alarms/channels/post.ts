import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Clock } from "../../ports/clock.ts";
import type { Delivery } from "../../ports/push.ts";
import { failed } from "./sender.ts";

export interface Post {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** PEM of the only authority to be trusted; else those of the system. */
  readonly ca: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** An answer whose status is known. `body` is absent where it broke off, never ended, or was longer than is read. */
export interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body?: string;
}

/** From the first byte sent to the last byte read. */
export const answerWithinMs = 10_000;
/** An answer is a word or two; more of it is not read. */
export const maxAnswerBytes = 64 * 1024;
/** However long the other side asks to be left alone. */
const maxPatienceMs = 3_600_000;

/**
 * Posts JSON once, over a connection of its own. Certificates are always verified, redirections never followed (they would
 * take the message elsewhere). Resolves with the answer, or with the failure that kept it away.
 */
export function post({ url, headers, body, ca, clock, signal }: Post): Promise<Answer | Delivery> {
  const target = new URL(url);
  return new Promise((resolve) => {
    let reply: IncomingMessage | undefined;
    const settle = (outcome: Answer | Delivery) => {
      cancel();
      signal.removeEventListener("abort", abort);
      sent.destroy();
      resolve(outcome);
    };
    const breakOff = (otherwise: () => Delivery) => settle(reply === undefined ? otherwise() : answerOf(reply));
    const abort = () => breakOff(() => failed(true, "given up by the gateway"));
    const send = target.protocol === "https:" ? httpsRequest : httpRequest;
    const sent = send(target, {
      method: "POST",
      agent: false,
      // Said, since the environment could turn the default off.
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
      headers: {
        "content-type": "application/json; charset=utf-8",
        "content-length": String(Buffer.byteLength(body)),
        accept: "application/json, */*",
        ...headers,
      },
    });
    const cancel = clock.after(answerWithinMs, () =>
      breakOff(() => failed(true, `${target.host} did not answer within ${answerWithinMs / 1000} s`)),
    );
    sent.on("error", (error) => breakOff(() => networkFailure(target.host, codeOf(error), clock)));
    sent.on("response", (incoming) => {
      reply = incoming;
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) settle(answerOf(incoming));
        else chunks.push(chunk);
      });
      incoming.on("end", () => settle({ ...answerOf(incoming), body: Buffer.concat(chunks).toString("utf8") }));
      incoming.on("error", () => settle(answerOf(incoming)));
      incoming.on("close", () => settle(answerOf(incoming)));
    });
    if (signal.aborted) abort();
    else {
      signal.addEventListener("abort", abort, { once: true });
      sent.end(body);
    }
  });
}

/** What a status other than 2xx means for another try (RFC 9110 §15, RFC 6585 §4). */
export function statusFailure({ status, header }: Answer, clock: Clock): Delivery {
  if (status >= 300 && status < 400) {
    return failed(false, `answered ${status}: redirections are not followed; configure the address itself`);
  }
  const transient = status === 408 || status === 425 || status === 429 || status >= 500;
  return failed(transient, `answered ${status}`, transient ? patienceOf(header("retry-after"), clock) : undefined);
}

/** Retry-After in seconds or as a date (RFC 9110 §10.2.3), ms from now, at most an hour; absent where it is neither. */
export function patienceOf(value: string | undefined, clock: Clock): number | undefined {
  const text = value?.trim();
  if (text === undefined || text === "") return undefined;
  const ms = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - clock.wall();
  if (Number.isNaN(ms)) return undefined;
  return Math.min(Math.max(ms, 0), maxPatienceMs);
}

function answerOf(reply: IncomingMessage): Answer {
  return {
    status: reply.statusCode ?? 0,
    header: (name) => {
      const value = reply.headers[name];
      return typeof value === "string" ? value : undefined;
    },
  };
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "unknown";
}

/** OpenSSL's words for a certificate that must not be trusted, as Node passes them on in `code`. */
const certificateFaults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "has expired",
  CERT_NOT_YET_VALID: "is not valid yet",
  CERT_REVOKED: "was revoked",
  CERT_REJECTED: "is rejected for this purpose",
  CERT_SIGNATURE_FAILURE: "has a wrong signature",
  DEPTH_ZERO_SELF_SIGNED_CERT: "is signed by itself alone",
  SELF_SIGNED_CERT_IN_CHAIN: "comes from an authority that is not trusted",
  UNABLE_TO_GET_ISSUER_CERT: "comes from an authority that is not known",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "comes from an authority that is not known",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "cannot be traced to an authority that is known",
  CERT_UNTRUSTED: "is not trusted",
  INVALID_CA: "comes from an authority that may not sign",
  INVALID_PURPOSE: "is not meant for servers",
  ERR_TLS_CERT_ALTNAME_INVALID: "is made out to another name",
  HOSTNAME_MISMATCH: "is made out to another name",
};
const matterOfTime = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);
const noTls = new Set(["EPROTO", "ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

const plainWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses the connection",
  ECONNRESET: "ended the connection without an answer",
  EPIPE: "ended the connection without an answer",
  ENOTFOUND: "has a name that nobody knows",
  EAI_AGAIN: "cannot be looked up: no name server answers",
  ENETUNREACH: "cannot be reached: no network",
  EHOSTUNREACH: "cannot be reached",
  ETIMEDOUT: "cannot be reached",
};

/** Made of the error's code alone: its message could quote what the other side sent. */
export function networkFailure(host: string, code: string, clock: Clock): Delivery {
  const fault = certificateFaults[code];
  if (fault !== undefined) {
    // A gateway that does not know the time yet cannot judge this; it will.
    const transient = matterOfTime.has(code) && clock.quality().state === "unsynchronised";
    const hint = transient ? "; the gateway's own clock is not set yet" : "";
    return failed(transient, `the certificate of ${host} ${fault} (${code})${hint}; nothing was sent`);
  }
  if (noTls.has(code)) return failed(false, `${host} does not speak TLS (${code})`);
  return failed(true, `${host} ${plainWords[code] ?? "cannot be reached"} (${code})`);
}
