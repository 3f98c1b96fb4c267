import type { Clock } from "../ports/clock.ts";

/** What a terminal and a wrapper such as npm both pass on arrives twice within this. */
const sameSignalMs = 500;

export interface SignalCalls {
  /** SIGTERM or SIGINT, once. */
  readonly stop: () => void;
  /** Asked to stop again. */
  readonly stopNow: () => void;
  /** SIGHUP. */
  readonly reload: () => void;
}

/** Listens for what an operator or a service manager says; the result ends that. */
export function onSignals(clock: Clock, calls: SignalCalls): () => void {
  let askedAt: number | undefined;
  const onStop = (): void => {
    if (askedAt === undefined) {
      askedAt = clock.now();
      calls.stop();
    } else if (clock.now() - askedAt > sameSignalMs) calls.stopNow();
  };
  process.on("SIGTERM", onStop);
  process.on("SIGINT", onStop);
  process.on("SIGHUP", calls.reload);
  return () => {
    process.off("SIGTERM", onStop);
    process.off("SIGINT", onStop);
    process.off("SIGHUP", calls.reload);
  };
}
