import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../ports/clock.ts";

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly clock: Clock;
  /** So much of the body is read away, and for so long. */
  readonly drainBytes: number;
  readonly drainMs: number;
}

const heardBytes = 2048;

/**
 * Answers a request whose body is not wanted. The body is read away within bounds, since a client that still writes would
 * lose the answer in a reset; beyond them the connection is cut. Resolves with the start of the body.
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, clock, drainBytes, drainMs }: Refusal,
): Promise<string> {
  const length = Number(request.headers["content-length"] ?? 0);
  const asksFirst = request.headers.expect !== undefined;
  const large = asksFirst || request.headers["transfer-encoding"] !== undefined || length > drainBytes;
  return new Promise((resolve) => {
    const heard: Buffer[] = [];
    let bytes = 0;
    const end = (): void => {
      cancel();
      request.off("data", take).off("end", end).off("close", end);
      response.end(() => {});
      if (!request.complete) request.socket.destroySoon();
      resolve(Buffer.concat(heard).toString("utf8", 0, heardBytes));
    };
    const take = (chunk: Buffer): void => {
      if (bytes < heardBytes) heard.push(chunk.subarray(0, heardBytes - bytes));
      bytes += chunk.length;
      if (bytes > drainBytes) end();
    };
    const cancel = clock.after(drainMs, end);
    if (!response.headersSent)
      response.writeHead(status, { ...headers, "content-length": 0, ...(large ? { connection: "close" } : {}) });
    response.flushHeaders();
    if (request.destroyed || (request.complete && request.readableEnded)) return end();
    request.on("data", take).on("end", end).on("close", end);
    request.resume();
  });
}
