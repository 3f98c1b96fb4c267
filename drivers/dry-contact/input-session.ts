import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { openLines } from "./backends.ts";
import { type Chatter, calm, calmed, changed, heard, quietAt } from "./chatter.ts";
import { contactDrafts, faultDraft } from "./contact-report.ts";
import { type Debounced, dueAt, edge, reading, settle, unknownLevel } from "./debounce.ts";
import { findPlace } from "./find-place.ts";
import type { InputLine } from "./line-port.ts";
import type { GpioOptions } from "./options.ts";
import { UnstoredReports } from "./unstored-reports.ts";

/** While it chatters a level has to hold so long to be believed: what comes of it is bounded, and a real alarm still comes. */
const chatterHoldMs = 1_000;
/** Where a reading gave nothing, it is tried again after this. */
const unreadAgainMs = 1_000;
/** A line that is lost is looked for again after this. */
const lookAgainMs = 5_000;
/** So often within a minute may the edges be lost before the line is given up. */
const deafAtMost = 3;
const deafWithinMs = 60_000;

export function openInput(context: DriverContext<GpioOptions>): DeviceSession {
  return { done: new InputSession(context).run() };
}

/** One contact: its level at start, then each change that lasts, until the session is told to end or the line is lost. */
class InputSession {
  readonly #context: DriverContext<GpioOptions>;
  readonly #reports: UnstoredReports;
  #line: InputLine | undefined;
  #debounce = unknownLevel;
  #chatter: Chatter = calm;
  #deafAt: readonly number[] = [];
  #rechecks = 0;
  #cancelTick: () => void = () => {};
  #cancelRecheck: () => void = () => {};
  #failure = Promise.withResolvers<never>();

  constructor(context: DriverContext<GpioOptions>) {
    this.#context = context;
    this.#reports = new UnstoredReports(context);
  }

  /** A line that was open once and is lost is looked for again; one that cannot be opened at first ends the session. */
  async run(): Promise<void> {
    const { signal, clock } = this.#context;
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    for (let opened = false; !signal.aborted; ) {
      this.#failure = Promise.withResolvers<never>();
      this.#failure.promise.catch(() => {});
      try {
        await this.#start();
        opened = true;
        await Promise.race([aborted, this.#failure.promise]);
      } catch (error) {
        if (signal.aborted) return;
        this.#context.gone("link-lost");
        if (!opened) throw error;
      } finally {
        await this.#stop();
      }
      let cancel = () => {};
      const later = new Promise<void>((resolve) => {
        cancel = clock.after(lookAgainMs, resolve);
      });
      await Promise.race([aborted, later]);
      cancel();
    }
  }

  async #start(): Promise<void> {
    const { options, clock, signal } = this.#context;
    const { root, backend, chip, line, bias } = options;
    const lines = await openLines(root, backend, "in", clock);
    const place = await findPlace(lines, chip, line);
    if (signal.aborted) return;
    this.#line = await lines.input(place, bias, {
      edge: (high, at) => this.#edge(high, at),
      babble: (detail, bytes) =>
        this.#context.reject({ reason: "wrong-shape", detail, source: `${place.chip.label} ${place.offset}`, bytes }),
      deaf: (why) => this.#deaf(why),
    });
    await this.#recheck();
  }

  /** What is not watched is not known: the level is told anew when the line is back. */
  async #stop(): Promise<void> {
    const line = this.#line;
    this.#line = undefined;
    this.#debounce = unknownLevel;
    this.#deafAt = [];
    this.#cancelTick();
    this.#cancelRecheck();
    await line?.close().catch(() => {});
  }

  #edge(high: boolean, at: number): void {
    const level = high !== this.#context.options.activeLow;
    this.#judge(heard(this.#chatter, at, { edgesPerSecond: this.#context.options.chatterEdges }));
    this.#take(edge(this.#debounce, level, at, this.#holdMs()));
    this.#schedule();
  }

  async #recheck(): Promise<void> {
    const { options, clock, signal } = this.#context;
    this.#cancelRecheck();
    const line = this.#line;
    const high = await line?.recheck();
    if (signal.aborted || line !== this.#line) return;
    if (high !== undefined) {
      this.#context.seen();
      this.#rechecks += 1;
      if (this.#rechecks === 2) this.#judgeBefore();
      const read = reading(this.#debounce, high !== options.activeLow, clock.now(), this.#holdMs());
      if (read.state.raw === this.#debounce.raw && read.change === undefined) this.#context.filtered("unchanged");
      this.#take(read);
      this.#schedule();
    }
    this.#recheckIn(high === undefined ? unreadAgainMs : options.recheck);
  }

  /** It was watched for a while: what was told of it before this session began is judged. */
  #judgeBefore(): void {
    const { clock, faultStands } = this.#context;
    if (this.#chatter.chattering || faultStands?.("chattering") !== true) return;
    this.#reports.push("fault", [faultDraft("chattering", false, this.#wallTime(clock.now()))]);
  }

  #recheckIn(ms: number): void {
    this.#cancelRecheck();
    this.#cancelRecheck = this.#context.clock.after(ms, () => {
      this.#recheck().catch((error: unknown) => this.#failure.reject(error));
    });
  }

  #deaf(why: string): void {
    const now = this.#context.clock.now();
    this.#deafAt = [...this.#deafAt.filter((at) => now - at < deafWithinMs), now];
    if (this.#deafAt.length > deafAtMost) {
      this.#failure.reject(
        new GatewayError("GPIO_ABSENT", `the line stopped telling its edges, again and again: ${why}`),
      );
    } else this.#recheckIn(0);
  }

  /** Edges are over for now: has a level held long enough, or the chattering come to an end? */
  #tick(): void {
    const now = this.#context.clock.now();
    this.#take(settle(this.#debounce, now, this.#holdMs()));
    const wasChattering = this.#chatter.chattering;
    this.#judge(calmed(this.#chatter, now));
    // Where edges come faster than they are told, some are lost.
    if (wasChattering && !this.#chatter.chattering) this.#recheckIn(0);
    this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#context;
    const due = [dueAt(this.#debounce, this.#holdMs()), quietAt(this.#chatter)].filter((at) => at !== undefined);
    this.#cancelTick();
    if (due.length === 0) return;
    this.#cancelTick = clock.after(Math.max(0, Math.ceil(Math.min(...due) - clock.now())), () => this.#tick());
  }

  #take({ state, change, bounced }: Debounced): void {
    this.#debounce = state;
    if (bounced) this.#context.filtered("bounce");
    if (change === undefined) return;
    const { options } = this.#context;
    this.#reports.push("state", contactDrafts(options.role, change.level, this.#wallTime(change.at)));
    this.#judge(changed(this.#chatter, this.#context.clock.now()));
  }

  #judge(next: Chatter): void {
    const before = this.#chatter;
    this.#chatter = next;
    if (next.chattering === before.chattering) return;
    const now = this.#wallTime(this.#context.clock.now());
    const detail = next.chattering
      ? "its level will not settle: look for a loose contact, a broken wire, a missing bias"
      : undefined;
    this.#reports.push("fault", [faultDraft("chattering", next.chattering, now, detail)]);
  }

  #holdMs(): number {
    const { debounce } = this.#context.options;
    return this.#chatter.chattering ? Math.max(debounce, chatterHoldMs) : debounce;
  }

  /** Of an instant of log time. */
  #wallTime(at: number): number {
    const { clock } = this.#context;
    return Math.round(clock.wall() - (clock.now() - at));
  }
}
