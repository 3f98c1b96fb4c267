import { GatewayError } from "../../gateway/domain/errors.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceSession, DriverContext, HttpPush, HttpReply } from "../../gateway/ports/driver.ts";
import type { MappedCommon, RecordReader } from "./mapped-record.ts";
import { openJson } from "./payload.ts";
import { sessionUntil } from "./session.ts";

/** What a family makes of one record. */
export type Meaning =
  | { readonly kind: "draft"; readonly draft: ObservationDraft }
  | { readonly kind: "filtered"; readonly reason: string }
  /** The sender says that the device is gone. */
  | { readonly kind: "offline" }
  /** No entry of the configuration fits; what stands at the places that the entries look at. */
  | { readonly kind: "unmapped"; readonly found: string };

export type Understand = (record: unknown, common: MappedCommon) => Meaning;

/** `taken`: safe, or nothing that has to be. `unreadable`: it is no message, and will be none when it is sent again. */
type Result = "taken" | "unreadable";

/** Kinds of records that are told to the installer, one by one; what is more than that is only counted. */
const mostOffered = 32;

/** One device whose messages are read by a mapping. Every message ends as exactly one of observed, filtered or rejected. */
export class MappedSession {
  readonly #context: DriverContext<unknown>;
  readonly #reader: RecordReader;
  readonly #understand: Understand;
  readonly #offered = new Set<string>();

  constructor(context: DriverContext<unknown>, reader: RecordReader, understand: Understand) {
    this.#context = context;
    this.#reader = reader;
    this.#understand = understand;
  }

  async take(payload: Uint8Array, source: string): Promise<Result> {
    const reject = (reason: string, detail: string): void => {
      this.#context.reject({ reason, detail, source, bytes: payload.byteLength });
    };
    const unreadable = (reason: string, detail: string): Result => {
      reject(reason, detail);
      return "unreadable";
    };
    const opened = openJson(payload);
    if (!opened.ok) return unreadable(opened.reason, opened.detail);
    const records = this.#reader.records(opened.value);
    if (records === undefined) return unreadable("wrong-shape", "no list where `each` says there is one");
    const whose = records.map((record) => this.#reader.own(record));
    if (whose.includes(undefined)) return unreadable("wrong-shape", "nothing where `device` says whose a record is");
    const own = records.filter((_, index) => whose[index] === true);
    if (own.length === 0) {
      this.#context.filtered(records.length === 0 ? "no-record" : "other-device");
      return "taken";
    }
    await this.#own(own, reject);
    return "taken";
  }

  async #own(records: readonly unknown[], reject: (reason: string, detail: string) => void): Promise<void> {
    const meanings = records.map((record) => {
      const { clockSkewMs, ...common } = this.#reader.common(record);
      this.#context.seen(clockSkewMs === undefined ? {} : { clockSkewMs });
      return this.#understand(record, common);
    });
    if (meanings.some(({ kind }) => kind === "offline")) this.#context.gone("said-so");
    const drafts = meanings.flatMap((meaning) => (meaning.kind === "draft" ? [meaning.draft] : []));
    if (drafts.length > 0) {
      await this.#context.observe(drafts);
      return;
    }
    const strange = meanings.flatMap((meaning) => (meaning.kind === "unmapped" ? [meaning.found] : []));
    const fresh = strange.find((found) => !this.#offered.has(found));
    if (fresh !== undefined && this.#offered.size < mostOffered) {
      this.#offered.add(fresh);
      reject("unmapped-event", `no entry of events fits; ${fresh}`);
      return;
    }
    const [first] = meanings;
    const reason = first?.kind === "filtered" ? first.reason : (first?.kind ?? "no-record");
    this.#context.filtered(reason);
  }
}

export interface MappedMqtt {
  readonly context: DriverContext<unknown>;
  readonly reader: RecordReader;
  readonly understand: Understand;
  /** Topics that are read; on others there is nothing for us. */
  readonly reads: (topic: string) => boolean;
}

export function openMappedMqtt({ context, reader, understand, reads }: MappedMqtt): DeviceSession {
  const { mqtt, signal } = context;
  if (mqtt === undefined) throw new TypeError("mapped-mqtt was opened without the embedded broker");
  const session = new MappedSession(context, reader, understand);
  mqtt.onConnection((connected) => {
    if (connected) reader.connected();
  });
  mqtt.serve(async ({ topic, payload, will }) => {
    ensureLive(signal);
    if (will) {
      context.gone("last-will");
      context.filtered("last-will");
    } else if (!reads(topic)) context.filtered("other-topic");
    else await session.take(payload, topic);
  });
  return sessionUntil(signal);
}

export interface MappedHttp {
  readonly context: DriverContext<unknown>;
  readonly reader: RecordReader;
  readonly understand: Understand;
  /** What the sender wants to hear once its message is safe. */
  readonly reply: HttpReply;
}

export function openMappedHttp({ context, reader, understand, reply }: MappedHttp): DeviceSession {
  const { http, signal } = context;
  if (http === undefined) throw new TypeError("mapped-http was opened without the ingest listener");
  const session = new MappedSession(context, reader, understand);
  http.serve(async (push) => {
    ensureLive(signal);
    if (push.method === "GET") {
      context.reject({ reason: "wrong-method", detail: "expected POST or PUT", source: sourceOf(push) });
      return { status: 405 };
    }
    const result = await session.take(bodyOf(push), sourceOf(push));
    return result === "unreadable" ? { status: 400 } : reply;
  });
  return sessionUntil(signal);
}

function ensureLive(signal: AbortSignal): void {
  if (signal.aborted) throw new GatewayError("LOG_CLOSED", "the session of this device has ended");
}

/** The body, or the first part of a multipart one that is no picture. */
function bodyOf({ body, parts }: HttpPush): Uint8Array {
  if (body.byteLength > 0) return body;
  return parts.find((part) => !part.dropped && part.body.byteLength > 0)?.body ?? body;
}

function sourceOf({ method, path }: HttpPush): string {
  return `${method} ${path === "" ? "/" : path.slice(0, 120)}`;
}
