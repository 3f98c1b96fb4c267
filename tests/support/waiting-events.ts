import { siteIdSchema } from "../../gateway/domain/ids.ts";
import { openLogs } from "../../gateway/log/open-logs.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { laneCursors } from "../../gateway/uplink/ledger.ts";
import { denied, fuseAll } from "./log-fixture.ts";
import { quietLogger } from "./quiet.ts";

/** Fills the log of a gateway that does not run with events that no city has got yet, as after a long outage. */
export async function fillWithWaitingEvents(dataDir: string, events: number): Promise<void> {
  const clock = new SystemClock();
  const logs = openLogs({
    ...{ dataDir, clock, logger: quietLogger, telemetry: { count: () => {}, gauge: () => {} } },
    siteId: siteIdSchema.parse("jinshuiwan"),
    budgetBytes: 1024 ** 3,
    eventCursorName: laneCursors.events,
    alarmCursorName: laneCursors.alarms,
  });
  for (let n = 0; n < events; n += 1000) {
    await logs.observations.append(Array.from({ length: Math.min(1000, events - n) }, (_, i) => denied(n + i)));
  }
  fuseAll(logs);
  logs.close();
  clock.close();
}
