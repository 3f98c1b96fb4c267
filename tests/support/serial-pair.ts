import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ended } from "./mosquitto.ts";
import { waitFor } from "./wait-for.ts";

export interface SerialPair {
  readonly a: string;
  readonly b: string;
  close(): Promise<void>;
}

/** Two pseudo-terminals joined by socat: what is written to one is read from the other. */
export async function openSerialPair(): Promise<SerialPair> {
  const dir = mkdtempSync(join(tmpdir(), "zhian-pty-"));
  const [a, b] = [join(dir, "a"), join(dir, "b")];
  const child: ChildProcess = spawn("socat", [`pty,raw,echo=0,link=${a}`, `pty,raw,echo=0,link=${b}`], {
    stdio: "ignore",
  });
  await waitFor("the pair of pseudo-terminals", () => existsSync(a) && existsSync(b));
  return {
    a,
    b,
    async close() {
      await ended(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
