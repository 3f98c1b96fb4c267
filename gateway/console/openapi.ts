import { z } from "zod";
import { problemSchema } from "./problem.ts";
import type { Route } from "./route.ts";

/** OpenAPI 3.1, built from the same schemas by which requests are parsed. */
export function openApiDocument(
  routes: readonly Route[],
  version: string,
): { openapi: string } & Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    if (route.hidden === true) continue;
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "zhian-gateway console", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "/" }],
    paths,
    components: {
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: "zhian-session" },
        token: { type: "http", scheme: "bearer" },
      },
      schemas: { Problem: schemaOf(problemSchema) },
    },
  };
}

function operationOf(route: Route): Record<string, unknown> {
  const parameters = [...parametersOf("path", route.params), ...parametersOf("query", route.query)];
  const roles = typeof route.access === "string" ? "" : ` Roles: ${route.access.join(", ")}.`;
  const content =
    typeof route.answer === "string"
      ? { [route.answer]: { schema: { type: "string" } } }
      : { "application/json": { schema: schemaOf(route.answer) } };
  return {
    summary: route.summary,
    description: `${route.summary}${roles}`,
    security: route.access === "open" ? [] : [{ session: [] }, { token: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: { required: true, content: { "application/json": { schema: schemaOf(route.body, "input") } } },
        }),
    responses: {
      "200": { description: "Done.", content },
      default: {
        description: "Refused or failed, with what to do.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

function parametersOf(where: "path" | "query", schema: z.ZodType | undefined): object[] {
  if (schema === undefined) return [];
  const { properties = {} } = schemaOf(schema, "input");
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === "path",
    schema: property,
  }));
}

function schemaOf(schema: z.ZodType, io: "input" | "output" = "output") {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12", io });
  return rest;
}
