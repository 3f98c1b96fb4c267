import type { IncomingMessage, ServerResponse } from "node:http";
import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { HttpPush, HttpReply } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { BodyBudget, BodyLease } from "./body-budget.ts";
import { describeFault } from "./fault-description.ts";
import type { HttpAccount, HttpAdmission, HttpVerdict } from "./http-admission.ts";
import type { HttpLink } from "./http-link.ts";
import { addressOf, type IngestConnections } from "./ingest-connections.ts";
import type { IngestLimits } from "./ingest-limits.ts";
import { bareType } from "./multipart.ts";
import { type BodyBounds, type BodyFault, foresee, readBody } from "./push-body.ts";
import { type PushTarget, parseTarget } from "./push-target.ts";
import { refuse } from "./refusal.ts";
import type { SparseLog } from "./sparse-log.ts";
import { presentable } from "./strangers.ts";

export interface IngestRequestsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly limits: IngestLimits;
  readonly log: SparseLog;
  readonly admission: HttpAdmission;
  readonly connections: IngestConnections;
  readonly bodies: BodyBudget;
  readonly linkOf: (deviceId: DeviceId) => HttpLink;
}

/** Smaller bodies are worth no budget: they fit into what a socket buffers anyway. */
const smallBytes = 64 * 1024;

type Method = HttpPush["method"];

/** One request with what is known of it once its device has signed in. */
interface SignedIn {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: Method;
  readonly account: HttpAccount;
  readonly link: HttpLink;
  readonly target: PushTarget;
  readonly path: string;
}

const statusOf: Record<BodyFault, number> = {
  "too-big": 413,
  "too-many-parts": 413,
  "part-header": 400,
  "no-boundary": 400,
  "no-part": 400,
  encoded: 415,
  incomplete: 400,
};

/** From the head of a request to its answer: who is it, may it now, what does it say, and what says the session to that? */
export class IngestRequests {
  readonly #options: IngestRequestsOptions;
  readonly #idle: (() => void)[] = [];
  #open = 0;

