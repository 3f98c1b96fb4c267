import { isIP } from "node:net";
import { z } from "zod";

/** Where a server listens. Port 0: a free one. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const expected = "HOST:PORT, for example 127.0.0.1:1883 or [::1]:1883";
const shape = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):(\d{1,5})$/i;

/** Absent where the text is no address. Host names are taken as they are; whether they resolve shows at the start. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [, six, other] = match;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  if (six !== undefined) return isIP(six) === 6 ? { host: six, port } : undefined;
  const host = other ?? "";
  const name = /^(?!-)[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(host) && !/^[\d.]+$/.test(host);
  return name || isIP(host) === 4 ? { host, port } : undefined;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

export const listenSchema = z
  .string(expected)
  .regex(shape, expected)
  .meta({ title: "HOST:PORT" })
  .transform((text, context): Endpoint => {
    const endpoint = parseEndpoint(text);
    if (endpoint !== undefined) return endpoint;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });
