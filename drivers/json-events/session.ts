import type { DeviceSession } from "../../gateway/ports/driver.ts";

/** A session that has nothing to end but itself. */
export function sessionUntil(signal: AbortSignal): DeviceSession {
  const done = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return { done };
}
