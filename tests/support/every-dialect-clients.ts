import { type ChildProcess, execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { ended } from "./mosquitto.ts";

const run = promisify(execFile);

/** Posts JSON by curl; resolves with the answer's body, a blank and its status. */
export async function pushByCurl(args: readonly string[], body: unknown, url: string): Promise<string> {
  const json = ["-H", "Content-Type: application/json", "-d", JSON.stringify(body)];
  return (await run("curl", ["-s", "-m", "20", "-w", " %{http_code}", ...args, ...json, url])).stdout;
}

/** A device that is mosquitto_pub: connected from its first message on, until its broker is gone or it is stopped. */
export class MosquittoDevice {
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(
    port: number,
    { username, password }: { readonly username: string; readonly password: string },
    topic: string,
  ) {
    const login = ["-p", String(port), "-u", username, "-P", password, "-i", username];
    this.#args = [...login, "-q", "1", "-t", topic, "-l"];
  }

  /** Says it twice, as who has lost the acknowledgement does. */
  async say(body: unknown): Promise<void> {
    await this.stop();
    const child = spawn("mosquitto_pub", this.#args, { stdio: ["pipe", "ignore", "ignore"] });
    this.#child = child;
    child.stdin.write(`${JSON.stringify(body)}\n`.repeat(2));
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await ended(this.#child);
    this.#child = undefined;
  }
}
