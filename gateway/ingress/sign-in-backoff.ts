import type { Clock } from "../ports/clock.ts";
import { RecentMap } from "./recent-map.ts";

/** Failed attempts that cost nothing: a person mistypes. */
const free = 5;
const firstMs = 1000;
const longestMs = 60_000;
const forgetMs = 600_000;

/**
 * Slows down guessing. Kept by address and user name together: many devices may share one address (a router, a
 * simulator), and one with a wrong password must not lock out the others. Unknown user names share one entry an address.
 */
export class SignInBackoff {
  readonly #clock: Clock;
  readonly #failures = new RecentMap<string, { count: number; at: number }>(1024);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long this one still has to wait, ms; a password is not even looked at before. */
  waitMs(address: string, username: string | undefined): number {
    const known = this.#failures.get(keyOf(address, username));
    if (known === undefined || known.count < free) return 0;
    const pause = Math.min(longestMs, firstMs * 2 ** Math.min(known.count - free, 16));
    return Math.max(0, known.at + pause - this.#clock.now());
  }

  failed(address: string, username: string | undefined): void {
    const key = keyOf(address, username);
    const now = this.#clock.now();
    const known = this.#failures.get(key);
    const count = known === undefined || now - known.at > forgetMs ? 1 : known.count + 1;
    this.#failures.put(key, { count, at: now });
  }

  succeeded(address: string, username: string): void {
    this.#failures.delete(keyOf(address, username));
  }
}

function keyOf(address: string, username: string | undefined): string {
  return username === undefined ? address : `${address}\n${username}`;
}
