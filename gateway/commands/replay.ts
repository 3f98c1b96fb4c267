import type { GatewayConfig } from "../../config/schema.ts";
import type { MovedAlarm, RaisedAlarm } from "../alarms/comparison.ts";
import { parseDuration } from "../domain/duration.ts";
import { rules } from "../fusion/rules.ts";
import { configuredRules, siteView } from "../settings.ts";
import { colorsFor } from "./colors.ts";
import { Progress } from "./progress.ts";
import { withRecordedLogs } from "./recorded-logs.ts";
import { type Rehearsed, rehearse } from "./rehearse.ts";
import { table } from "./table.ts";
import { complain, say } from "./tell.ts";

export interface ReplayCommandOptions {
  readonly config: string;
  /** A duration. */
  readonly within: string;
  readonly json?: boolean;
}

const { bold, dim } = colorsFor(process.stdout);
/** Of each list; `--json` has more. */
const mostShown = 20;

/**
 * `zhian replay --config FILE`: what the rules of the file would have made of the recorded observations, beside what was
 * raised live. Differences are a result and no failure: 0.
 */
export function replay({ config: file, within, json }: ReplayCommandOptions): number {
  const withinMs = parseDuration(within);
  if (withinMs === undefined) {
    complain("--within is a duration with its unit, for example 10m.");
    return 2;
  }
  return withRecordedLogs(file, (logs, config) => {
    const progress = new Progress("replaying");
    const recording = logs.recorded();
    let first: number | undefined;
    const result = rehearse({
      recording,
      rules: configuredRules(config),
      site: siteView(() => config),
      withinMs,
      onObservation({ seq }) {
        first ??= seq;
        progress.at(seq - first, recording.head - first);
      },
    });
    progress.end();
    if (json === true) say(JSON.stringify(result));
    else tell(file, result, config);
    return 0;
  });
}

function tell(file: string, result: Rehearsed, { site }: GatewayConfig): void {
  const { log, ruleErrors } = result;
  const clock = localTime(site.timezone);
  if (log === undefined) {
    say("There is no observation in the log yet.");
    return;
  }
  const numbers = `${log.observations} observations, number ${log.firstSeq} to ${log.lastSeq}`;
  say(bold(`${site.name}: ${numbers}, against the rules of ${file}`));
  say(dim(`  received from ${clock(log.from)} to ${clock(log.to)}, ${site.timezone}`));
  for (const line of table(counts.map(([name, meaning]) => [name, result[name], meaning]))) say(line);
  list("raised", result.raised, result.raisedAlarms, (alarm) => named(alarm, clock));
  list("gone", result.gone, result.goneAlarms, (alarm) => named(alarm, clock));
  list("earlier", result.earlier, result.earlierAlarms, (alarm) => [...named(alarm, clock), apart(alarm)]);
  list("later", result.later, result.laterAlarms, (alarm) => [...named(alarm, clock), apart(alarm)]);
  if (ruleErrors > 0) complain(`A rule failed on ${ruleErrors} events; they are lost to it, as they were live.`);
}

const counts = [
  ["same", "raised at the same moment as live"],
  ["raised", "raised by these rules, not live"],
  ["gone", "raised live, not by these rules"],
  ["earlier", "raised earlier than live"],
  ["later", "raised later than live"],
  ["outside", "not compared: what opened them is no longer in the log"],
] as const;

function list<A>(title: string, count: number, alarms: readonly A[], row: (alarm: A) => readonly string[]): void {
  if (count === 0) return;
  say(bold(title));
  const shown = alarms.slice(0, mostShown);
  for (const line of table(shown.map(row))) say(line);
  if (count > shown.length) say(dim(`  and ${count - shown.length} more; --json lists them`));
}

function named({ rule, subject, raisedAt }: RaisedAlarm, clock: (at: string) => string): string[] {
  const title = rules.find(({ name }) => name === rule)?.title;
  return [clock(raisedAt), title?.zh ?? rule, title?.en ?? "", subject];
}

function apart({ differenceMs }: MovedAlarm): string {
  return `${inWords(Math.abs(differenceMs))} ${differenceMs < 0 ? "earlier" : "later"}`;
}

function inWords(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const minutes = Math.floor(ms / 60_000);
  const rest = Math.round((ms % 60_000) / 1000);
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

function localTime(timeZone: string): (at: string) => string {
  // Swedish writes dates as ISO 8601 does.
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  return (at) => format.format(new Date(at));
}
