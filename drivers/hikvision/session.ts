import { GatewayError, isGatewayError } from "../../gateway/domain/errors.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceSession, DriverContext, HttpPush, HttpReply } from "../../gateway/ports/driver.ts";
import { readAlertStream } from "./alert-stream.ts";
import { documentKind, type Fields, readDocument } from "./document.ts";
import type { StreamedPart } from "./multipart-stream.ts";
import { type IsapiDevice, type IsapiWays, isapiSilence } from "./options.ts";

/** What became of one event of a message. */
export type EventOutcome =
  | { readonly kind: "observed"; readonly drafts: readonly ObservationDraft[] }
  | { readonly kind: "filtered"; readonly reason: string }
  | { readonly kind: "rejected"; readonly reason: string; readonly detail: string };

/** What a family of devices makes of the messages. */
export interface Interpreter {
  /** One outcome for each event in it, at least one. */
  interpret(fields: Fields): readonly EventOutcome[];
  /** Called before `interpret`; the result takes back what it learnt, where the log refuses its drafts. */
  mark(): () => void;
}

/** A device that closes its stream in form is asked again after this, so that one that does so at once is no load. */
const renewAfterMs = 1000;
/** Where it also pushes, a lost stream does not end the session; it is asked for again after this. */
const againAfterMs = 30_000;
/** A device locks an account after some wrong passwords: what was refused is not asked again soon. */
const refusedForMs = 5 * 60_000;
/** A stream cannot be sent again: what the log refuses is offered to it again after this. */
const storeAgainAfterMs = 1000;

/**
 * One device that speaks ISAPI, by push, by alert stream, or by both at once. Every event ends as exactly one of observed,
 * filtered or rejected; a push is answered when what it carries is durable, and from a stream the next part is read then.
 */
export function openIsapi(context: DriverContext<unknown>, ways: IsapiWays, interpreter: Interpreter): DeviceSession {
  const { http, signal } = context;
  const conversation = new Conversation(context, ways, interpreter);
  if (ways.push !== undefined) {
    if (http === undefined) throw new TypeError("a device that pushes was opened without the ingest listener");
    http.serve((push) => conversation.answer(push));
  }
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const { device } = ways;
  if (!ways.alertStream || device === undefined) return { done: aborted };
  const followed = conversation.follow(device).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  followed.catch(() => undefined);
  return { done: Promise.race([aborted, followed]) };
}

const ok: HttpReply = { status: 200 };

class Conversation {
  readonly #context: DriverContext<unknown>;
  readonly #ways: IsapiWays;
  readonly #interpreter: Interpreter;

  constructor(context: DriverContext<unknown>, ways: IsapiWays, interpreter: Interpreter) {
    this.#context = context;
    this.#ways = ways;
    this.#interpreter = interpreter;
  }

  /** Rejects where the log refuses: the device is told 503 and sends again. */
  async answer(push: HttpPush): Promise<HttpReply> {
    this.#assertOpen();
    const source = `POST ${push.path === "" ? "/" : push.path}`;
    const bodies = documentsOf(push);
    const [only] = bodies;
    if (only === undefined) {
      this.#filtered(push.parts.length > 0 ? "picture-only" : "probe");
      return ok;
    }
    let readable = 0;
    for (const body of bodies) if (await this.#take(body, source)) readable += 1;
    return readable > 0 ? ok : { status: 400, contentType: "text/plain", body: "expected JSON or XML\n" };
  }

  /** Holds the alert stream. Ends only by rejecting. */
  async follow(device: IsapiDevice): Promise<never> {
    for (;;) {
      const pauseMs = await this.#stream(device).catch((error: unknown) => this.#lost(error));
      await this.#pause(pauseMs);
    }
  }

  async #stream(device: IsapiDevice): Promise<number> {
    const { clock, signal } = this.#context;
    const parts = await readAlertStream({
      device,
      path: this.#ways.alertStreamPath,
      silentAfterMs: isapiSilence(this.#ways),
      clock,
      signal,
      onOpen: () => this.#context.seen(),
      onPart: (part) => this.#takePart(part),
    });
    if (parts === 0) throw new GatewayError("LINK_LOST", "the alert stream ended without a single part");
    return renewAfterMs;
  }

  /** How long to wait before the stream is asked for again; rejects where the session is to be opened anew. */
  async #lost(error: unknown): Promise<number> {
    const { signal } = this.#context;
    if (signal.aborted || !isGatewayError(error)) throw error;
    const refused = error.code === "DEVICE_REFUSED";
    if (this.#ways.push !== undefined) {
      this.#reject({ reason: "alert-stream-lost", detail: error.message }, this.#ways.alertStreamPath);
      return refused ? refusedForMs : againAfterMs;
    }
    if (refused) {
      this.#reject({ reason: "alert-stream-refused", detail: error.message }, this.#ways.alertStreamPath);
      await this.#pause(refusedForMs);
      throw error;
    }
    this.#context.gone(error.code === "NO_ANSWER" ? "no-answer" : "link-lost");
    throw new GatewayError("LINK_LOST", error.message, { cause: error });
  }

