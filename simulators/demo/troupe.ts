import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Tale } from "../tale.ts";
import { Actor, type ActorOptions, type Death } from "./actor.ts";
import type { Narrator } from "./narrator.ts";

const saidSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), info: z.record(z.string(), z.unknown()) }),
  z.object({
    type: z.literal("tale"),
    from: z.enum(["device", "gateway", "city", "demo"]),
    tone: z.enum(["plain", "good", "warn", "bad", "faint"]),
    zh: z.string(),
    en: z.string(),
  }),
  z.object({ type: z.literal("report"), report: z.record(z.string(), z.unknown()) }),
]);

/** A simulator that runs. */
export interface Simulator {
  readonly actor: Actor;
  readonly info: Readonly<Record<string, unknown>>;
  /** Asks for its report. */
  report(): Promise<Readonly<Record<string, unknown>>>;
}

/** All processes of the demo: started one by one, watched, ended in the reverse order. */
export class Troupe {
  readonly #narrator: Narrator;
  readonly #actors: { actor: Actor; patienceMs: number }[] = [];
  #ending = false;
  readonly #fall = Promise.withResolvers<Actor>();

  constructor(narrator: Narrator) {
    this.#narrator = narrator;
  }

  /** Resolves when one dies that was not asked to; what it was and why has been told. */
  get fall(): Promise<Actor> {
    return this.#fall.promise;
  }

  start(options: ActorOptions, patienceMs: number): Actor {
    if (this.#ending) throw new Fallen(options.name.en);
    const actor = new Actor(options);
    this.#actors.push({ actor, patienceMs });
    void actor.died.then((death) => {
      if (this.#ending) return;
      this.#narrator.say(...obituary(actor, death), "bad");
      this.#fall.resolve(actor);
    });
    return actor;
  }

  /** Starts a simulator and waits until it is ready; rejects when it dies before. */
  async simulator(name: ActorOptions["name"], program: URL, settings: string): Promise<Simulator> {
    const ready = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    let reported = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    const actor = this.start(
      {
        name,
        command: process.execPath,
        args: [programPath(program), "--settings", settings, "--json"],
        onLine: (line) => {
          const said = saidSchema.parse(JSON.parse(line));
          if (said.type === "tale") this.#tell(said);
          else if (said.type === "ready") ready.resolve(said.info);
          else reported.resolve(said.report);
        },
        onComplaint: (line) => this.#narrator.say(`${name.zh}：${line}`, `${name.en} complains`, "bad"),
      },
      2000,
    );
    const info = await Promise.race([ready.promise, actor.died.then(() => Promise.reject(new Fallen(actor.name.en)))]);
    return {
      actor,
      info,
      report: () => {
        reported = Promise.withResolvers();
        actor.tell({ do: "report" });
        return reported.promise;
      },
    };
  }

  /** That devices go offline when all of it is taken down is no news. */
  #tell(tale: Tale): void {
    if (!this.#ending) this.#narrator.tell(tale);
  }

  /** The last to come goes first. */
  async end(): Promise<void> {
    this.#ending = true;
    for (const { actor, patienceMs } of this.#actors.reverse()) await actor.stop(patienceMs);
  }

  kill(): void {
    this.#ending = true;
    for (const { actor } of this.#actors) actor.kill();
  }
}

/** A process was needed and is dead; what it was has been told. */
export class Fallen extends Error {
  constructor(name: string) {
    super(`${name} ended`);
    this.name = "Fallen";
  }
}

function obituary({ name }: Actor, { code, signal, lastWords }: Death): [zh: string, en: string] {
  const how = signal ?? (code === null ? "not started" : `exit code ${code}`);
  // Of a stack the line that names the error says most.
  const cause = lastWords.find((line) => /\w*(Error|ERR|[A-Z]{3,}_[A-Z_]+)\b.*:/.test(line)) ?? lastWords.at(-1);
  const why = cause === undefined ? "" : `: ${cause.trim()}`;
  return [`${name.zh}意外退出（${how}）`, `${name.en} ended unexpectedly (${how})${why}`];
}

/** Run from sources or compiled, the simulators are beside us in the same form. */
function programPath(program: URL): string {
  const path = fileURLToPath(program);
  return import.meta.url.endsWith(".js") ? path.replace(/\.ts$/, ".js") : path;
}
