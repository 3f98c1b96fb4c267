import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

const log = resolve(import.meta.dirname, "../../gateway/log");

/** A piece of a program in a process of its own, with the files of the log importable as `log/…`, those beside this as `support/…`. */
function run(program: string, env: NodeJS.ProcessEnv): ChildProcess {
  const source = program
    .replaceAll('from "log/', `from "${log}/`)
    .replaceAll('from "support/', `from "${import.meta.dirname}/`);
  return spawn(process.execPath, ["--no-warnings", "--input-type=module-typescript", "-e", source], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** What a program printed when it has ended. */
export async function outputOf(program: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = run(program, env);
  let output = "";
  for await (const chunk of child.stdout ?? []) output += String(chunk);
  return output;
}

/** Waits for the line that a program prints, and leaves it running. For what only the end of a process shows. */
export async function logProcess(program: string, line: string): Promise<ChildProcess> {
  const child = run(program, {});
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes(line)) return child;
  throw new Error(`the process ended before it said ${line}`);
}

/** No goodbye: what a crash or the end of the memory does. */
export async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
