import { GatewayError } from "../../gateway/domain/errors.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceSession, DriverContext, HttpPush, HttpReply } from "../../gateway/ports/driver.ts";
import { readDocument } from "../hikvision/document.ts";
import { RecordClock } from "../hikvision/record-clock.ts";
import { throwDraft } from "../throw-view/throw-report.ts";
import { type ViewProfile, viewProfileSchema } from "../throw-view/view-profile.ts";
import { meaningOfNotification, type Notification, readNotification } from "./hapi-messages.ts";
import type { HapiOptions } from "./hapi-options.ts";

/**
 * A HAPI camera: one POST a notification, whose answer it does not read. It does not send again: what the log refuses is lost,
 * and so is what it finds while the gateway is away.
 */
export function open(context: DriverContext<HapiOptions>): DeviceSession {
  const { http, signal, profile } = context;
  if (http === undefined) throw new TypeError("hapi was opened without the ingest listener");
  const view = profile === undefined ? undefined : viewProfileSchema.parse(profile);
  const conversation = new Conversation(context, view);
  http.serve((push) => conversation.answer(push));
  const done = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return { done };
}

const ok: HttpReply = { status: 200 };

class Conversation {
  readonly #context: DriverContext<HapiOptions>;
  readonly #view: ViewProfile | undefined;
  readonly #clock: RecordClock;

  constructor(context: DriverContext<HapiOptions>, view: ViewProfile | undefined) {
    this.#context = context;
    this.#view = view;
    this.#clock = new RecordClock(context);
  }

  async answer({ body }: HttpPush): Promise<HttpReply> {
    const { signal, options } = this.#context;
    if (signal.aborted) throw new GatewayError("LOG_CLOSED", "the session of this device has ended");
    const reject = (reason: string, detail: string): HttpReply => {
      this.#context.reject({ reason, detail, source: "HAPI notification", bytes: body.byteLength });
      return { status: 400, contentType: "text/plain", body: `${detail}\n` };
    };
    // By its contents: the header says application/x-www-form-urlencoded.
    const document = readDocument(body);
    if (!document.ok) return reject(document.reason, document.detail);
    const read = readNotification(document.fields);
    if (!read.ok) return reject("wrong-shape", read.detail);
    const { notification } = read;
    if (notification.deviceId !== options.deviceId) {
      return reject("foreign-id", `the payload names ${notification.deviceId}, expected ${options.deviceId}`);
    }
    const meaning = meaningOfNotification(notification);
    if (meaning.kind === "filtered") {
      // It speaks as it happens, hence any of them shows its clock.
      this.#context.seen(this.#skew(notification));
      this.#context.filtered(meaning.reason);
      return ok;
    }
    const takeBack = this.#clock.mark();
    const drafts = this.#drafts(notification, meaning.kind === "draft" ? meaning.draft : undefined);
    try {
      await this.#context.observe(drafts);
    } catch (error) {
      takeBack();
      throw error;
    }
    return ok;
  }

  /** A fact of its own, or a throw. It is sent at once or never, hence live. */
  #drafts(notification: Notification, fact: ObservationDraft | undefined): readonly ObservationDraft[] {
    const { at, localTime, dedupKey } = notification;
    const written = at === undefined ? localTime : new Date(at).toISOString();
    const { faults, occurredAtMs } = this.#clock.record("live", written);
    const common = {
      ...(occurredAtMs === undefined ? {} : { occurredAtMs }),
      ...(dedupKey === undefined ? {} : { dedupKey }),
    };
    if (fact !== undefined) return [...faults, { ...fact, ...common }];
    return [...faults, throwDraft({ delivery: "live", ...common }, this.#view)];
  }

  #skew({ at }: Notification): { readonly clockSkewMs?: number } {
    const { clock } = this.#context;
    if (at === undefined || clock.quality().state === "unsynchronised") return {};
    return { clockSkewMs: at - clock.wall() };
  }
}
