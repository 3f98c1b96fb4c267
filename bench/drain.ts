import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { deviceIdSchema, siteIdSchema, zoneIdSchema } from "../gateway/domain/ids.ts";
import { openLogs } from "../gateway/log/open-logs.ts";
import { observationIds } from "../gateway/ops/observation-ids.ts";
import { SystemClock } from "../gateway/ops/system-clock.ts";
import type { NewObservation } from "../gateway/ports/logs.ts";
import { startGatewayProcess, writeSite } from "../tests/support/gateway-process.ts";
import { startMosquitto } from "../tests/support/mosquitto.ts";
import { quietLogger } from "../tests/support/quiet.ts";
import { waitFor } from "../tests/support/wait-for.ts";
import { connectSubscriber } from "./load.ts";
import { processFigures } from "./measure.ts";

export interface Drained {
  /** Messages a second from the first that arrives at the city to the last. */
  readonly rate: number;
  readonly residentMiB: number;
  /** From the start of the process to the first message of the backlog at the city. */
  readonly startMs: number;
}

/** Fills a log with events as after an outage, then starts the gateway and lets the city take them. */
export async function drainRate(waiting: number): Promise<Drained> {
  const city = await startMosquitto();
  const site = await writeSite({ uplinkPort: city.port, extra: "storage: { budget: 8GiB }" });
  await fill(site.dataDir, waiting);
  let arrived = 0;
  let firstAt = 0;
  const subscriber = await connectSubscriber(city.port, "zhian/v1/jinshuiwan/gw-01/events", () => {
    if (arrived === 0) firstAt = performance.now();
    arrived += 1;
  });
  const begun = performance.now();
  const gateway = await startGatewayProcess(site);
  await waitFor(`${waiting} events at the city`, () => arrived >= waiting, 600_000);
  const seconds = (performance.now() - firstAt) / 1000;
  const { residentMiB } = processFigures(gateway.child.pid ?? 0);
  subscriber.close();
  await gateway.stop();
  await city.stop();
  site.remove();
  return { rate: waiting / seconds, residentMiB, startMs: firstAt - begun };
}

async function fill(dataDir: string, count: number): Promise<void> {
  rmSync(dataDir, { recursive: true, force: true });
  const clock = new SystemClock();
  const telemetry = { count: () => {}, gauge: () => {} };
  const logs = openLogs({
    dataDir,
    siteId: siteIdSchema.parse("jinshuiwan"),
    clock,
    logger: quietLogger,
    telemetry,
    budgetBytes: 8 * 2 ** 30,
    eventCursorName: "uplink:events",
    alarmCursorName: "uplink:alarms",
  });
  const newId = observationIds(() => clock.wall());
  const deviceId = deviceIdSchema.parse("gate-east");
  const zoneId = zoneIdSchema.parse("b3-u1");
  const batch = 1000;
  for (let from = 1; from <= count; from += batch) {
    const rows = Array.from(
      { length: Math.min(batch, count - from + 1) },
      (_, i): NewObservation => ({
        id: newId(),
        deviceId,
        zoneId,
        dialect: "facesluice-mqtt",
        draft: {
          kind: "access.granted",
          body: { delivery: "live", person: "0123456789abcdef", similarity: 91.5 },
          sourceRecordId: String(from + i),
          dedupKey: `RecPush/${from + i}`,
        },
      }),
    );
    await logs.observations.append(rows);
  }
  logs.close();
  // What the filling left in the page cache would be paid for by the gateway's first commit.
  execFileSync("sync");
}
