import type { IncomingMessage } from "node:http";
import type { HttpPart } from "../ports/driver.ts";
import { boundaryOf, type MultipartFault, MultipartSplitter } from "./multipart.ts";

/** Why a body could not be taken. `incomplete`: the connection ended within it. */
export type BodyFault = MultipartFault | "encoded" | "incomplete";

export type PushBody =
  | { readonly ok: true; readonly body: Uint8Array; readonly parts: readonly HttpPart[]; readonly droppedBytes: number }
  | { readonly ok: false; readonly fault: BodyFault };

export interface BodyBounds {
  /** What is kept of it, bytes. */
  readonly keepBytes: number;
  /** All of a multipart body, bytes. */
  readonly multipartBytes: number;
}

const isMultipart = (contentType: string): boolean => /^\s*multipart\//i.test(contentType);

/** What can be said of a body by the head of its request: why it is refused unread, and how much memory it may need. */
export function foresee(request: IncomingMessage, bounds: BodyBounds): { fault?: BodyFault; holds: number } {
  const { headers } = request;
  const coding = headers["content-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "identity") return { fault: "encoded", holds: 0 };
  const multipart = isMultipart(headers["content-type"] ?? "");
  if (multipart && boundaryOf(headers["content-type"] ?? "") === undefined) return { fault: "no-boundary", holds: 0 };
  const chunked = headers["transfer-encoding"] !== undefined;
  const length = chunked ? Number.POSITIVE_INFINITY : Number(headers["content-length"] ?? 0);
  const most = multipart ? bounds.multipartBytes : bounds.keepBytes;
  if (!chunked && length > most) return { fault: "too-big", holds: 0 };
  return { holds: Math.min(length, bounds.keepBytes) };
}

/** Reads a body to its end, within the bounds; after a fault the rest is still unread. */
export function readBody(request: IncomingMessage, bounds: BodyBounds): Promise<PushBody> {
  const contentType = request.headers["content-type"] ?? "";
  const boundary = isMultipart(contentType) ? boundaryOf(contentType) : undefined;
  const splitter = boundary === undefined ? undefined : new MultipartSplitter(boundary, bounds.keepBytes);
  const most = splitter === undefined ? bounds.keepBytes : bounds.multipartBytes;
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve) => {
    const finish = (result: PushBody): void => {
      request.off("data", take).off("end", end).off("close", cut).pause();
      resolve(result);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      const fault = bytes > most ? "too-big" : splitter?.push(chunk);
      if (fault !== undefined) finish({ ok: false, fault });
      else if (splitter === undefined) chunks.push(chunk);
    };
    const end = (): void => {
      const fault = splitter?.end();
      if (fault !== undefined) finish({ ok: false, fault });
      else {
        const { parts = [], droppedBytes = 0 } = splitter ?? {};
        finish({ ok: true, body: Buffer.concat(chunks), parts, droppedBytes });
      }
    };
    const cut = (): void => finish({ ok: false, fault: "incomplete" });
    // Gone while it waited for its turn to be read.
    if (request.destroyed) return cut();
    request.on("data", take).on("end", end).on("close", cut);
  });
}
