import fc from "fast-check";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { FusionBench } from "./fusion-bench.ts";

/** What may happen on a site. */
export type Happening =
  | { type: "observe"; device: string; zone: string; draft: ObservationDraft }
  | { type: "pass"; ms: number }
  | { type: "restart"; clean: boolean };

/** What people do meanwhile: `nth` counts the open alarms round and round. */
export type Act =
  | { type: "acknowledge"; nth: number }
  | { type: "close"; nth: number; disposition: "true" | "false" | "test"; via: "console" | "city" }
  | { type: "shelve"; nth: number; minutes: number }
  | { type: "unshelve"; nth: number }
  | { type: "escalate"; nth: number; tier: 1 | 2 | 3 }
  /** The process has no time: what is due in it comes late, and acts may overtake it. */
  | { type: "stall"; ms: number };

const delivery = fc.constantFrom("live" as const, "live" as const, "late" as const);
const observed: fc.Arbitrary<{ device: string; zone: string; draft: ObservationDraft }> = fc.oneof(
  fc.record({
    device: fc.constantFrom("gate-1", "gate-2"),
    zone: fc.constant("b3-u1"),
    draft: fc.record({
      kind: fc.constant("access.denied" as const),
      body: fc.record({ delivery, reason: fc.constant("refused" as const) }),
    }),
  }),
  fc.record({
    device: fc.constantFrom("cam-1", "cam-2"),
    zone: fc.constantFrom("b3", "b3-u1", "b4"),
    draft: fc.record({ kind: fc.constant("throw.detected" as const), body: fc.record({ delivery }) }),
  }),
  fc.record({
    device: fc.constantFrom("ext-1", "ext-2"),
    zone: fc.constant("b3-u1"),
    draft: fc.record({
      kind: fc.constant("thermal.reading" as const),
      body: fc.record({ temperatureC: fc.integer({ min: 15, max: 90 }) }),
    }),
  }),
  fc.record({
    device: fc.constantFrom("ext-1"),
    zone: fc.constant("b3-u1"),
    draft: fc.record({
      kind: fc.constant("extinguisher.state" as const),
      body: fc.record({ discharged: fc.boolean(), lowPressure: fc.boolean(), tamper: fc.boolean() }),
    }),
  }),
  fc.record({
    device: fc.constantFrom("sd-1", "sd-2", "mcp-1"),
    zone: fc.constantFrom("b3", "b3-u1", "b4"),
    draft: fc.oneof(
      fc.record({
        kind: fc.constant("fire.detected" as const),
        body: fc.record({ delivery, active: fc.boolean(), sensor: fc.constantFrom("smoke" as const, "heat" as const) }),
      }),
      fc.record({
        kind: fc.constant("contact.state" as const),
        body: fc.record({ active: fc.boolean(), role: fc.constantFrom("door", "call-point", "discharge") }),
      }),
    ),
  }),
  fc.record({
    device: fc.constantFrom("gate-1", "gate-2"),
    zone: fc.constant("b3-u1"),
    draft: fc.oneof(
      fc.record({
        kind: fc.constant("door.state" as const),
        body: fc.record({ delivery, state: fc.constantFrom("open" as const, "closed" as const, "forced" as const) }),
      }),
      fc.record({ kind: fc.constant("access.duress" as const), body: fc.record({ delivery }) }),
    ),
  }),
  fc.record({
    device: fc.constantFrom("gate-1", "ext-1", "cam-1"),
    zone: fc.constant("b3"),
    draft: fc.oneof(
      fc.record({ kind: fc.constant("device.online" as const), body: fc.constant({}) }),
      fc.record({ kind: fc.constant("device.offline" as const), body: fc.constant({ reason: "silent" as const }) }),
    ),
  }),
);

export const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: observed.map((each): Happening => ({ type: "observe", ...each })) },
  {
    weight: 4,
    arbitrary: fc
      .oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 200_000 }))
      .map((ms): Happening => ({ type: "pass", ms })),
  },
  { weight: 1, arbitrary: fc.boolean().map((clean): Happening => ({ type: "restart", clean })) },
);

export const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ type: fc.constant("acknowledge" as const), nth: fc.nat(20) }),
  fc.record({
    type: fc.constant("close" as const),
    nth: fc.nat(20),
    disposition: fc.constantFrom("true" as const, "false" as const, "test" as const),
    via: fc.constantFrom("console" as const, "city" as const),
  }),
  fc.record({ type: fc.constant("shelve" as const), nth: fc.nat(20), minutes: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ type: fc.constant("unshelve" as const), nth: fc.nat(20) }),
  fc.record({
    type: fc.constant("escalate" as const),
    nth: fc.nat(20),
    tier: fc.constantFrom(1 as const, 2 as const, 3 as const),
  }),
  fc.record({ type: fc.constant("stall" as const), ms: fc.integer({ min: 0, max: 30_000 }) }),
);

export function live(bench: FusionBench, happenings: readonly (Happening | Act)[]): FusionBench {
  for (const each of happenings) {
    if (each.type === "observe") bench.observe(each.device, each.zone, each.draft);
    else if (each.type === "pass") bench.clock.advance(each.ms);
    else if (each.type === "restart") bench.restart(each.clean);
    else if (each.type === "stall") bench.clock.jump(bench.clock.now() + each.ms);
    else actOn(bench, each);
  }
  return bench;
}

function actOn({ desk, clock }: FusionBench, act: Exclude<Act, { type: "stall" }>): void {
  const open = desk.open();
  const alarm = open[act.nth % Math.max(1, open.length)];
  if (alarm === undefined) return;
  const li = { name: "li", via: "console" } as const;
  if (act.type === "acknowledge") desk.acknowledge(alarm.id, li);
  else if (act.type === "shelve") desk.shelve(alarm.id, li, clock.now() + act.minutes * 60_000, "being looked at");
  else if (act.type === "unshelve") desk.unshelve(alarm.id, li);
  else if (act.type === "escalate") desk.escalate(alarm.id, act.tier, "nobody answered");
  else desk.close(alarm.id, { name: "wang", via: act.via }, act.disposition);
}
