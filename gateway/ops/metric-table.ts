/** Every metric of the gateway with its kind, its help text and its labels. A name that is not here is a mistake of ours. */
export interface MetricDeclaration {
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly labels: readonly string[];
}

const counter = (help: string, ...labels: string[]): MetricDeclaration => ({ kind: "counter", help, labels });
const gauge = (help: string, ...labels: string[]): MetricDeclaration => ({ kind: "gauge", help, labels });

export const metricTable: Readonly<Record<string, MetricDeclaration>> = {
  zhian_fusion_observations_total: counter("Observations that the rules have read."),
  zhian_fusion_rule_errors_total: counter(
    "Observations that made a rule throw; each cost that rule this one event.",
    "rule",
  ),
  zhian_fusion_keys_evicted_total: counter("States of a rule given up because it held too many keys.", "rule"),
  zhian_fusion_commit_errors_total: counter(
    "Commits of transitions that the alarm log refused and that were tried again.",
  ),
  zhian_alarm_transitions_total: counter("Steps in the life of alarms.", "rule", "step"),
  zhian_alarms_open: gauge("Alarms that are not closed."),
  zhian_console_requests_total: counter(
    "HTTP requests answered by the console, by route and status.",
    "method",
    "route",
    "status",
  ),
  zhian_console_sign_ins_total: counter("Attempts to sign in, by how they ended.", "result"),
  zhian_console_live_clients: gauge("Clients of the console's live stream."),
  zhian_console_live_cut_total: counter("Live clients that were cut off, by reason.", "reason"),
  zhian_telemetry_undeclared_total: counter("Measurements under a name or label that this table does not know."),
};
