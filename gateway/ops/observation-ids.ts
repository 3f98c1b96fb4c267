import { randomFillSync } from "node:crypto";
import { type ObservationId, observationIdSchema } from "../domain/ids.ts";

const poolSize = 4096;
const idBytes = 10;

/**
 * Mints UUID version 7 (RFC 9562 §5.7): 48 bits of wall time, then random. Sorted by time as far as the wall clock is;
 * uniqueness rests on the 74 random bits and not on the clock. Random bytes are drawn in bulk: a draw an id costs 2 µs.
 */
export function observationIds(wall: () => number): () => ObservationId {
  const pool = Buffer.alloc(poolSize * idBytes);
  let used = poolSize;
  return () => {
    if (used === poolSize) {
      randomFillSync(pool);
      used = 0;
    }
    const hex = pool.toString("hex", used * idBytes, (used + 1) * idBytes);
    used += 1;
    const time = wall().toString(16).padStart(12, "0");
    const variant = (8 + (Number.parseInt(hex.charAt(3), 16) & 3)).toString(16);
    return observationIdSchema.parse(
      `${time.slice(0, 8)}-${time.slice(8, 12)}-7${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19)}`,
    );
  };
}
