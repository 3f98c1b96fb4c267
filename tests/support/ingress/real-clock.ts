import type { Clock, ClockQuality } from "../../../gateway/ports/clock.ts";

/** The machine's own time, for tests that wait for real sockets. */
export class RealClock implements Clock {
  now(): number {
    return performance.timeOrigin + performance.now();
  }

  wall(): number {
    return Date.now();
  }

  quality(): ClockQuality {
    return { state: "assumed", steppedMs: 0 };
  }

  after(ms: number, call: () => void): () => void {
    const timer = setTimeout(call, ms).unref();
    return () => clearTimeout(timer);
  }
}
