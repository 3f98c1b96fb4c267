import type { Clock } from "../ports/clock.ts";
import type { NewObservation, ObservationLog } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { backOffMs } from "./back-off.ts";
import { describeFault } from "./fault-description.ts";

export interface EdgeWriterOptions {
  readonly log: Pick<ObservationLog, "append">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly random: () => number;
}

const retry = { firstMs: 1000, longestMs: 15_000 };
const batchSize = 100;
/** Edges that wait before those of the same device and kind are reduced to the newest. */
const mostWaiting = 1000;

/**
 * Writes what the gateway itself observes about devices. Nobody sends that again, so it is tried until the log takes it:
 * in order, with the id and the time that it had at first.
 */
export class EdgeWriter {
  readonly #options: EdgeWriterOptions;
  #waiting: NewObservation[] = [];
  #writing = false;
  #attempt = 0;
  #over = false;
  #cancelRetry: () => void = () => {};

  constructor(options: EdgeWriterOptions) {
    this.#options = options;
  }

  write(edge: NewObservation): void {
    this.#waiting.push(edge);
    if (this.#waiting.length > mostWaiting) this.#conflate();
    if (!this.#writing) void this.#flush();
  }

  /** Gives up what still waits. */
  close(): void {
    this.#over = true;
    this.#cancelRetry();
  }

  async #flush(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0 && !this.#over) {
      const batch = this.#waiting.splice(0, batchSize);
      try {
        await this.#options.log.append(batch);
        this.#attempt = 0;
      } catch (error) {
        this.#waiting.unshift(...batch);
        await this.#pause(error);
      }
    }
    this.#writing = false;
  }

  #pause(error: unknown): Promise<void> {
    const { clock, logger, telemetry, random } = this.#options;
    telemetry.count("zhian_ingress_edge_retries_total");
    if (this.#attempt === 0) {
      logger.warn(
        { ...describeFault(error), waiting: this.#waiting.length },
        "the state of devices cannot be stored yet",
      );
    }
    const ms = backOffMs(this.#attempt++, retry, random);
    return new Promise((resolve) => {
      this.#cancelRetry = clock.after(Math.max(ms, 100), resolve);
    });
  }

  #conflate(): void {
    const newest = new Map<string, NewObservation>();
    for (const edge of this.#waiting) {
      const { kind, body } = edge.draft;
      const key = `${edge.deviceId}\n${kind === "device.fault" ? body.code : "presence"}`;
      newest.delete(key);
      newest.set(key, edge);
    }
    this.#options.telemetry.count("zhian_ingress_edges_conflated_total", {}, this.#waiting.length - newest.size);
    this.#waiting = [...newest.values()];
  }
}
