import type { Logger, Telemetry } from "../../gateway/ports/telemetry.ts";

export const quietLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => quietLogger,
};

/** Counts by name and labels, for a look in a test. */
export function countingTelemetry(): Telemetry & { total(name: string): number } {
  const counts = new Map<string, number>();
  return {
    count: (name, _labels, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
    gauge: (name, value) => counts.set(name, value),
    total: (name) => counts.get(name) ?? 0,
  };
}
