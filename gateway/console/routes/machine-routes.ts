import { z } from "zod";
import type { HealthBoard } from "../../ports/status.ts";
import { openApiDocument } from "../openapi.ts";
import { defineRoute, type Route } from "../route.ts";

const toldSchema = z.array(z.strictObject({ code: z.string(), zh: z.string(), en: z.string() }));

const liveSchema = z.strictObject({
  alive: z.boolean(),
  reasons: z.array(z.string()),
  version: z.string(),
  uptimeMs: z.number(),
});

const readySchema = z.strictObject({
  ready: z.boolean(),
  reasons: toldSchema,
  warnings: toldSchema,
  broker: z.strictObject({ listening: z.boolean() }),
  log: z.strictObject({
    writable: z.boolean(),
    code: z.string().optional(),
    bytes: z.number(),
    budgetBytes: z.number().optional(),
    freeBytes: z.number().optional(),
  }),
  uplink: z.enum(["up", "connecting", "down", "off"]),
  devices: z.strictObject({
    total: z.number().int(),
    online: z.number().int(),
    offline: z.number().int(),
    unknown: z.number().int(),
  }),
  clock: z.strictObject({ state: z.string(), steppedMs: z.number() }),
});

/** What other machines ask: watchdogs, Prometheus, integrators. */
export function machineRoutes(parts: {
  readonly health: HealthBoard;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  readonly version: string;
  /** All routes of the console, these among them. */
  readonly routes: () => readonly Route[];
}): readonly Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/healthz",
      access: "open",
      automatic: true,
      summary: "200 while the gateway is alive; 503 when it should be restarted.",
      answer: liveSchema,
      handle({ reply }) {
        const report = parts.health.live();
        reply.code(report.alive ? 200 : 503);
        return report;
      },
    }),
    defineRoute({
      method: "GET",
      path: "/readyz",
      access: "open",
      automatic: true,
      summary: "200 while the gateway does its work; 503 with the reasons when it does not.",
      answer: readySchema,
      handle({ reply }) {
        const report = parts.health.ready();
        reply.code(report.ready ? 200 : 503);
        return report;
      },
    }),
    defineRoute({
      method: "GET",
      path: "/metrics",
      access: "signed-in",
      automatic: true,
      summary: "Metrics in the text format of Prometheus.",
      answer: "text/plain",
      async handle({ reply }) {
        reply.type(parts.metrics.contentType);
        return parts.metrics.render();
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/openapi.json",
      access: "signed-in",
      summary: "This document.",
      answer: z.looseObject({ openapi: z.string() }),
      handle: () => openApiDocument(parts.routes(), parts.version),
    }),
  ];
}
