import { spawn } from "node:child_process";
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ended } from "./mosquitto.ts";
import { waitFor } from "./wait-for.ts";

export interface PacedLine {
  readonly path: string;
  close(): Promise<void>;
}

/** A pseudo-terminal at whose far end slaves keep the pace of a wire; those of `dead` never answer. */
export async function openPacedLine(baudRate: number, dead: readonly number[] = []): Promise<PacedLine> {
  const dir = mkdtempSync(join(tmpdir(), "zhian-paced-"));
  const path = join(dir, "tty");
  const slave = resolve(import.meta.dirname, "paced-slave-process.ts");
  // A comma would end the address of socat.
  const command = `${process.execPath} ${slave} ${baudRate} ${dead.join("\\,")}`;
  const socat = spawn("socat", [`pty,rawer,link=${path}`, `EXEC:"${command}"`], { stdio: "ignore" });
  await waitFor("the pseudo-terminal", () => existsSync(path));
  // socat leaves with the last one who has the line open.
  const held = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  return {
    path,
    async close() {
      await ended(socat);
      closeSync(held);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
