import type { AlarmLogFault, AlarmLogVerdict, Looked } from "../log/verify-alarms.ts";
import { Progress } from "./progress.ts";
import { withRecordedLogs } from "./recorded-logs.ts";
import { table } from "./table.ts";
import { complain, say } from "./tell.ts";

export interface VerifyCommandOptions {
  readonly config: string;
  readonly head?: string;
  readonly json?: boolean;
}

/**
 * `zhian verify --config FILE`: is the alarm log whole, from the anchor of its hash chain to its head? 0 where it is, 1
 * with the first place where it is not. With `head`, a chain head that somebody kept, also 1 where it is not in the chain.
 */
export function verify({ config: file, head, json }: VerifyCommandOptions): number {
  if (head !== undefined && !/^[0-9a-f]{64}$/i.test(head)) {
    complain("--head is a chain head as a birth message tells it: 64 hexadecimal digits.");
    return 2;
  }
  return withRecordedLogs(file, (logs) => {
    const progress = new Progress("verifying");
    const verdict = logs.verify({
      ...(head === undefined ? {} : { head: head.toLowerCase() }),
      onProgress: (seq, newest) => progress.at(seq, newest),
    });
    progress.end();
    if (json === true) say(JSON.stringify(verdict));
    else tell(verdict);
    return verdict.ok ? 0 : 1;
  });
}

function tell(verdict: AlarmLogVerdict): void {
  if (verdict.ok) {
    say("The alarm log is whole: no number is missing, each step follows from the one before it.");
    for (const line of table(looked(verdict, verdict.found))) say(line);
    return;
  }
  const { kind, seq, detail } = verdict.fault;
  complain(`The alarm log does not hold: ${headline[kind](seq)}`);
  for (const line of table([["found", detail], ["what to do", advice[kind]], ...looked(verdict)])) complain(line);
}

function looked(found: Looked, asked?: number): (readonly string[])[] {
  const { epoch, anchor, head, transitions, alarms, open, unlogged } = found;
  return [
    ["epoch", epoch],
    ["steps", transitions === 0 ? "none" : `${transitions}, from ${anchor.seq + 1} to ${head.seq}`],
    ["alarms", `${alarms}, of them ${open} open`],
    ...(unlogged === 0 ? [] : [["", `${unlogged} known from a damaged log alone, without their steps`]]),
    ...(anchor.seq === 0 ? [] : [["chain begins", `after ${anchor.seq}, where retention cut it: ${anchor.hash}`]]),
    ["chain head", head.hash],
    ...(asked === undefined ? [] : [["head given", `stood after step ${asked}`]]),
  ];
}

const headline: Record<AlarmLogFault, (seq: number) => string> = {
  missing: (seq) => `step ${seq} is missing.`,
  changed: (seq) => `step ${seq} is not what was written.`,
  mislabelled: (seq) => `step ${seq} was filed under a wrong name.`,
  table: (seq) => `the table of alarms disagrees with step ${seq}.`,
  "cut-off": (seq) => `its end from step ${seq} on is missing.`,
  replaced: () => "this is not the database that the gateway wrote to last.",
  "unknown-head": () => "the head that was given is not in the chain.",
};

const keep = "Keep a copy of the whole data directory before anything else writes to it.";
const compare = "The city has every step by epoch and sequence: compare with it from there on.";
const advice: Record<AlarmLogFault, string> = {
  missing: `${keep} ${compare}`,
  changed: `${keep} ${compare}`,
  mislabelled: `${keep} ${compare}`,
  table: `${keep} The steps are whole, so they tell how each alarm stands.`,
  "cut-off": `${keep} ${compare} The next start begins a new epoch and tells the city.`,
  replaced: `${keep} An old copy may have been put in its place; the next start begins a new epoch and tells the city.`,
  "unknown-head":
    "It may be older than what retention kept, or of another epoch: the birth message that told it names the epoch. Else the log was rewritten.",
};