  constructor(options: IngestRequestsOptions) {
    this.#options = options;
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    const { connections } = this.#options;
    const { socket } = request;
    this.#open += 1;
    connections.headed(socket);
    // Its connection may be gone by the time of an answer.
    request.on("error", () => {});
    response.on("error", () => {});
    let signedIn = false;
    const answer = this.#answer(request, response).then((known) => {
      signedIn = known;
    });
    const over = (): void => {
      connections.answered(socket, signedIn);
      this.#open -= 1;
      if (this.#open === 0) for (const done of this.#idle.splice(0)) done();
    };
    answer.then(over, (error: unknown) => {
      over();
      this.#options.logger.error(describeFault(error), "a request of a device could not be answered");
      socket.destroy();
    });
  }

  /** Resolves when none is under way. */
  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Resolves when all is said, with whether a device signed in. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { admission, linkOf } = this.#options;
    const method = methodOf(request);
    const target = parseTarget(request.url ?? "");
    if (method === undefined || target === undefined) {
      await this.#refuse(request, response, method === undefined ? 405 : 400);
      return false;
    }
    const verdict = admission.judge({
      address: addressOf(request.socket),
      method,
      uri: request.url ?? "",
      target,
      authorization: request.headers.authorization,
    });
    if (!verdict.admitted) {
      await this.#turnAway(request, response, verdict);
      return false;
    }
    const { account, path } = verdict;
    const link = linkOf(account.deviceId);
    link.sign();
    await this.#admitted({ request, response, method, account, link, target, path });
    return true;
  }

  async #admitted(signed: SignedIn): Promise<void> {
    const { limits, bodies } = this.#options;
    const { request, response, account, link } = signed;
    const waitMs = link.meter.admit();
    if (waitMs > 0) return void (await this.#refuse(request, response, 429, { signed, retryMs: waitMs }));
    const bounds = { keepBytes: account.maxBodyBytes ?? limits.bodyBytes, multipartBytes: limits.multipartBytes };
    const { fault, holds } = foresee(request, bounds);
    if (fault !== undefined) return this.#refuseBody(signed, fault);
    if (!link.enter(holds)) return void (await this.#refuse(request, response, 503, { signed, retryMs: 1000 }));
    const lease = holds > smallBytes ? await roomFor(bodies, holds, request) : undefined;
    try {
      await this.#entered(signed, bounds);
    } finally {
      lease?.release();
      link.leave(holds);
    }
  }

  async #entered(signed: SignedIn, bounds: BodyBounds): Promise<void> {
    const { connections, telemetry } = this.#options;
    const { request, response, account, target } = signed;
    if (/^100-continue$/i.test(request.headers.expect ?? "")) response.writeContinue();
    const read = await readBody(request, bounds);
    connections.bodied(request.socket);
    if (!read.ok) return this.#refuseBody(signed, read.fault);
    const { body, parts, droppedBytes } = read;
    if (droppedBytes > 0)
      telemetry.count("zhian_ingest_dropped_bytes_total", { device: account.deviceId }, droppedBytes);
    const reply = await this.#hand(signed, {
      method: signed.method,
      path: signed.path,
      query: target.query,
      contentType: bareType(request.headers["content-type"] ?? ""),
      header: (name) => headerOf(request, name),
      body,
      parts,
      address: addressOf(request.socket),
    });
    if (reply === undefined) await this.#refuse(request, response, 503, { signed, retryMs: 5000 });
    else await this.#reply(signed, reply);
  }

  /** Absent where the session did not take it. */
  async #hand({ account, link }: SignedIn, push: HttpPush): Promise<HttpReply | undefined> {
    const { admission, logger, log } = this.#options;
    try {
      return await link.deliver(push, () => admission.stillAdmits(account));
    } catch (error) {
      const fields = { deviceId: account.deviceId, ...describeFault(error) };
      log.note(`push\n${account.deviceId}\n${fields.code}`, (count) =>
        logger.warn({ ...fields, count }, "a push was not stored; the device is told to send it again"),
      );
      return undefined;
    }
  }

  #reply(signed: SignedIn, { status, contentType, body = "" }: HttpReply): Promise<void> {
    const { response, account } = signed;
    this.#count(status, account.deviceId);
    const type = contentType === undefined ? {} : { "content-type": contentType };
    const close = this.#options.connections.closing ? { connection: "close" } : {};
    // RFC 9110 §8.6: an answer that has no content tells no length of it.
    const length = status === 204 ? {} : { "content-length": Buffer.byteLength(body) };
    response.writeHead(status, { ...type, ...close, ...length });
    const { socket } = signed.request;
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off("close", done);
        resolve();
      };
      // One that closed without waiting for the answer gets none.
      if (socket.destroyed) return done();
      socket.on("close", done);
      response.end(body, done);
    });
  }

  /** What a device says and cannot be taken is counted as its own. */
  async #refuseBody(signed: SignedIn, fault: BodyFault): Promise<void> {
    const { request, response, link, target } = signed;
    const bytes = Number(request.headers["content-length"]);
    link.refused({
      reason: fault === "too-big" ? "too-big" : fault === "incomplete" ? "incomplete" : "bad-body",
      detail: `the body of the request: ${fault}`,
      source: presentable(target.shown),
      ...(Number.isSafeInteger(bytes) ? { bytes } : {}),
    });
    await this.#refuse(request, response, statusOf[fault], { signed });
  }

  async #turnAway(
    request: IncomingMessage,
    response: ServerResponse,
    verdict: Extract<HttpVerdict, { admitted: false }>,
  ): Promise<void> {
    const { challenges, waitMs, stranger } = verdict;
    const headers = challenges.length === 0 ? {} : { "www-authenticate": [...challenges] };
    const status = waitMs === undefined ? 401 : 429;
    const retry = waitMs === undefined ? {} : { retryMs: waitMs };
    const heard = await this.#refuse(request, response, status, { headers, ...retry });
    stranger?.(heard);
  }

  /** Answers without having read the body; resolves with the start of it, when the answer is out. */
  async #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    more: { signed?: SignedIn; headers?: Record<string, string | string[]>; retryMs?: number } = {},
  ): Promise<string> {
    const { clock, limits, connections } = this.#options;
    this.#count(status, more.signed?.account.deviceId);
    const headers = { ...more.headers, ...(status === 405 ? { allow: "GET, POST, PUT" } : {}) };
    const retry =
      more.retryMs === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(more.retryMs / 1000))) };
    const { drainBytes, drainMs } = limits;
    connections.bodied(request.socket);
    return refuse(request, response, { status, headers: { ...headers, ...retry }, clock, drainBytes, drainMs });
  }

  #count(status: number, deviceId: DeviceId | undefined): void {
    this.#options.telemetry.count("zhian_ingest_requests_total", {
      device: deviceId ?? "none",
      status: String(status),
    });
  }
}

function methodOf({ method }: IncomingMessage): Method | undefined {
  return method === "GET" || method === "POST" || method === "PUT" ? method : undefined;
}

/** The device's own credentials are nobody's business behind the door. */
function headerOf(request: IncomingMessage, name: string): string | undefined {
  const key = name.toLowerCase();
  if (key === "authorization" || !Object.hasOwn(request.headers, key)) return undefined;
  const value = request.headers[key];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Waits for it unread; a request that is gone meanwhile waits no longer. */
function roomFor(bodies: BodyBudget, bytes: number, request: IncomingMessage): Promise<BodyLease> {
  return new Promise((resolve) => {
    const gone = (): void => resolve(lease);
    const lease = bodies.acquire(bytes, () => {
      request.off("close", gone);
      queueMicrotask(() => resolve(lease));
    });
    request.once("close", gone);
  });
}
