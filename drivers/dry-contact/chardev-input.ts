import type { ChildProcess } from "node:child_process";
import type { Clock } from "../../gateway/ports/clock.ts";
import { endOf } from "./child-end.ts";
import { isBanner, parseEdge } from "./gpiod-output.ts";
import type { GpiodTools } from "./gpiod-tools.ts";
import type { Bias, GpioPlace, InputEvents, InputLine } from "./line-port.ts";
import { TextLines } from "./text-lines.ts";

export interface ChardevInputParts {
  readonly tools: GpiodTools;
  readonly clock: Clock;
  readonly place: GpioPlace;
  readonly bias: Bias | undefined;
  readonly events: InputEvents;
}

/** An event that came this late was not held up on the way: its time is by another clock (before Linux 5.7). */
const oldestMs = 10_000;

/**
 * An input watched by `gpiomon`. While that has the line nobody can read it, so a recheck ends it, reads with `gpioget` and
 * starts it anew, some 10 ms in all. An edge in the gap is not lost: the level tells it, or the edge that comes after it.
 */
export class ChardevInput implements InputLine {
  readonly #parts: ChardevInputParts;
  #monitor: ChildProcess | undefined;
  #closed = false;
  /** One recheck after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ChardevInputParts) {
    this.#parts = parts;
  }

  recheck(): Promise<boolean | undefined> {
    const turn = this.#turn.then(() => this.#recheck());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
    await this.#silence();
  }

  async #recheck(): Promise<boolean | undefined> {
    const { tools, place, bias, events } = this.#parts;
    await this.#silence();
    if (this.#closed) return undefined;
    const level = await tools.get(place.chip.name, place.offset, bias);
    if (this.#closed) return undefined;
    if (typeof level === "boolean") {
      this.#listen(level);
      return level;
    }
    events.babble(`gpioget gave no level but ${JSON.stringify(level.slice(0, 60))}`, level.length);
    return undefined;
  }

  #listen(level: boolean): void {
    const { tools, clock, place, bias, events } = this.#parts;
    const monitor = tools.monitor(place.chip.name, place.offset, bias);
    this.#monitor = monitor;
    const over = () => this.#monitor !== monitor;
    let complaint = "";
    const deaf = () => {
      if (over()) return;
      this.#monitor = undefined;
      events.deaf(complaint.split("\n")[0] ?? "");
    };
    // After its last words were read.
    monitor.on("error", deaf).on("close", deaf);
    monitor.stderr?.on("data", (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString("latin1")}`.slice(0, 200);
    });
    let last = clock.now();
    let first = true;
    const lines = new TextLines((line) => {
      if (over()) return;
      if (isBanner(line)) {
        last = clock.now();
        return;
      }
      const edge = parseEdge(line);
      if (edge === undefined) return events.babble(`gpiomon said ${JSON.stringify(line.slice(0, 60))}`, line.length);
      const at = Math.max(last, clock.now() - ageMs(edge.timestampNs));
      // The first edge leads to where the line was thought to be: then it left before anybody listened.
      if (first && edge.rising === level) events.edge(!level, last);
      first = false;
      last = at;
      events.edge(edge.rising, at);
    });
    monitor.stdout?.on("data", (chunk: Buffer) => lines.take(chunk));
  }

  async #silence(): Promise<void> {
    const monitor = this.#monitor;
    this.#monitor = undefined;
    if (monitor === undefined) return;
    const ended = endOf(monitor);
    monitor.kill("SIGKILL");
    await ended;
  }
}

/** How long ago the kernel saw it: both times are of CLOCK_MONOTONIC. */
function ageMs(timestampNs: bigint): number {
  const age = Number(process.hrtime.bigint() - timestampNs) / 1_000_000;
  return age >= 0 && age <= oldestMs ? age : 0;
}
