import { open } from "../../drivers/dry-contact/gpio.ts";
import { type GpioOptions, gpioOptions } from "../../drivers/dry-contact/options.ts";
import type { CommandOutcome } from "../../gateway/domain/command.ts";
import { deviceIdSchema } from "../../gateway/domain/ids.ts";
import type { FakeChip } from "../../simulators/gpio/fake-chip.ts";
import { FakeDriverContext } from "../support/driver-context.ts";

/** One contact or relay of a simulated chip, as a session of the driver. */
export class GpioSession {
  readonly context: FakeDriverContext<GpioOptions>;
  readonly #session: ReturnType<typeof open>;
  #error: unknown;

  constructor(chip: FakeChip, options: object, id?: string) {
    const parsed = gpioOptions.parse({ chip: chip.label, line: 3, role: "door", root: chip.root, ...options });
    const context = new FakeDriverContext({ options: parsed, driver: "dry-contact", dialect: "gpio" });
    this.context = id === undefined ? context : named(context, id);
    this.#session = open(this.context);
    this.#session.done.catch((error: unknown) => {
      this.#error = error;
    });
  }

  /** Why it ended by itself. */
  get error(): unknown {
    return this.#error;
  }

  levels(): readonly boolean[] {
    return this.context.observed.flatMap((draft) => (draft.kind === "contact.state" ? [draft.body.active] : []));
  }

  faults(): readonly (readonly [string, boolean])[] {
    return this.context.observed.flatMap((draft) =>
      draft.kind === "device.fault" ? [[draft.body.code, draft.body.active] as const] : [],
    );
  }

  /**
   * Lets the tools do their work, and log time pass with them, until it is so. Gives up, and says what there is, after
   * 25 seconds.
   */
  async until(what: string, probe: () => boolean, stepMs = 10): Promise<void> {
    const end = performance.now() + 25_000;
    while (!probe()) {
      if (performance.now() > end) throw new Error(`in vain: ${what}; ${this.context.everything()} ${this.#error}`);
      this.context.clock.advance(stepMs);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Lets log time pass in small steps, while the tools do their work. */
  async pass(ms: number, stepMs = 10): Promise<void> {
    const end = this.context.clock.now() + ms;
    await this.until("time", () => this.context.clock.now() >= end, stepMs);
  }

  command(name: string, args: Record<string, number> = {}): Promise<CommandOutcome> {
    const outcome = this.#session.command?.({ name, args });
    if (outcome === undefined) throw new Error("it takes no commands");
    return outcome;
  }

  async close(): Promise<void> {
    this.context.abort();
    await this.#session.done.catch(() => {});
  }
}

function named<O>(context: FakeDriverContext<O>, id: string): FakeDriverContext<O> {
  Object.assign(context, { device: { ...context.device, id: deviceIdSchema.parse(id) } });
  return context;
}
