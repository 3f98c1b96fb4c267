import { z } from "zod";
import type { Clock } from "../../ports/clock.ts";
import type { Delivery, PushMessage } from "../../ports/push.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";

/** What a channel is given to work with. */
export interface ChannelContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Name and IANA time zone of the site: a message says where it comes from and tells local time. */
  readonly site: { readonly name: string; readonly timezone: string };
}

/** The inside of a channel: it may throw and take its time; `openChannel` bounds both and keeps the secrets out. */
export interface Sender {
  /** Values that never leave in a receipt, a detail or a log line. */
  readonly secrets: readonly string[];
  send(message: PushMessage, signal: AbortSignal): Promise<Delivery>;
  close(): Promise<void>;
}

export const channelIdSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/i,
    "1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit",
  )
  .describe("The name by which tiers and receipts speak of this channel.");

/** A failed try. `retryAfterMs` where the other side asks for patience. */
export function failed(transient: boolean, detail: string, retryAfterMs?: number): Delivery {
  return { ok: false, transient, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