  async #takePart({ skipped, contentType, bytes, body }: StreamedPart): Promise<void> {
    const source = this.#ways.alertStreamPath;
    switch (skipped) {
      case "picture":
        return this.#filtered("picture");
      case "too-large":
      case "bad-headers": {
        const what = contentType === "" ? "a part" : `a part of the type ${contentType.slice(0, 40)}`;
        return this.#reject({ reason: skipped, detail: `${what}, ${bytes} bytes` }, source, bytes);
      }
      case undefined:
        await this.#take(body, source, true);
    }
  }

  /** False where it is no document at all. `kept`: it cannot be sent again, and is offered to the log until that takes it. */
  async #take(body: Uint8Array, source: string, kept = false): Promise<boolean> {
    const read = readDocument(body);
    if (!read.ok) {
      this.#reject(read, source, body.byteLength);
      return false;
    }
    const takeBack = this.#interpreter.mark();
    const outcomes = this.#interpreter.interpret(read.fields);
    const drafts = outcomes.flatMap((outcome) => (outcome.kind === "observed" ? outcome.drafts : []));
    if (drafts.length > 0) {
      try {
        await (kept ? this.#store(drafts) : this.#context.observe(drafts));
      } catch (error) {
        takeBack();
        throw error;
      }
    }
    for (const outcome of outcomes) {
      if (outcome.kind === "filtered") this.#filtered(outcome.reason);
      if (outcome.kind === "rejected") this.#reject(outcome, source, body.byteLength);
    }
    return true;
  }

  async #store(drafts: readonly ObservationDraft[]): Promise<void> {
    for (;;) {
      try {
        this.#assertOpen();
        return await this.#context.observe(drafts);
      } catch (error) {
        if (this.#context.signal.aborted || !isGatewayError(error) || !error.transient) throw error;
        await this.#pause(storeAgainAfterMs);
      }
    }
  }

  /** Rejects on abort. */
  #pause(ms: number): Promise<void> {
    const { clock, signal } = this.#context;
    return new Promise((resolve, reject) => {
      const end = () => {
        cancel();
        reject(new GatewayError("LOG_CLOSED", "the session of this device has ended"));
      };
      const cancel = clock.after(ms, () => {
        signal.removeEventListener("abort", end);
        resolve();
      });
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    });
  }

  #assertOpen(): void {
    if (this.#context.signal.aborted) throw new GatewayError("LOG_CLOSED", "the session of this device has ended");
  }

  #filtered(reason: string): void {
    this.#context.seen();
    this.#context.filtered(reason);
  }

  #reject({ reason, detail }: { reason: string; detail: string }, source: string, bytes?: number): void {
    this.#context.reject({ reason, detail, source, ...(bytes === undefined ? {} : { bytes }) });
  }
}

/** The bodies of a push that may be events: of several parts those that are JSON or XML, whatever their header says. */
function documentsOf({ method, body, parts }: HttpPush): readonly Uint8Array[] {
  if (parts.length === 0) return method === "GET" && body.byteLength === 0 ? [] : [body];
  const kept = parts.filter(({ dropped }) => !dropped).map((part) => part.body);
  const documents = kept.filter((each) => documentKind(each) !== undefined);
  // Form fields beside a picture are no event, but a form of nothing else is worth a word.
  return documents.length > 0 || kept.length < parts.length ? documents : kept.slice(0, 1);
}
