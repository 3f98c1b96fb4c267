import { z } from "zod";
import { bilingualSchema } from "../../domain/alarm.ts";
import { defineRoute, type Route } from "../route.ts";
import { isoTime, type Watched } from "../views.ts";

const zoneSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  parent: z.string().optional(),
  colour: z.enum(["red", "yellow", "green", "unknown"]),
  since: z.iso.datetime().optional(),
  reasons: z.array(bilingualSchema),
});

const ledgerSchema = z.strictObject({
  accepted: z.number().int(),
  delivered: z.number().int(),
  pending: z.number().int(),
  quarantined: z.number().int(),
  evicted: z.number().int(),
});

const uplinkSchema = z.strictObject({
  state: z.enum(["up", "connecting", "down", "off"]),
  since: z.iso.datetime(),
  code: z.string().optional(),
  lanes: z.array(
    z.strictObject({
      lane: z.enum(["alarms", "events"]),
      epoch: z.string(),
      head: z.number().int(),
      ledger: ledgerSchema,
      oldestPendingAt: z.iso.datetime().optional(),
    }),
  ),
});

/** What the site consists of and how it is. */
export function siteRoutes(watched: Watched): readonly Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/zones",
      access: "signed-in",
      summary: "The zones with their colours and why. A zone that nobody has judged is unknown, never green.",
      answer: z.strictObject({ zones: z.array(zoneSchema) }),
      handle: () => zonesView(watched),
    }),
    defineRoute({
      method: "GET",
      path: "/api/uplink",
      access: "signed-in",
      summary: "The line to the city, and its ledger: accepted = delivered + pending + quarantined + evicted.",
      answer: uplinkSchema,
      handle: () => uplinkView(watched),
    }),
  ];
}

function zonesView({ zones, places }: Watched) {
  const states = new Map(zones.zones().map((state) => [state.zoneId, state]));
  return {
    zones: places().map((zone) => {
      const state = states.get(zone.id);
      return {
        id: zone.id,
        name: zone.name,
        parent: zone.parent,
        colour: state?.colour ?? ("unknown" as const),
        since: isoTime(state?.since),
        reasons: state?.reasons ?? [],
      };
    }),
  };
}

function uplinkView({ uplink }: Watched) {
  const { state, since, code, lanes } = uplink();
  return {
    state,
    since: isoTime(since),
    code,
    lanes: lanes.map((lane) => ({ ...lane, oldestPendingAt: isoTime(lane.oldestPendingAt) })),
  };
}
