import type { ChildProcess } from "node:child_process";

/** Resolves when the process is gone, with what it had hold of, or could not be started at all. */
export function endOf(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
}
