import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Clock } from "../../gateway/ports/clock.ts";

export interface BodyBounds {
  readonly maxBytes: number;
  /** From now to the end of the body. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * The whole body of a device's reply as UTF-8. Rejects with `BAD_FRAME` where it is longer than allowed, and with `NO_ANSWER`
 * where it does not end in time; either way the connection is closed.
 */
export async function readBodyText(response: Response, { maxBytes, timeoutMs, clock }: BodyBounds): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  let late = false;
  const cancel = clock.after(timeoutMs, () => {
    late = true;
    void reader.cancel().catch(() => undefined);
  });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) throw new GatewayError("NO_ANSWER", `the device's reply did not end within ${timeoutMs} ms`);
      if (done) return Buffer.concat(chunks).toString("utf8");
      bytes += value.byteLength;
      if (bytes > maxBytes) {
        throw new GatewayError("BAD_FRAME", `the device's reply is longer than ${maxBytes} bytes`);
      }
      chunks.push(value);
    }
  } finally {
    cancel();
    void reader.cancel().catch(() => undefined);
  }
}
