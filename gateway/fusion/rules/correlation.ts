import { z } from "zod";
import type { AlarmSignal } from "../../domain/alarm.ts";
import { type ObservationId, siteZoneId, type ZoneId, zoneIdSchema } from "../../domain/ids.ts";
import { bodySchemas, type ObservationKind } from "../../domain/observation.ts";
import { advance, conditionsOf, meets, type Pattern, type Progress, patternSchema, scopesOf } from "../pattern.ts";
import { defineRule, type RuleOutcome, type SiteView } from "../rule.ts";

const params = z.strictObject({
  patterns: z
    .array(patternSchema)
    .max(64)
    .refine((patterns) => new Set(patterns.map(({ name }) => name)).size === patterns.length, "names used once")
    .prefault([
      {
        name: "throw-and-glass",
        title: { zh: "抛物砸碎玻璃", en: "A throw that broke glass" },
        all: [{ kind: "throw.detected" }, { kind: "contact.state", is: { role: "glass", active: true } }],
        within: "30s",
        scope: "building",
        severity: "critical",
        certainty: "likely",
        response: {
          zh: "请立即查看下方有无人员受伤，并封闭现场。",
          en: "See at once whether anyone below is hurt, and close the place off.",
        },
      },
    ])
    .describe("What else to look for: observations that together mean something."),
});
type Params = z.infer<typeof params>;

/** One pattern in one place. */
type State = Progress;

const mark = "|";

/**
 * For what nobody thought of: observations that together mean something, in a zone, a building or on the site, all, one after the
 * other, or one without another. Each time is an occurrence of its own, over at once.
 */
export const correlation = defineRule<Params, State>({
  name: "correlation",
  title: { zh: "组合警情", en: "Correlated events" },
  params,
  kinds: Object.keys(bodySchemas) as ObservationKind[],
  maxKeys: 10_000,
  keyOf(observation, site, { patterns }) {
    const concerned = patterns.filter((pattern) =>
      conditionsOf(pattern).some((condition) => meets(observation, condition, site)),
    );
    return concerned.flatMap((pattern) =>
      scopesOf(pattern, observation, site).map((scope) => `${pattern.name}${mark}${scope}`),
    );
  },

  step(state, input, { params, at, key, site }) {
    const pattern = params.patterns.find(({ name }) => key.startsWith(`${name}${mark}`));
    if (pattern === undefined) return {};
    if (input.type !== "observation") {
      const due = state?.waiting !== undefined && state.waiting.dueAt <= at ? state.waiting.by : undefined;
      const rest = next(pattern, state === undefined ? undefined : { met: state.met }, at);
      return due === undefined ? next(pattern, state, at) : { ...rest, signals: signals(pattern, due, key, site) };
    }
    const { progress, complete } = advance(pattern, state, input.observation, at, site);
    if (complete === undefined) return next(pattern, progress, at);
    if (pattern.without !== undefined) {
      const waiting = progress.waiting ?? { dueAt: at + pattern.within, by: complete };
      return next(pattern, { ...progress, waiting }, at);
    }
    return { ...next(pattern, progress, at), signals: signals(pattern, complete, key, site) };
  },
});

/** Woken when what waits is due, or when what was met is too old. */
function next({ within }: Pattern, progress: Progress | undefined, at: number): RuleOutcome<State> {
  if (progress === undefined) return {};
  const ends = progress.met.flatMap((each) => (each === null ? [] : [each.from + within + 1]));
  const alive = ends.filter((end) => end > at);
  const wakes = [...alive, ...(progress.waiting === undefined ? [] : [progress.waiting.dueAt])];
  return wakes.length === 0 ? {} : { state: progress, wakeAt: Math.min(...wakes) };
}

function signals(pattern: Pattern, by: readonly ObservationId[], key: string, site: SiteView): AlarmSignal[] {
  const zoneId = zoneOf(key.slice(key.indexOf(mark) + 1));
  const openedBy = by[0];
  if (openedBy === undefined) return [];
  const where = site.zoneName(zoneId);
  const { title, response, severity, certainty, name } = pattern;
  return [
    {
      type: "raise",
      subject: key,
      zoneId,
      openedBy,
      perOccurrence: true,
      severity,
      certainty,
      causes: by.slice(-16),
      evidence: [name],
      explanation: {
        zh: `${where}：${title.zh}。${response?.zh ?? "请查看现场。"}`,
        en: `${where}: ${title.en}. ${response?.en ?? "Go and see."}`,
      },
    },
    { type: "clear", subject: key, openedBy },
  ];
}

function zoneOf(scope: string): ZoneId {
  const zone = zoneIdSchema.safeParse(scope);
  return zone.success ? zone.data : siteZoneId;
}
