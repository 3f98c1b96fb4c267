import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DriverContext } from "../../gateway/ports/driver.ts";

/** One change, with all that is told of it at once. */
interface Report {
  readonly what: "state" | "fault";
  readonly drafts: readonly ObservationDraft[];
}

const most = 64;
const tryAgainMs = 1_000;

/**
 * Changes on their way into the log, in order. A contact cannot say it again, so what the log refuses is kept and offered
 * anew until it is stored. At the bound a pair of changes out of the middle is given up: the first and the newest stay.
 */
export class UnstoredReports {
  readonly #context: Pick<DriverContext<unknown>, "observe" | "filtered" | "clock" | "signal">;
  readonly #waiting: Report[] = [];
  #storing = false;

  constructor(context: Pick<DriverContext<unknown>, "observe" | "filtered" | "clock" | "signal">) {
    this.#context = context;
  }

  push(what: Report["what"], drafts: readonly ObservationDraft[]): void {
    if (this.#context.signal.aborted) return;
    this.#waiting.push({ what, drafts });
    if (this.#waiting.length > most) this.#conflate();
    void this.#store();
  }

  /** The oldest is perhaps on its way, and the newest is how it stands now. */
  #conflate(): void {
    const first = this.#waiting.findIndex(
      ({ what }, index) => index > 0 && what === "state" && this.#waiting[index + 1]?.what === "state",
    );
    this.#waiting.splice(Math.max(1, first), 2);
    this.#context.filtered("conflated");
  }

  async #store(): Promise<void> {
    if (this.#storing) return;
    this.#storing = true;
    const { clock, signal } = this.#context;
    for (let next = this.#waiting[0]; next !== undefined && !signal.aborted; next = this.#waiting[0]) {
      const stored = await this.#context.observe(next.drafts).then(
        () => true,
        () => false,
      );
      // The log says elsewhere why it refuses.
      if (stored) this.#waiting.shift();
      else await new Promise<void>((resolve) => clock.after(tryAgainMs, resolve));
    }
    this.#storing = false;
  }
}
