import type { LaneName, LaneReport } from "./contract.ts";
import { LaneAccount } from "./ledger.ts";
import type { CityOptions, UplinkOptions, UplinkState } from "./options.ts";
import { type BookedLane, type Reports, Session } from "./session.ts";
import { tellMetrics } from "./uplink-metrics.ts";

export interface Uplink {
  state(): UplinkState;
  /** By lane; accepted = delivered + pending + quarantined + evicted. */
  ledger(): Reports;
  /** Other ways to the city, and a look at which devices and zones there are now. Loses nothing. */
  apply(city: CityOptions): Promise<void>;
  /** Says goodbye and disconnects, within two seconds. What is not acknowledged is sent after the next start. */
  stop(): Promise<void>;
}

const metricsEveryMs = 5_000;

/** Starts the way to the city. It never fails: a city that cannot be reached is a state, not an error. */
export function startUplink(options: UplinkOptions): Uplink {
  const { clock, cursors, telemetry } = options;
  const booked: readonly BookedLane[] = options.lanes.map((source) => ({
    source,
    account: new LaneAccount(source, cursors, () => options.ledger(source.lane), clock),
  }));
  const idleSince = clock.now();
  let session: Session | undefined;
  let stopped = false;
  begin(options);

  function begin(city: CityOptions): void {
    const stateChanged = (): void => options.stateChanged?.(state());
    session = city.urls.length === 0 ? undefined : new Session(options, city, booked, { stateChanged, reports });
    session?.start();
  }

  function reports(): Reports {
    const found: Partial<Record<LaneName, LaneReport>> = {};
    for (const { source, account } of booked) {
      try {
        found[source.lane] = session?.report(source.lane) ?? account.report(clock.now(), undefined);
      } catch (error) {
        options.logger.error({ err: error, lane: source.lane }, "the books of a lane cannot be read");
      }
    }
    return found;
  }

  function state(): UplinkState {
    const now = clock.now();
    const found = reports();
    const lanes = booked.flatMap(({ source: { lane } }) => {
      const report = found[lane];
      if (report === undefined) return [];
      const { epoch, head, ledger, oldestPendingMs } = report;
      return [
        {
          lane,
          epoch,
          head,
          ledger,
          ...(oldestPendingMs === undefined ? {} : { oldestPendingAt: now - oldestPendingMs }),
        },
      ];
    });
    if (session === undefined) return { state: "off", since: idleSince, lanes };
    const { failures: _, ...connection } = session.connection;
    return { ...connection, lanes };
  }

  function measure(): void {
    if (stopped) return;
    for (const { account } of booked) account.measure(clock.now());
    const found = reports();
    for (const { source } of booked) {
      const report = found[source.lane];
      if (report !== undefined) tellMetrics(telemetry, source.lane, report);
    }
    clock.after(metricsEveryMs, measure);
  }
  measure();

  return {
    state,
    ledger: reports,
    async apply(city) {
      if (session?.fits(city) === true) {
        await session.change(city);
        return;
      }
      await session?.stop();
      if (!stopped) begin(city);
    },
    async stop() {
      stopped = true;
      await session?.stop();
    },
  };
}
