import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { type Claim, parseWord, type Request, type Word } from "./guardian-words.ts";
import { TextLines } from "./text-lines.ts";

/** A guardian that has not answered by then is ended, and a new one finds its outputs unsafe and makes them safe. */
const answerWithinMs = 8_000;
/** A claim may have to wait until the process has started; on a slow board that takes seconds. */
const claimedWithinMs = 60_000;

/** What happens to a held output without its device having asked. */
export interface OutputEvents {
  /** Its time was over. */
  back(): void;
  /** The guardian is gone, or the output will not go back. */
  lost(error: GatewayError): void;
}

type Asked = Request extends infer R ? (R extends Request ? Omit<R, "n"> : never) : never;

/** The one guardian of this process, for as long as there is an output. */
let shared: GuardianLink | undefined;

/** An output in the guardian's hands, in its safe state. Rejects with a GatewayError. */
export async function claimOutput(claim: Claim, clock: Clock, events: OutputEvents): Promise<HeldOutput> {
  shared ??= new GuardianLink(clock, (link) => {
    if (shared === link) shared = undefined;
  });
  const link = shared;
  link.hold(claim.id, events);
  try {
    await link.ask({ ask: "claim", claim });
  } catch (error) {
    link.drop(claim.id);
    throw error;
  }
  return {
    set: (on, forMs) => link.ask({ ask: "set", id: claim.id, on, ...(forMs === undefined ? {} : { forMs }) }),
    check: () => link.ask({ ask: "check", id: claim.id }),
    release: () => link.ask({ ask: "release", id: claim.id }).finally(() => link.drop(claim.id)),
  };
}

export interface HeldOutput {
  set(on: boolean, forMs?: number): Promise<void>;
  check(): Promise<void>;
  release(): Promise<void>;
}

/** The gateway's end of the pipe to the guardian. When this process is gone, the guardian reads the end of it. */
class GuardianLink {
  readonly #clock: Clock;
  readonly #over: (link: GuardianLink) => void;
  readonly #child: ChildProcess;
  readonly #holders = new Map<string, OutputEvents>();
  readonly #asked = new Map<number, { resolve(): void; reject(error: GatewayError): void }>();
  #n = 0;
  #lost: GatewayError | undefined;

  constructor(clock: Clock, over: (link: GuardianLink) => void) {
    this.#clock = clock;
    this.#over = over;
    const own = fileURLToPath(import.meta.url);
    const program = own.replace(/guardian-link(\.[a-z]+)$/, "guardian-process$1");
    const small = ["--max-old-space-size=32", "--max-semi-space-size=1", "--v8-pool-size=1"];
    this.#child = spawn(process.execPath, [...small, program], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { PATH: process.env["PATH"] },
    });
    const lines = new TextLines((line) => this.#hear(line));
    this.#child.stdout?.on("data", (chunk: Buffer) => lines.take(chunk));
    this.#child.stdin?.on("error", () => {});
    this.#child.on("error", () => this.#end("could not be started"));
    this.#child.on("exit", () => this.#end("has ended"));
  }

  hold(id: string, events: OutputEvents): void {
    this.#holders.set(id, events);
  }

  /** With the last output the guardian ends. */
  drop(id: string): void {
    this.#holders.delete(id);
    if (this.#holders.size > 0) return;
    this.#over(this);
    this.#child.stdin?.end();
  }

  ask(asked: Asked): Promise<void> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const n = ++this.#n;
    return new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.after(asked.ask === "claim" ? claimedWithinMs : answerWithinMs, () => {
        this.#end("does not answer");
        this.#child.kill("SIGKILL");
      });
      const settled = (act: () => void) => {
        cancel();
        this.#asked.delete(n);
        act();
      };
      this.#asked.set(n, { resolve: () => settled(resolve), reject: (error) => settled(() => reject(error)) });
      this.#child.stdin?.write(`${JSON.stringify({ n, ...asked })}\n`);
    });
  }

  #hear(line: string): void {
    const word: Word | undefined = parseWord(line);
    if (word === undefined) return;
    if ("event" in word) {
      const holder = this.#holders.get(word.id);
      if (word.event === "back") holder?.back();
      else holder?.lost(new GatewayError("GPIO_STUCK", word.message));
      return;
    }
    const asked = this.#asked.get(word.n);
    if (word.ok) asked?.resolve();
    else asked?.reject(new GatewayError(word.code, word.message));
  }

  #end(how: string): void {
    if (this.#lost !== undefined) return;
    const lost = new GatewayError("GPIO_ABSENT", `the guardian of the outputs ${how}`);
    this.#lost = lost;
    this.#over(this);
    for (const asked of [...this.#asked.values()]) asked.reject(lost);
    for (const holder of [...this.#holders.values()]) holder.lost(lost);
  }
}
