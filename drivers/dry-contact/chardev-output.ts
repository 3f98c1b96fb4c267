import type { ChildProcess } from "node:child_process";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { endOf } from "./child-end.ts";
import { toolError } from "./gpio-error.ts";
import type { GpiodTools } from "./gpiod-tools.ts";
import type { Bias, GpioPlace, OutputLine } from "./line-port.ts";

export interface ChardevOutputParts {
  readonly tools: GpiodTools;
  readonly clock: Clock;
  readonly place: GpioPlace;
  readonly bias: Bias | undefined;
}

const drivenWithinMs = 3_000;
const askAgainMs = 5;

/** An output held by `gpioset`: a level lasts as long as its process. To change it the process is replaced. */
export class ChardevOutput implements OutputLine {
  readonly #parts: ChardevOutputParts;
  #holder: ChildProcess | undefined;
  #complaint = "";

  constructor(parts: ChardevOutputParts) {
    this.#parts = parts;
  }

  async drive(high: boolean): Promise<void> {
    const { tools, clock, place, bias } = this.#parts;
    await this.close();
    const holder = tools.set(place.chip.name, place.offset, bias, high);
    this.#holder = holder;
    this.#complaint = "";
    let failed = false;
    holder.on("error", () => {
      failed = true;
    });
    holder.stdin?.on("error", () => {});
    holder.stdout?.resume();
    holder.stderr?.on("data", (chunk: Buffer) => {
      this.#complaint = `${this.#complaint}${chunk.toString("latin1")}`.slice(0, 1000);
    });
    // Neither generation says when it drives the line; the kernel does, by naming it.
    for (const until = clock.now() + drivenWithinMs; clock.now() < until; ) {
      if (failed || isOver(holder)) break;
      const lines = await tools.info(place.chip.name);
      const line = lines.find(({ offset }) => offset === place.offset);
      if (line?.output === true && line.consumer === "gpioset" && !isOver(holder)) return;
      await new Promise<void>((resolve) => clock.after(askAgainMs, resolve));
    }
    await this.close();
    throw toolError("gpioset", this.#complaint);
  }

  check(): Promise<void> {
    if (this.#holder !== undefined && !isOver(this.#holder)) return Promise.resolve();
    return Promise.reject(new GatewayError("GPIO_BUSY", "gpioset has let go of the line"));
  }

  async close(): Promise<void> {
    const holder = this.#holder;
    this.#holder = undefined;
    if (holder === undefined) return;
    const ended = endOf(holder);
    holder.kill("SIGKILL");
    await ended;
  }
}

function isOver({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}
