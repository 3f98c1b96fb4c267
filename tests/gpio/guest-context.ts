import type { GpioOptions } from "../../drivers/dry-contact/options.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import type { DriverContext } from "../../gateway/ports/driver.ts";

/** Real time. */
export const clock: Clock = {
  now: () => performance.now(),
  wall: () => performance.timeOrigin + performance.now(),
  quality: () => ({ state: "assumed", steppedMs: 0 }),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const defaults: Omit<GpioOptions, "chip" | "line" | "direction" | "role"> = {
  activeLow: false,
  debounce: 50,
  chatterEdges: 100,
  recheck: 60_000,
  safe: "off",
  backend: "auto",
  root: "/",
};

export type GuestOptions = Pick<GpioOptions, "chip" | "line" | "direction" | "role"> & Partial<GpioOptions>;

/** A session's surroundings without the rest of the gateway: what is observed is kept. */
export class GuestContext {
  readonly observed: ObservationDraft[] = [];
  readonly told: string[] = [];
  readonly #abort = new AbortController();
  readonly context: DriverContext<GpioOptions>;

  constructor(options: GuestOptions) {
    const id = `${options.chip}-${options.line}`;
    const device = { id, name: id, driver: "dry-contact", dialect: "gpio", zoneId: "zone-1" };
    this.context = {
      device: device as unknown as DriverContext<GpioOptions>["device"],
      options: { ...defaults, ...options },
      timeZone: "Asia/Shanghai",
      clock,
      signal: this.#abort.signal,
      observe: async (drafts) => {
        this.observed.push(...drafts);
      },
      reject: ({ detail }) => this.told.push(`rejected ${detail}`),
      filtered: (reason) => this.told.push(reason),
      seen: () => this.told.push("seen"),
      gone: (reason) => this.told.push(`gone ${reason}`),
      pseudonym: (person) => person,
    };
  }

  /** The levels that were told, oldest first. */
  levels(): readonly boolean[] {
    return this.observed.flatMap((draft) => (draft.kind === "contact.state" ? [draft.body.active] : []));
  }

  abort(): void {
    this.#abort.abort();
  }
}
