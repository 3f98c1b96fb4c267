import type { Delivery, ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DriverContext, Rejection } from "../../gateway/ports/driver.ts";
import { throwDraft } from "../throw-view/throw-report.ts";
import type { ViewProfile } from "../throw-view/view-profile.ts";
import { holds } from "./conditions.ts";
import { type DeviceEvent, dedupKeyOf, readPath } from "./event.ts";
import { boxOf } from "./event-box.ts";
import { EventClock } from "./event-clock.ts";
import type { EventRule, StateRule, ThrowRule } from "./event-rules.ts";
import { EventStates } from "./event-states.ts";
import { asNumber, asText } from "./values.ts";

/** Topics of one device that are told to the installer, one by one; what is more than that is only counted. */
const mostOffered = 32;

export interface EventDeskOptions {
  /** Those of the installer first: the first that fits is taken. */
  readonly rules: readonly EventRule[];
  readonly lateAfterMs: number;
  /** How a topic looks in the configuration. */
  readonly plain: (topic: string) => string;
}

/**
 * Turns the events of a device whose topics name what they report into observations, by rules. Every event ends as exactly one of
 * observed, filtered or rejected; one whose topic no rule names is rejected once, with what the installer needs to map it, and
 * filtered from then on.
 */
export class EventDesk {
  readonly #context: DriverContext<unknown>;
  readonly #view: ViewProfile | undefined;
  readonly #rules = new Map<string, EventRule[]>();
  readonly #states = new EventStates();
  readonly #clock: EventClock;
  readonly #offered = new Set<string>();

  constructor(context: DriverContext<unknown>, view: ViewProfile | undefined, options: EventDeskOptions) {
    this.#context = context;
    this.#view = view;
    this.#clock = new EventClock(context.clock, options.lateAfterMs);
    for (const rule of options.rules) {
      const topic = options.plain(rule.topic);
      this.#rules.set(topic, [...(this.#rules.get(topic) ?? []), rule]);
    }
  }

  connected(): void {
    this.#states.connected();
    this.#clock.connected();
  }

  /** The device deleted the property of a topic. */
  deleted(source: string): void {
    this.#states.deleted(source);
    this.#filter("deleted");
  }

  take(event: DeviceEvent): Promise<void> | void {
    const rules = this.#rules.get(event.topic);
    if (rules === undefined) return this.#offer(event);
    const read = (name: string) => readPath(event, name);
    const fits = rules.find((each) => holds(each.when, read));
    // Without `active` the conditions themselves say whether it holds; where they do not, it does not.
    const rule = fits ?? rules.find((each) => each.active === undefined);
    if (rule === undefined) return this.#filter("not-selected");
    const active = fits !== undefined && (fits.active === undefined || holds(fits.active, read));
    switch (rule.as) {
      case "ignore":
        return this.#filter("ignored");
      case "throw":
        return this.#throw(event, rule, active);
      case "fire":
      case "tamper":
      case "contact":
      case "fault":
        return this.#state(event, rule, active);
    }
  }

