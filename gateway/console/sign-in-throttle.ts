import { isIPv6 } from "node:net";
import type { Clock } from "../ports/clock.ts";

interface Limit {
  /** Failures that cost no waiting. */
  readonly free: number;
  /** The wait doubles from one second up to here. */
  readonly longestMs: number;
}

/** Somebody who forgot the password waits; somebody who tries out accounts from one place waits longer. */
const pairLimit: Limit = { free: 5, longestMs: 15 * 60_000 };
const addressLimit: Limit = { free: 20, longestMs: 15 * 60_000 };
/** Against guessing from many addresses. It is short, since it also keeps out the person whose account it is. */
const accountLimit: Limit = { free: 50, longestMs: 60_000 };
const forgottenAfterMs = 60 * 60_000;
const keptAtMost = 10_000;

interface Record {
  failures: number;
  blockedUntil: number;
  readonly limit: Limit;
  lastAt: number;
}

export type Claim =
  | { readonly ok: true; readonly succeeded: () => void }
  | { readonly ok: false; readonly retryAfterMs: number };

/**
 * Back-off per account and address. It knows nothing of which accounts exist, so a wait gives no account away. An
 * attempt counts as failed from the moment it begins: a hundred at once get no further than five one by one.
 */
export class SignInThrottle {
  readonly #clock: Clock;
  readonly #records = new Map<string, Record>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  claim(account: string, address: string): Claim {
    const now = this.#clock.now();
    const network = networkOf(address);
    const pair = this.#record(`pair ${network} ${account}`, pairLimit, now);
    const records = [
      pair,
      this.#record(`address ${network}`, addressLimit, now),
      this.#record(`account ${account}`, accountLimit, now),
    ];
    const blockedUntil = Math.max(...records.map((record) => record.blockedUntil));
    if (blockedUntil > now) return { ok: false, retryAfterMs: blockedUntil - now };
    for (const record of records) fail(record, now);
    return {
      ok: true,
      succeeded: () => {
        for (const record of records) {
          record.failures -= 1;
          record.blockedUntil = 0;
        }
        pair.failures = 0;
      },
    };
  }

  #record(key: string, limit: Limit, now: number): Record {
    const known = this.#records.get(key);
    this.#records.delete(key);
    const record =
      known === undefined || now - known.lastAt > forgottenAfterMs
        ? { failures: 0, blockedUntil: 0, limit, lastAt: now }
        : known;
    this.#records.set(key, record);
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= keptAtMost) break;
      this.#records.delete(oldest);
    }
    return record;
  }
}

function fail(record: Record, now: number): void {
  record.failures += 1;
  record.lastAt = now;
  const beyond = record.failures - record.limit.free;
  if (beyond < 0) return;
  record.blockedUntil = now + Math.min(record.limit.longestMs, 1_000 * 2 ** Math.min(beyond, 30));
}

/** A household has a whole IPv6 /64 to attack from: it counts as one. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("%")[0]?.split("::") ?? [];
  const groups = head.split(":").filter((group) => group !== "");
  const after = tail.split(":").filter((group) => group !== "");
  const zeros = address.includes("::") ? Array.from({ length: 8 - groups.length - after.length }, () => "0") : [];
  return [...groups, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => group.padStart(4, "0").toLowerCase())
    .join(":");
}
