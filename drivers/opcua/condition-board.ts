import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import { boundedText } from "./bounded-text.ts";
import type { ConditionEvent } from "./event-fields.ts";
import type { ConditionRule, PanelState } from "./profile.ts";

/** More conditions than any panel has. Beyond it an active one is told each time it is heard of. */
const mostConditions = 10_000;

export interface Condition {
  readonly id: string;
  /** SourceName/ConditionName: what it is called in observations and commands. */
  readonly point: string;
  /** As it was told. */
  readonly state: PanelState;
  readonly detector?: NonNullable<ConditionRule["detector"]>;
  /** EventId of its newest event: Acknowledge and Confirm need it (Part 9 §5.7.3). */
  readonly eventId: Buffer;
  readonly acked?: boolean;
  readonly confirmed?: boolean;
  /** Not seen yet since the refresh began (Part 9 §4.5). */
  readonly suspect: boolean;
}

export type ConditionOutcome =
  | { readonly kind: "drafts"; readonly drafts: readonly ObservationDraft[]; readonly point: string }
  | { readonly kind: "filtered"; readonly reason: string; readonly point?: string };

/**
 * What was told of each condition of a server, so that what a refresh repeats is no news, and that what it does not repeat
 * any more is (OPC UA Part 9 §4.5).
 */
export class ConditionBoard {
  readonly #conditions = new Map<string, Condition>();

  /** Those that are known now: active, or still wanting a person's notice. */
  all(): readonly Condition[] {
    return [...this.#conditions.values()];
  }

  /** All that is known is in doubt until the server repeats it. */
  refreshBegins(): void {
    for (const condition of this.all()) this.#conditions.set(condition.id, { ...condition, suspect: true });
  }

  /** What the server did not repeat is over. */
  refreshEnds(): readonly ObservationDraft[] {
    return this.all()
      .filter(({ suspect }) => suspect)
      .flatMap((condition) => {
        this.#conditions.delete(condition.id);
        return condition.state === "normal" ? [] : this.#told({ ...condition, state: "normal" }, condition, "");
      });
  }

  take(event: ConditionEvent, rules: readonly ConditionRule[]): ConditionOutcome {
    if (event.branch) return { kind: "filtered", reason: "former-state" };
    const rule = rules.find((each) => fits(each, event));
    if (rule === undefined) return { kind: "filtered", reason: "unmapped-condition" };
    if (rule.event === "ignore") return { kind: "filtered", reason: "ignored-condition" };
    const known = this.#conditions.get(event.conditionId);
    const point = known?.point ?? pointOf(event);
    const heard = stateOf(event, rule.event);
    // A sensor that cannot be believed takes no fire back; what it raises stands.
    const state = event.badQuality !== undefined && heard === "normal" ? (known?.state ?? "normal") : heard;
    const condition: Condition = {
      id: event.conditionId,
      point,
      state,
      ...(rule.detector === undefined ? {} : { detector: rule.detector }),
      eventId: event.eventId,
      ...(event.acked === undefined ? {} : { acked: event.acked }),
      ...(event.confirmed === undefined ? {} : { confirmed: event.confirmed }),
      suspect: false,
    };
    this.#keep(condition, event.retain);
    if (state === (known?.state ?? "normal")) return { kind: "filtered", reason: "unchanged", point };
    return { kind: "drafts", point, drafts: this.#told(condition, known, event.text, event) };
  }

  #keep(condition: Condition, retain: boolean): void {
    const { id, state } = condition;
    if (state === "normal" && !retain) this.#conditions.delete(id);
    else if (this.#conditions.has(id) || this.#conditions.size < mostConditions) this.#conditions.set(id, condition);
  }

  #told(now: Condition, before: Condition | undefined, text: string, event?: ConditionEvent): ObservationDraft[] {
    const common = event === undefined ? {} : { sourceRecordId: event.eventId.toString("hex") || "00" };
    const detector = now.detector ?? before?.detector;
    if (detector !== undefined && (now.state === "fire" || before?.state === "fire")) {
      return this.#detectorDrafts(detector, now, common);
    }
    const body = { event: now.state, point: now.point, ...(text === "" ? {} : { text }) };
    return [{ kind: "panel.event", body, ...common }];
  }

  /** A detector of several conditions says fire while any of them does. */
  #detectorDrafts(sensor: NonNullable<ConditionRule["detector"]>, now: Condition, common: object): ObservationDraft[] {
    const active = now.state === "fire";
    const others = this.all().some(
      ({ id, state, detector }) => id !== now.id && state === "fire" && detector === sensor,
    );
    if (others) return [];
    return [{ kind: "fire.detected", body: { delivery: "live", active, sensor }, ...common }];
  }
}

function stateOf(event: ConditionEvent, whenActive: Exclude<ConditionRule["event"], "ignore">): PanelState {
  if (!event.enabled) return "disabled";
  return (event.active ?? event.retain) ? whenActive : "normal";
}

function pointOf({ source, name, conditionId }: ConditionEvent): string {
  const point = [source, name].filter((part) => part !== "").join("/");
  return [...boundedText(point === "" ? conditionId : point)].slice(0, 128).join("");
}

function fits(rule: ConditionRule, event: ConditionEvent): boolean {
  const { type, source, name, severity } = rule;
  return (
    (type === undefined || type.some((each) => withNamespace(each) === event.eventType)) &&
    (source === undefined || matches(source, event.source)) &&
    (name === undefined || matches(name, event.name)) &&
    (severity === undefined || (event.severity >= severity.min && event.severity <= severity.max))
  );
}

function withNamespace(nodeId: string): string {
  return nodeId.startsWith("ns") ? nodeId : `ns=0;${nodeId}`;
}

/** `*` stands for anything; the rest is taken as it is. In linear time whatever the pattern. */
export function matches(pattern: string, text: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === text;
  if (!text.startsWith(head)) return false;
  const tail = rest.pop() ?? "";
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - tail.length >= at && text.endsWith(tail);
}
