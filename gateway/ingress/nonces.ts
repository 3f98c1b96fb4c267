import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../ports/clock.ts";
import { RecentMap } from "./recent-map.ts";

const randomLength = 10;
const timeLength = 6;
const bodyLength = randomLength + timeLength;
const macLength = 16;
const usedAtMost = 64;

/**
 * Nonces for Digest (RFC 7616 §5.4), which nobody has to remember: each carries the time of its issue and our seal. Only the
 * counter of one that was used with the right password is kept, by its device.
 */
export class Nonces {
  readonly #clock: Clock;
  readonly #lifeMs: number;
  readonly #key = randomBytes(32);

  constructor(clock: Clock, lifeMs: number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
  }

  issue(): string {
    const body = Buffer.alloc(bodyLength);
    body.writeUIntBE(this.#time(), 0, timeLength);
    randomBytes(randomLength).copy(body, timeLength);
    return Buffer.concat([body, this.#seal(body)]).toString("base64url");
  }

  /** When it was issued; absent where it is not ours or too old. */
  issuedAt(nonce: string): number | undefined {
    const bytes = Buffer.from(nonce, "base64url");
    // Only the form that we gave out: another encoding of the same bytes would have a counter of its own.
    if (bytes.length !== bodyLength + macLength || bytes.toString("base64url") !== nonce) return undefined;
    const body = bytes.subarray(0, bodyLength);
    if (!timingSafeEqual(this.#seal(body), bytes.subarray(bodyLength))) return undefined;
    const at = body.readUIntBE(0, timeLength);
    return this.#time() - at <= this.#lifeMs ? at : undefined;
  }

  #time(): number {
    return Math.max(0, Math.floor(this.#clock.now()));
  }

  #seal(body: Buffer): Buffer {
    return createHmac("sha256", this.#key).update(body).digest().subarray(0, macLength);
  }
}

/** How far one device has counted with each nonce: a request that is sent again is found out. */
export class UsedNonces {
  readonly #used = new RecentMap<string, { readonly count: number; readonly issuedAt: number }>(usedAtMost);
  /** What was issued so early may have been forgotten. */
  #forgottenUntil = -1;
  #size = 0;

  /** False where that counter, or a later one, was used. */
  use(nonce: string, count: number, issuedAt: number): boolean {
    const known = this.#used.get(nonce);
    if (known === undefined ? issuedAt <= this.#forgottenUntil : count <= known.count) return false;
    if (known === undefined && this.#size === usedAtMost) {
      const [oldest] = this.#used.values();
      this.#forgottenUntil = Math.max(this.#forgottenUntil, oldest?.issuedAt ?? 0);
    } else if (known === undefined) this.#size += 1;
    this.#used.put(nonce, { count, issuedAt });
    return true;
  }
}
