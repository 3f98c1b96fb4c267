import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../ports/clock.ts";

const validForMs = 15 * 60_000;

/** A code that lets in whoever can read the gateway's log, once, within 15 minutes. */
export class OneTimeSignIn {
  readonly #clock: Clock;
  #expected: Buffer | undefined;
  #until = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 128 random bits. An older code ends. */
  issue(): string {
    const code = randomBytes(16).toString("base64url");
    this.#expected = hashed(code);
    this.#until = this.#clock.now() + validForMs;
    return code;
  }

  redeem(code: string): boolean {
    if (this.#expected === undefined || this.#clock.now() >= this.#until) return false;
    if (!timingSafeEqual(hashed(code), this.#expected)) return false;
    this.#expected = undefined;
    return true;
  }
}

const hashed = (code: string): Buffer => createHash("sha256").update(code).digest();
