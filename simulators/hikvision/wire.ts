import { seeded } from "../random.ts";

/** What one event says, as JSON and as XML have it. */
export type Values = { readonly [name: string]: string | number | boolean | Values | readonly Values[] };

/** `2026-11-24T08:00:00+08:00`, at a fixed offset as these devices keep it. */
export function isapiTime(atMs: number, offsetMinutes = 480): string {
  const wall = new Date(atMs + offsetMinutes * 60_000).toISOString().slice(0, 19);
  const sign = offsetMinutes < 0 ? "-" : "+";
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `${wall}${sign}${two(offsetMinutes / 60)}:${two(offsetMinutes % 60)}`;
}

export function asJson(event: Values): Buffer {
  return Buffer.from(JSON.stringify(event, undefined, "\t"));
}

export function asXml(event: Values): Buffer {
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  const root = '<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">';
  return Buffer.from(`${head}${root}\n${elements(event)}</EventNotificationAlert>\n`);
}

function elements(values: Values): string {
  return Object.entries(values)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => element(name, each)))
    .join("");
}

function element(name: string, value: unknown): string {
  if (typeof value === "object" && value !== null) return `<${name}>\n${elements({ ...value })}</${name}>\n`;
  const text = String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<${name}>${text}</${name}>\n`;
}

export interface WirePart {
  readonly name: string;
  readonly filename?: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** multipart/form-data as terminals push it: the event first, its pictures behind it. */
export function formData(parts: readonly WirePart[], boundary = "MIME_boundary"): Buffer {
  const pieces = parts.flatMap(({ name, filename, contentType, body }) => {
    const file = filename === undefined ? "" : `; filename="${filename}"`;
    const disposition = `Content-Disposition: form-data; name="${name}"${file}`;
    const head = `--${boundary}\r\n${disposition}\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`;
    return [Buffer.from(head), body, Buffer.from("\r\n")];
  });
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

/** One part of the alert stream. The delimiter stands before it, and the next one comes with the next part. */
export function streamPart(
  contentType: string,
  body: Buffer,
  boundary: string,
  length: "right" | "none" = "right",
): Buffer {
  const counted = length === "right" ? `Content-Length: ${body.length}\r\n` : "";
  return Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Type: ${contentType}\r\n${counted}\r\n`),
    body,
    Buffer.from("\r\n"),
  ]);
}

/** The frame of a baseline JPEG with noise for its content. Nobody is in the picture. */
export function jpeg(bytes: number, seed: number): Buffer {
  const head = Buffer.from("ffd8ffe000104a46494600010101004800480000ffda0008010100003f00", "hex");
  const random = seeded(seed);
  const noise = Buffer.alloc(Math.max(0, bytes - head.length - 2), 0).map(() => Math.floor(random() * 255));
  return Buffer.concat([head, noise, Buffer.from("ffd9", "hex")]);
}
