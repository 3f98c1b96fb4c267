import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { Duplex, type Readable } from "node:stream";

export interface ActorOptions {
  /** What people call it when it dies. */
  readonly name: { readonly zh: string; readonly en: string };
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly onLine: (line: string) => void;
  readonly onComplaint?: (line: string) => void;
  /** Out of the reach of a terminal's Ctrl-C, yet it ends with us. */
  readonly apart?: boolean;
}

export interface Death {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines of its standard error, oldest first. */
  readonly lastWords: readonly string[];
}

const setpriv = "/usr/bin/setpriv";

/** A process of the demo. */
export class Actor {
  readonly name: ActorOptions["name"];
  readonly #child: ChildProcess;
  readonly died: Promise<Death>;
  #dead = false;

  constructor({ name, command, args, env, onLine, onComplaint, apart }: ActorOptions) {
    this.name = name;
    // The kernel ends it when we end without a word; then it may leave our process group.
    const bound = apart === true && existsSync(setpriv);
    this.#child = spawn(bound ? setpriv : command, bound ? ["--pdeathsig", "TERM", command, ...args] : [...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
      detached: bound,
    });
    this.#child.stdin?.on("error", () => {});
    const words: string[] = [];
    onLines(this.#child.stdout, onLine);
    onLines(this.#child.stderr, (line) => {
      words.push(line);
      if (words.length > 30) words.shift();
      onComplaint?.(line);
    });
    this.died = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#dead = true;
        resolve({ code, signal, lastWords: words });
      };
      this.#child.once("error", (error) => {
        words.push(error.message);
        end(null, null);
      });
      this.#child.once("close", end);
    });
  }

  get dead(): boolean {
    return this.#dead;
  }

  tell(command: unknown): void {
    if (this.#child.stdin?.writable === true) this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** Asks it to end, and ends it where it does not within `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    if (this.#dead) return;
    const timer = setTimeout(() => this.kill(), withinMs);
    this.#child.kill("SIGTERM");
    await this.died;
    clearTimeout(timer);
  }

  kill(): void {
    if (!this.#dead) this.#child.kill("SIGKILL");
  }
}

function onLines(stream: Readable | null, call: (line: string) => void): void {
  if (stream !== null) createInterface({ input: Duplex.from(stream) }).on("line", call);
}