  #throw(event: DeviceEvent, rule: ThrowRule, active: boolean): Promise<void> | void {
    const stateful = rule.property ?? event.retained;
    const judged = this.#clock.judge(event.timeMs, stateful);
    if (!stateful) {
      if (!active) return this.#filter("inactive", judged.clockSkewMs);
      return this.#observe([this.#throwDraft(event, rule, judged.delivery, judged.occurredAtMs)], judged.clockSkewMs);
    }
    const { change, undo } = this.#states.take(event.instance, active, event.timeMs);
    if (change === "over") return this.#filter("inactive");
    if (change === "same") return this.#filter("unchanged");
    // On a new connection every state is told again: an active one may have become so at any time.
    const delivery = change === "found" && this.#clock.settling() ? "late" : judged.delivery;
    const draft = this.#throwDraft(event, rule, delivery, judged.occurredAtMs);
    return this.#observe([draft], judged.clockSkewMs, undo);
  }

  #state(event: DeviceEvent, rule: StateRule, active: boolean): Promise<void> | void {
    const stateful = rule.property ?? (event.retained || rule.active !== undefined);
    const judged = this.#clock.judge(event.timeMs, stateful);
    // What a property says holds now, however long ago it began.
    const delivery = stateful ? "live" : judged.delivery;
    const { was, undo } = this.#states.take(event.instance, active, event.timeMs);
    if (stateful && was === active) return this.#filter("unchanged", judged.clockSkewMs);
    return this.#observe([stateDraft(event, rule, active, delivery, judged.occurredAtMs)], judged.clockSkewMs, undo);
  }

  #throwDraft(
    event: DeviceEvent,
    rule: ThrowRule,
    delivery: Delivery,
    occurredAtMs: number | undefined,
  ): ObservationDraft {
    const { confidence, region, record } = rule;
    const certain = confidence === undefined ? undefined : asNumber(readPath(event, confidence.at));
    const regionName = asText(readPath(event, region ?? "Rule"));
    const recordId = record === undefined ? undefined : asText(readPath(event, record));
    const dedupKey = dedupKeyOf(event);
    return throwDraft(
      {
        delivery,
        ...(occurredAtMs === undefined ? {} : { occurredAtMs, startedAtMs: occurredAtMs }),
        ...(certain === undefined ? {} : { confidence: certain / (confidence?.of ?? 1) }),
        ...boxOf(event, rule),
        ...(regionName === undefined ? {} : { region: regionName }),
        ...(recordId === undefined ? {} : { sourceRecordId: recordId }),
        ...(dedupKey === undefined ? {} : { dedupKey }),
      },
      this.#view,
    );
  }

  async #observe(drafts: readonly ObservationDraft[], clockSkewMs?: number, undo?: () => void): Promise<void> {
    if (clockSkewMs !== undefined) this.#context.seen({ clockSkewMs });
    try {
      await this.#context.observe(drafts);
    } catch (cause) {
      undo?.();
      throw cause;
    }
  }

  #offer(event: DeviceEvent): void {
    this.#clock.judge(event.timeMs, event.retained);
    if (this.#offered.has(event.topic) || this.#offered.size >= mostOffered) {
      this.#filter("unmapped-topic");
      return;
    }
    this.#offered.add(event.topic);
    const names = [...event.items.keys()].slice(0, 12).map(shown).join(", ");
    this.#reject({
      reason: "unmapped-topic",
      detail: `say in events what { topic: ${JSON.stringify(shown(event.topic))} } means; its items are ${names === "" ? "none" : names}`,
      source: event.source,
      bytes: event.payload.byteLength,
    });
  }

  #filter(reason: string, clockSkewMs?: number): void {
    this.#context.seen(clockSkewMs === undefined ? {} : { clockSkewMs });
    this.#context.filtered(reason);
  }

  #reject(rejection: Rejection): void {
    this.#context.seen();
    this.#context.reject(rejection);
  }
}

function stateDraft(
  event: DeviceEvent,
  rule: StateRule,
  active: boolean,
  delivery: Delivery,
  occurredAtMs: number | undefined,
): ObservationDraft {
  const key = dedupKeyOf(event);
  const common = {
    ...(occurredAtMs === undefined ? {} : { occurredAtMs }),
    ...(key === undefined ? {} : { dedupKey: key }),
  };
  switch (rule.as) {
    case "fire":
      return { ...common, kind: "fire.detected", body: { delivery, active, sensor: rule.sensor } };
    case "tamper":
      return { ...common, kind: "device.tamper", body: { active } };
    case "contact":
      return {
        ...common,
        kind: "contact.state",
        body: { active, ...(rule.role === undefined ? {} : { role: rule.role }) },
      };
    case "fault":
      return { ...common, kind: "device.fault", body: { code: rule.code, active } };
  }
}

/** A name from the wire, fit to be shown. */
function shown(text: string): string {
  return text.slice(0, 120).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "·");
}
