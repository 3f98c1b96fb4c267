import type { Alarm, Bilingual } from "../domain/alarm.ts";

/** Somebody who is told of alarms, as the configuration names them. */
export interface Person {
  readonly id: string;
  readonly name: string;
  /** E.164, for text messages: +8613800000000. */
  readonly phone?: string;
  readonly email?: string;
}

/** What one push says. Without personal data of residents; the names in it are those of the site. */
export interface PushMessage {
  /** Equal for every try of the same push: a channel that can, removes duplicates by it. */
  readonly id: string;
  readonly alarm: Alarm;
  /** Where and what, short: for the head of a message and a text message. */
  readonly title: Bilingual;
  readonly tier: 1 | 2 | 3;
  /** The persons of the tier who are on duty now; a channel takes those that it can reach. */
  readonly to: readonly Person[];
  /** An exercise or a walk test: every channel says so first. */
  readonly exercise: boolean;
  /** Absolute address of the alarm on the console, where the site has one. */
  readonly link?: string;
}

/** What became of a try. */
export type Delivery =
  | {
      readonly ok: true;
      /** What the other side answered: a message id, a queue number. No secret. */
      readonly receipt: string;
    }
  | {
      readonly ok: false;
      /** It may work later: a time-out, no network, 5xx, busy. Else another try is of no use: refused, unknown, wrong key. */
      readonly transient: boolean;
      readonly detail: string;
      /** The other side asks for so much patience, ms. */
      readonly retryAfterMs?: number;
    };

/** A way to people. It owns no retry, queue or log: whoever pushes does. */
export interface Channel {
  readonly id: string;
  /** Resolves at the latest 30 s after the call; never rejects. */
  push(message: PushMessage, signal: AbortSignal): Promise<Delivery>;
  close(): Promise<void>;
}
