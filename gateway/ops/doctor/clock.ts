import type { ClockQuality } from "../../ports/clock.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** What the machine says of its clock. */
export function checkClock({ state }: ClockQuality, wallMs: number): Finding {
  const found = `${new Date(wallMs).toISOString()}, ${words[state]}`;
  if (state === "synchronised") return ok("clock", found);
  const hint = "Run chrony or systemd-timesyncd with a server that is reached from here.";
  return state === "assumed" ? warn("clock", found, hint) : fail("clock", found, hint);
}

const words: Record<ClockQuality["state"], string> = {
  synchronised: "synchronised",
  assumed: "plausible, but no time daemon vouches for it",
  unsynchronised: "wrong: earlier than this version",
};
