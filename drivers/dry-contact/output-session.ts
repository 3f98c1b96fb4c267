import type { CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import { isGatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { contactDrafts } from "./contact-report.ts";
import { claimOutput, type HeldOutput } from "./guardian-link.ts";
import type { GpioOptions } from "./options.ts";
import { UnstoredReports } from "./unstored-reports.ts";

const longestSeconds = 86_400;

export function openOutput(context: DriverContext<GpioOptions>): DeviceSession {
  const session = new OutputSession(context);
  return { done: session.run(), command: (command) => session.command(command) };
}

/** One relay, held by the guardian: safe before the session is open, safe before it has ended. */
class OutputSession {
  readonly #context: DriverContext<GpioOptions>;
  readonly #reports: UnstoredReports;
  readonly #failure = Promise.withResolvers<never>();
  #held: HeldOutput | undefined;
  #on: boolean | undefined;
  #cancelCheck: () => void = () => {};

  constructor(context: DriverContext<GpioOptions>) {
    this.#context = context;
    this.#reports = new UnstoredReports(context);
  }

  async run(): Promise<void> {
    const { signal } = this.#context;
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#failure.promise.catch(() => {});
    let held: HeldOutput | undefined;
    try {
      held = await this.#claim();
      this.#held = held;
      this.#is(this.#safeOn);
      this.#context.seen();
      this.#checkAgain();
      await Promise.race([aborted, this.#failure.promise]);
    } catch (error) {
      if (signal.aborted) return;
      this.#context.gone("link-lost");
      throw error;
    } finally {
      this.#held = undefined;
      this.#cancelCheck();
      await held?.release().catch(() => {});
    }
  }

  async command({ name, args }: DeviceCommand): Promise<CommandOutcome> {
    const { maxOn } = this.#context.options;
    if (name !== "on" && name !== "off") return { ok: false, why: "unsupported", detail: "known commands: on, off" };
    const seconds = args["seconds"];
    if (seconds !== undefined && !isSeconds(seconds)) {
      return { ok: false, why: "unsupported", detail: `seconds is a number above 0, ${longestSeconds} at most` };
    }
    const forMs = seconds === undefined ? undefined : seconds * 1000;
    const on = name === "on";
    if (on !== this.#safeOn && forMs !== undefined && maxOn !== undefined && forMs > maxOn) {
      const detail = `maxOn allows ${maxOn / 1000} s at most, and ${seconds} s were asked for`;
      return { ok: false, why: "forbidden", detail };
    }
    if (this.#held === undefined) return { ok: false, why: "not-connected", detail: "the relay's line is not open" };
    try {
      await this.#held.set(on, forMs);
      this.#is(on);
      return { ok: true, confirmed: true, detail: `the kernel drives the line: ${name}` };
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#failure.reject(error);
      return { ok: false, why: "no-answer", detail: `${error.code}: ${error.message}` };
    }
  }

  get #safeOn(): boolean {
    return this.#context.options.safe === "on";
  }

  #claim(): Promise<HeldOutput> {
    const { device, options, clock } = this.#context;
    const { root, backend, chip, line, activeLow, bias, maxOn } = options;
    const claim = { id: device.id, root, backend, chip, line, activeLow, safeOn: this.#safeOn };
    return claimOutput(
      { ...claim, ...(bias === undefined ? {} : { bias }), ...(maxOn === undefined ? {} : { mostMs: maxOn }) },
      clock,
      { back: () => this.#is(this.#safeOn), lost: (error) => this.#failure.reject(error) },
    );
  }

  #checkAgain(): void {
    const { clock, options } = this.#context;
    this.#cancelCheck = clock.after(options.recheck, () => {
      this.#held?.check().then(
        () => {
          this.#context.seen();
          this.#context.filtered("unchanged");
          this.#checkAgain();
        },
        (error: unknown) => this.#failure.reject(error),
      );
    });
  }

  #is(on: boolean): void {
    if (this.#on === on) return;
    this.#on = on;
    const { clock, options } = this.#context;
    this.#reports.push("state", contactDrafts(options.role, on, clock.wall()));
  }
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value <= longestSeconds;
}
