import { z } from "zod";
import { type Actor, dispositionSchema } from "../../domain/alarm.ts";
import { durationSchema } from "../../domain/duration.ts";
import { GatewayError } from "../../domain/errors.ts";
import { alarmIdSchema } from "../../domain/ids.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { Identity } from "../roles.ts";
import { defineRoute, type Route } from "../route.ts";
import { alarmsView, alarmsViewSchema, alarmViewer, alarmViewSchema, type Watched } from "../views.ts";

const onDuty = ["guard", "manager", "installer", "admin"] as const;
/** Putting an alarm aside takes it from everybody's sight: more than a guard decides alone. */
const mayShelve = ["manager", "admin"] as const;
const params = z.strictObject({ id: alarmIdSchema });
const comment = z.string().trim().max(2000).optional();

export function alarmRoutes(watched: Watched, logger: Logger): readonly Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/alarms",
      access: "signed-in",
      summary: "The open alarms, most urgent first, at most 500 of them.",
      answer: alarmsViewSchema,
      handle: () => alarmsView(watched),
    }),
    defineRoute({
      method: "POST",
      path: "/api/alarms/{id}/acknowledge",
      access: onDuty,
      summary: "Somebody has taken notice of an alarm. It changes nothing about its cause.",
      params,
      body: z.strictObject({ comment }),
      answer: alarmViewSchema,
      handle({ params: { id }, body, identity }) {
        const alarm = watched.desk.acknowledge(id, actorOf(identity), body.comment);
        logger.info({ user: identity?.name, alarm: id }, "alarm acknowledged");
        return alarmViewer(watched)(alarm);
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/alarms/{id}/shelve",
      access: mayShelve,
      summary:
        "Puts an alarm aside for a bounded time: at most 12h, a critical one 30m. Its condition is followed all the same.",
      params,
      body: z.strictObject({ for: durationSchema, reason: z.string().trim().min(1, "a reason").max(2000) }),
      answer: alarmViewSchema,
      handle({ params: { id }, body, identity }) {
        const until = watched.clock.now() + body.for;
        const alarm = watched.desk.shelve(id, actorOf(identity), until, body.reason);
        logger.info({ user: identity?.name, alarm: id, forMs: body.for }, "alarm shelved");
        return alarmViewer(watched)(alarm);
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/alarms/{id}/unshelve",
      access: mayShelve,
      summary: "Takes an alarm from the shelf before its time.",
      params,
      body: z.strictObject({}),
      answer: alarmViewSchema,
      handle({ params: { id }, identity }) {
        const alarm = watched.desk.unshelve(id, actorOf(identity));
        logger.info({ user: identity?.name, alarm: id }, "alarm unshelved");
        return alarmViewer(watched)(alarm);
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/alarms/{id}/close",
      access: onDuty,
      summary: "Ends an alarm with what it turned out to be. An installer may only close tests.",
      params,
      body: z.strictObject({ disposition: dispositionSchema, comment }),
      answer: alarmViewSchema,
      handle({ params: { id }, body, identity }) {
        if (identity?.role === "installer" && body.disposition !== "test") {
          throw new GatewayError("FORBIDDEN", "an installer may close an alarm as a test only");
        }
        const alarm = watched.desk.close(id, actorOf(identity), body.disposition, body.comment);
        logger.info({ user: identity?.name, alarm: id, disposition: body.disposition }, "alarm closed");
        return alarmViewer(watched)(alarm);
      },
    }),
  ];
}

function actorOf(identity: Identity | undefined): Actor {
  if (identity === undefined) throw new GatewayError("UNAUTHENTICATED", "nobody is signed in");
  return { name: identity.name, via: "console" };
}
