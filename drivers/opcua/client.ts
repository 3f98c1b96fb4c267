import { join } from "node:path";
import type { CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { believedTime, clockTrouble, type ServerClock } from "./believed-time.ts";
import { carryOut } from "./commands.ts";
import { type ConditionEvent, type RefreshEvent, readEvent } from "./event-fields.ts";
import { type Link, type LinkListener, openLink } from "./link.ts";
import { type Memory, memoryOf } from "./memory.ts";
import type { OpcUaOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { openPki } from "./pki.ts";
import { type ConditionRule, durationMs, type OpcUaProfile, profileSchema } from "./profile.ts";
import { nameOf } from "./variable-board.ts";
import { type HeardValue, lostBefore } from "./variables.ts";

/**
 * One server as a device: its variables and conditions by the profile. A link that is lost, in whole or in part, ends the session;
 * the next one begins with every value and a refresh of the conditions, of which only what has changed is told.
 */
export function open(context: DriverContext<OpcUaOptions>): DeviceSession {
  const conversation = new Conversation(context);
  return { done: conversation.run(), command: (command) => conversation.command(command) };
}

const timeEveryMs = 60_000;
/** Conditions of bad quality that are named in the fault. */
const badNamed = 100;

class Conversation implements LinkListener {
  readonly #context: DriverContext<OpcUaOptions>;
  readonly #profile: OpcUaProfile;
  readonly #memory: Memory;
  readonly #outbox: Outbox;
  readonly #missing = new Map<string, string>();
  /** Variables of which the server has said anything. */
  readonly #heard = new Set<number>();
  /** Conditions whose quality is bad, by their point. */
  readonly #badConditions = new Map<string, string>();
  #link: Link | undefined;
  #over = false;
  #skewMs: number | undefined;
  #refresh: "idle" | "asked" | "again" = "idle";
  #lose: (error: GatewayError) => void = () => {};
  readonly #ending = new AbortController();
  #cancelWatch = () => {};
  #cancelTime = () => {};

  constructor(context: DriverContext<OpcUaOptions>) {
    this.#context = context;
    this.#profile = profileSchema.parse(context.profile);
    this.#memory = memoryOf(context.options);
    this.#outbox = new Outbox({
      clock: context.clock,
      observe: (drafts) => context.observe(drafts),
      onOverflow: () => {
        this.#memory.forget();
        this.#lose(new GatewayError("LOG_BUSY", "more news than can be kept while the log does not take any"));
      },
    });
  }

  async run(): Promise<void> {
    const { signal, options, dataDir } = this.#context;
    if (dataDir === undefined) throw new TypeError("opcua was opened without a data directory");
    const lost = new Promise<GatewayError>((resolve) => {
      this.#lose = resolve;
    });
    const aborted = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      else signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    signal.addEventListener("abort", () => this.#ending.abort(), { once: true });
    try {
      const pki = await openPki(join(dataDir, "opcua", "client"));
      // What is lost while the link is being opened is not waited for either.
      const opened = openLink({ options, profile: this.#profile, pki }, this.#ending.signal, this).then((link) => {
        this.#link = link;
        if (this.#over) void link.close();
        return link;
      });
      opened.catch(() => {});
      const first = await Promise.race([opened, lost]);
      if (first instanceof GatewayError) throw first;
      const { firmware } = first;
      this.#live(() => this.#context.seen(firmware === undefined ? {} : { firmware }));
      this.#cancelTime = this.#context.clock.after(timeEveryMs, () => void this.#askForTime());
      this.#askForConditions();
      this.#awaitSilence();
      const error = await Promise.race([lost, aborted]);
      if (error !== undefined) throw error;
      await this.#end();
    } catch (error) {
      if (signal.aborted) return this.#end();
      this.#context.gone("link-lost");
      // Who does not answer is not waited for: saying goodbye to him takes until the time-out.
      void this.#end();
      throw error;
    }
  }

  async #end(): Promise<void> {
    this.#over = true;
    this.#ending.abort();
    this.#cancelWatch();
    this.#cancelTime();
    if (!this.#outbox.close()) this.#memory.forget();
    await this.#link?.close();
  }

  async command(command: DeviceCommand): Promise<CommandOutcome> {
    const link = this.#over ? undefined : this.#link;
    return carryOut(command, { link, profile: this.#profile, conditions: this.#memory.conditions.all() });
  }

  value(index: number, heard: HeardValue): void {
    const variable = this.#profile.variables[index];
    if (variable === undefined || this.#over) return;
    const { clock } = this.#context;
    this.#heard.add(index);
    if (lostBefore(heard)) this.#gap(`values of ${nameOf(variable)} before this one`);
    const outcome = this.#memory.variables.take(variable, heard, clock.now());
    this.#missing.delete(nameOf(variable));
    this.#tellQuality();
    if (outcome.kind === "drafts") this.#tell(outcome.drafts, heard.sourceTimeMs);
    else if (outcome.kind === "filtered") this.#context.filtered(outcome.reason);
    else this.#context.reject({ reason: "wrong-value", detail: outcome.detail, source: variable.node });
  }

  missing(index: number | "events", status: string): void {
    if (this.#over) return;
    const variable = index === "events" ? undefined : this.#profile.variables[index];
    if (index !== "events") this.#heard.add(index);
    this.#missing.set(variable === undefined ? "events" : nameOf(variable), status);
    this.#tellQuality();
  }

  event(fields: readonly unknown[]): void {
    const rules = this.#profile.conditions;
    if (this.#over || rules === undefined) return;
    const event = readEvent(fields);
    if (event.kind === "condition") this.#condition(event, rules.map);
    else if (event.kind === "malformed") {
      this.#context.reject({ reason: "wrong-shape", detail: event.detail, source: rules.notifier });
    } else {
      this.#context.filtered(event.kind);
      this.#refreshEvent(event.kind);
    }
  }

  #refreshEvent(kind: RefreshEvent): void {
    const { conditions } = this.#memory;
    switch (kind) {
      case "refresh-start":
        conditions.refreshBegins();
        break;
      case "refresh-end":
        this.#tell(conditions.refreshEnds(), undefined);
        this.#refreshed();
        break;
      case "overflow":
        this.#gap("events; the conditions are asked for anew");
        this.#askForConditions();
        break;
      case "refresh-required":
        this.#askForConditions();
        break;
      case "other-event":
        break;
    }
  }

  #condition(event: ConditionEvent, rules: readonly ConditionRule[]): void {
    const outcome = this.#memory.conditions.take(event, rules);
    if (outcome.point !== undefined) {
      if (event.badQuality === undefined) this.#badConditions.delete(outcome.point);
      else if (this.#badConditions.size < badNamed) this.#badConditions.set(outcome.point, event.badQuality);
      this.#tellQuality();
    }
    if (outcome.kind === "drafts") this.#tell(outcome.drafts, event.timeMs);
    else this.#context.filtered(outcome.reason);
  }

  alive(serverTimeMs: number | undefined): void {
    if (this.#over) return;
    const { clock } = this.#context;
    if (serverTimeMs === undefined) this.#context.seen();
    else this.#measure(serverTimeMs, clock.wall());
    this.#tell(
      this.#memory.variables.due(this.#profile.variables, durationMs(this.#profile.report.every), clock.now()),
      undefined,
    );
    this.#awaitSilence();
  }

  lost(error: GatewayError): void {
    this.#lose(error);
  }

  #tell(drafts: readonly ObservationDraft[], serverTimeMs: number | undefined): void {
    const at = believedTime(serverTimeMs, this.#serverClock());
    this.#outbox.add(at === undefined ? drafts : drafts.map((draft) => dated(draft, at)));
  }

  /** What cannot be believed now, and what the server does not have. */
  #tellQuality(): void {
    const { variables } = this.#memory;
    const said = (map: ReadonlyMap<string, string>) => [...map].map(([name, why]) => `${name}: ${why}`).sort();
    const stands = this.#heard.size < this.#profile.variables.length ? undefined : this.#stands;
    const bad = [...said(variables.bad), ...said(this.#badConditions)].join("; ");
    this.#outbox.add(this.#memory.fault("sensor-quality", bad, stands));
    this.#outbox.add(this.#memory.fault("node-missing", said(this.#missing).join("; "), stands));
  }

  /** Something is missing that nobody can bring back: told once, as a fault that is over at once. */
  #gap(what: string): void {
    const lost = {
      kind: "device.fault",
      body: { code: "notifications-lost", active: true, detail: `the server dropped ${what}` },
    } as const;
    this.#outbox.add([lost, { kind: "device.fault", body: { code: "notifications-lost", active: false } }]);
  }

  /** Not every server says when it published: its clock is read once in a while. */
  async #askForTime(): Promise<void> {
    const { clock } = this.#context;
    const sentMs = clock.wall();
    const timeMs = await this.#link?.currentTime().catch(() => undefined);
    if (this.#over) return;
    if (timeMs !== undefined) this.#measure(timeMs, (sentMs + clock.wall()) / 2);
    this.#cancelTime = clock.after(timeEveryMs, () => void this.#askForTime());
  }

  #measure(serverMs: number, oursMs: number): void {
    if (this.#context.clock.quality().state === "unsynchronised") return;
    this.#skewMs = Math.round(serverMs - oursMs);
    this.#context.seen({ clockSkewMs: this.#skewMs });
    this.#outbox.add(this.#memory.fault("clock-wrong", clockTrouble(this.#skewMs)));
  }

  /** One refresh at a time; a second wish waits for the end of the first (Part 9 §5.5.7: BadRefreshInProgress). */
  #askForConditions(): void {
    const link = this.#link;
    if (link === undefined || this.#profile.conditions === undefined || this.#over) return;
    if (this.#refresh !== "idle") {
      this.#refresh = "again";
      return;
    }
    this.#refresh = "asked";
    link.refresh().then(
      (refusal) => {
        if (this.#over) return;
        // BadNothingToDo: it has no condition that it retains, and sends no RefreshEnd on that.
        if (refusal === "BadNothingToDo") this.#tell(this.#memory.conditions.refreshEnds(), undefined);
        const refused = refusal === undefined || refusal === "BadNothingToDo" ? "" : refusal;
        this.#outbox.add(this.#memory.fault("refresh-refused", refused, this.#stands));
        if (refusal !== undefined) this.#refreshed();
      },
      () => this.#lose(new GatewayError("LINK_LOST", "the server does not answer the refresh of its conditions")),
    );
  }

  #refreshed(): void {
    const again = this.#refresh === "again";
    this.#refresh = "idle";
    if (again) this.#askForConditions();
  }

  /** By our own clock: what the server's says of the age of its messages is not asked. */
  #awaitSilence(): void {
    const { clock, options } = this.#context;
    this.#cancelWatch();
    this.#cancelWatch = clock.after(3 * options.keepAlive, () => {
      this.#lose(
        new GatewayError("LINK_LOST", `${options.endpoint}: nothing was heard for ${(3 * options.keepAlive) / 1000} s`),
      );
    });
  }

  #serverClock(): ServerClock {
    const { clock } = this.#context;
    if (clock.quality().state === "unsynchronised") return {};
    return { nowMs: clock.wall(), ...(this.#skewMs === undefined ? {} : { skewMs: this.#skewMs }) };
  }

  readonly #stands = (code: string): boolean => this.#context.faultStands?.(code) ?? false;

  #live(act: () => void): void {
    if (!this.#over && !this.#context.signal.aborted) act();
  }
}

/** A measured value is as of now: the server says when it changed last, and that it still stands. */
function dated(draft: ObservationDraft, at: number): ObservationDraft {
  return draft.kind === "thermal.reading" ? draft : { ...draft, occurredAtMs: at };
}
