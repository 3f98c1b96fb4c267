import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { LiveStream } from "../live-stream.ts";
import { defineRoute, type Route } from "../route.ts";

const whole = z.coerce.number().int().min(0).optional();

/** `standing` says of a request whether its session or token still holds. */
export function liveRoute(live: LiveStream, standing: (request: FastifyRequest) => () => boolean): Route {
  return defineRoute({
    method: "GET",
    path: "/api/live",
    access: "signed-in",
    automatic: true,
    summary:
      "Server-sent events: `snapshot` (the open alarms) or, after Last-Event-ID, what was missed; then `transition`, with " +
      "the sequence number of the alarm log as id; `status` every 5 s and on change; `signed-out` when the session ends.",
    query: z.strictObject({
      /** Where Last-Event-ID cannot be set: the same. */
      after: whole,
      /** Epoch that the number is of; of another epoch there is nothing to catch up. */
      epoch: z.string().max(64).optional(),
    }),
    answer: "text/event-stream",
    handle({ query, request, reply, identity }) {
      const header = z.coerce.number().int().min(0).safeParse(request.headers["last-event-id"]);
      const after = request.headers["last-event-id"] !== undefined && header.success ? header.data : query.after;
      return live.open(reply, {
        owner: `${identity?.via} ${identity?.name}`,
        standing: standing(request),
        ...(after === undefined ? {} : { after }),
        ...(query.epoch === undefined ? {} : { epoch: query.epoch }),
      });
    },
  });
}
