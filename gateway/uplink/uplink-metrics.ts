import type { Telemetry } from "../ports/telemetry.ts";
import type { LaneName, LaneReport } from "./contract.ts";

/** Gauges of one lane; docs/specs/uplink.md lists all metrics of the uplink. */
export function tellMetrics(telemetry: Telemetry, lane: LaneName, report: LaneReport): void {
  const labels = { lane };
  const { accepted, delivered, pending, quarantined, evicted } = report.ledger;
  telemetry.gauge("zhian_uplink_accepted", accepted, labels);
  telemetry.gauge("zhian_uplink_delivered", delivered, labels);
  telemetry.gauge("zhian_uplink_pending", pending, labels);
  telemetry.gauge("zhian_uplink_quarantined", quarantined, labels);
  telemetry.gauge("zhian_uplink_evicted", evicted, labels);
  telemetry.gauge("zhian_uplink_rate", report.ratePerSecond, labels);
  telemetry.gauge("zhian_uplink_oldest_pending_seconds", (report.oldestPendingMs ?? 0) / 1000, labels);
}
