import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";

const program = resolve(import.meta.dirname, "../../gateway/main.ts");

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command line as a process of its own, without a terminal. */
export async function zhian(args: readonly string[], input = ""): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, FORCE_COLOR: "1" } });
  child.stdin.end(input);
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((done) => child.on("close", done)),
  ]);
  return { code, out, err };
}
