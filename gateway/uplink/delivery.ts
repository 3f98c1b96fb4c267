import { Buffer } from "node:buffer";
import type { LaneEntry } from "../ports/logs.ts";
import type { Outgoing } from "./dispatcher.ts";
import { contentType, type LaneWriter } from "./envelope.ts";
import { type Verdict, verdictOn } from "./reason-codes.ts";
import type { Outcome } from "./wire-types.ts";

/** How the entries of a lane become messages. */
export interface Addressing {
  readonly writer: LaneWriter;
  readonly topic: string;
  /** Where the alarm as it stands is kept; the alarm lane only. */
  readonly activeTopic?: (alarmId: string) => string;
}

/** What the broker said of an entry. Nothing is said when the connection ends first. */
export interface Word {
  readonly verdict: Verdict;
  readonly code: number;
}

export interface Notices {
  /** All messages of the entry are acknowledged, one way or the other. */
  concluded(word: Word): void;
  refused(code: number): void;
  /** The broker took it and nobody is subscribed. */
  unheard(): void;
  /** The message stands, but the alarm's state will never be taken. */
  stateRefused(code: number): void;
}

const tooLarge = 0x95;
const fixedOverhead = 24 + contentType.length;
const plain = { contentType };
const retained = { retain: true, contentType };
const emptied = { retain: true };

/**
 * The messages of one entry, in the order in which they must go out: the entry itself and, for the newest step of an
 * alarm, its state, emptied when it closed. Empty where the broker would not take the entry for its size.
 */
export function deliver(
  entry: LaneEntry,
  replayed: boolean,
  to: Addressing,
  maximumPacketSize: number | undefined,
  notices: Notices,
): Outgoing[] {
  const payload = to.writer.entry(entry, replayed);
  if (!fits(to.topic, payload, maximumPacketSize)) return [];
  let waiting = 1;
  let word: Word = { verdict: "accepted", code: 0 };

  const settle = (outcome: Outcome, isState: boolean): void => {
    if (outcome.kind === "lost") return;
    if (outcome.kind === "refused") {
      const verdict = verdictOn(outcome.code);
      notices.refused(outcome.code);
      if (isState && verdict === "poison") notices.stateRefused(outcome.code);
      // The first refusal counts: the message itself comes before its state.
      else if (word.verdict === "accepted") word = { verdict, code: outcome.code };
    } else if (!outcome.heard && !isState) notices.unheard();
    waiting -= 1;
    if (waiting === 0) notices.concluded(word);
  };

  const message: Outgoing = {
    topic: to.topic,
    payload,
    options: plain,
    settle: (outcome) => settle(outcome, false),
  };
  if (to.activeTopic === undefined || entry.retained === undefined) return [message];
  const { alarmId, alarm } = entry.retained;
  const topic = to.activeTopic(alarmId);
  const state = alarm === undefined ? "" : to.writer.state(entry, alarm);
  if (!fits(topic, state, maximumPacketSize)) {
    notices.stateRefused(tooLarge);
    return [message];
  }
  waiting = 2;
  const options = alarm === undefined ? emptied : retained;
  return [message, { topic, payload: state, options, settle: (outcome) => settle(outcome, true) }];
}

/** Bytes of the packet against what the broker takes (MQTT 5 §3.2.2.3.6). */
export function fits(topic: string, payload: string, maximumPacketSize: number | undefined): boolean {
  if (maximumPacketSize === undefined) return true;
  const overhead = fixedOverhead + topic.length;
  if (overhead + payload.length * 3 <= maximumPacketSize) return true;
  return overhead + Buffer.byteLength(payload) <= maximumPacketSize;
}
