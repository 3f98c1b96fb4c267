import { type Ingest, startIngest } from "../../../gateway/ingress/ingest.ts";
import type { IngestLimits } from "../../../gateway/ingress/ingest-limits.ts";
import type { Clock } from "../../../gateway/ports/clock.ts";
import type { HttpGrants } from "../../../gateway/ports/driver.ts";
import { RealClock } from "./real-clock.ts";
import { deviceId, RecordedLogger, RecordedTelemetry } from "./test-broker.ts";

export interface TestIngest {
  readonly ingest: Ingest;
  readonly port: number;
  readonly telemetry: RecordedTelemetry;
  readonly logger: RecordedLogger;
}

/** An ingest listener on a free port of loopback, with devices whose user names are their ids. */
export async function startTestIngest(
  devices: Readonly<Record<string, Partial<HttpGrants>>>,
  { clock = new RealClock(), limits = {} }: { clock?: Clock; limits?: Partial<IngestLimits> } = {},
): Promise<TestIngest> {
  const telemetry = new RecordedTelemetry();
  const logger = new RecordedLogger();
  const listen = { host: "127.0.0.1", port: 0 };
  const ingest = await startIngest({ listen, clock, logger, telemetry, limits });
  ingest.admit(grantsOfAll(devices));
  return { ingest, port: ingest.port, telemetry, logger };
}

export function grantsOfAll(devices: Readonly<Record<string, Partial<HttpGrants>>>) {
  return new Map(
    Object.entries(devices).map(([id, more]) => [
      deviceId(id),
      { ...(more.token === undefined ? { username: id, password: `pw-${id}` } : {}), ...more },
    ]),
  );
}
