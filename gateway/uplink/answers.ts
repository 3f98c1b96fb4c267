import { Buffer } from "node:buffer";
import { fits } from "./delivery.ts";
import type { Outgoing, Sender } from "./dispatcher.ts";
import type { Link } from "./lane-run.ts";
import type { PublishOptions } from "./wire-types.ts";

/** Answers that wait for their turn, at most; the oldest gives way. */
const mostWaiting = 256;
/** Answers that are remembered, by number and by bytes of their text. */
const mostRemembered = 1_000;
const mostBytes = 4 * 1024 * 1024;

export interface Answered {
  readonly topic: string;
  readonly payload: string;
  /** Goes instead where the broker would not take the answer for its size. */
  readonly tooLarge: string;
  readonly options: PublishOptions;
}

/** What was answered. */
export interface Remembered {
  readonly text: string;
  readonly ok: boolean;
}

/** Answers on their way to the city. One that is lost with its connection is not sent again: the city asks again. */
export class AnswerQueue implements Sender {
  #waiting: Answered[] = [];
  #link: Link | undefined;

  attach(link: Link): void {
    this.#link = link;
    this.#waiting = [];
  }

  detach(): void {
    this.#link = undefined;
    this.#waiting = [];
  }

  put(answer: Answered): void {
    if (this.#link === undefined) return;
    if (this.#waiting.length >= mostWaiting) this.#waiting.shift();
    this.#waiting.push(answer);
    this.#link.wake();
  }

  next(): Outgoing | undefined {
    const answer = this.#waiting.shift();
    if (answer === undefined) return undefined;
    const { topic, options, payload, tooLarge } = answer;
    const taken = fits(topic, payload, this.#link?.maximumPacketSize);
    return { topic, options, payload: taken ? payload : tooLarge, settle: () => {} };
  }
}

/** What was answered to whom, so that a command that comes twice is done once. Least recently used goes first. */
export class AnswerMemory {
  readonly #answers = new Map<string, Remembered>();
  #bytes = 0;

  get(key: string): Remembered | undefined {
    const answer = this.#answers.get(key);
    if (answer !== undefined) {
      this.#answers.delete(key);
      this.#answers.set(key, answer);
    }
    return answer;
  }

  put(key: string, answer: Remembered): void {
    this.#forget(key);
    this.#answers.set(key, answer);
    this.#bytes += Buffer.byteLength(answer.text);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= mostRemembered && this.#bytes <= mostBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const answer = this.#answers.get(key);
    if (answer === undefined) return;
    this.#answers.delete(key);
    this.#bytes -= Buffer.byteLength(answer.text);
  }
}
