import type { Socket } from "node:net";
import cookie from "@fastify/cookie";
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { GatewayError } from "../domain/errors.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { bearerOf, sessionIdOf } from "./credentials.ts";
import { HttpError, parseInput, problemOf } from "./problem.ts";
import type { Identity } from "./roles.ts";
import { mayUse, type Route } from "./route.ts";

const bodyBytesAtMost = 16 * 1024;
const connectionsAtMost = 256;
const connectionsOfOneAtMost = 64;

/** Everything comes from here, nothing runs that is not a file of ours, nobody may frame the page (CSP Level 3). */
const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
  "cache-control": "no-store",
};

export interface Doorkeeper {
  /** Who has this session; `active` where a person does it. */
  session(id: string, active: boolean): Identity | undefined;
  token(token: string): Identity | undefined;
}

/** A server of exactly these routes. Whoever may not use one is refused before the body is read. */
export async function createHttpServer(parts: {
  readonly routes: readonly Route[];
  readonly doorkeeper: Doorkeeper;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}): Promise<FastifyInstance> {
  const { telemetry, logger } = parts;
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesAtMost,
    requestTimeout: 10_000,
    keepAliveTimeout: 60_000,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    // A TLS proxy on this machine may say who the client is; nobody else is believed.
    trustProxy: "loopback",
    routerOptions: { maxParamLength: 128 },
  });
  limitConnections(app);
  acceptOnlyJson(app);
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers(securityHeaders);
  });
  await app.register(cookie);
  app.setErrorHandler((error, request, reply) => {
    const { status, problem } = problemOf(error);
    if (status >= 500) logger.error({ err: error, route: request.routeOptions.url }, "request failed");
    return reply.code(status).send(problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const { status, problem } = problemOf(new HttpError(404, `there is no ${request.method} ${pathOf(request)}`));
    return reply.code(status).send(problem);
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const method = route === "none" ? "any" : request.method;
    telemetry.count("zhian_console_requests_total", { method, route, status: String(reply.statusCode) });
  });
  for (const route of parts.routes) addRoute(app, route, parts.doorkeeper);
  return app;
}

function addRoute(app: FastifyInstance, route: Route, doorkeeper: Doorkeeper): void {
  const identities = new WeakMap<FastifyRequest, Identity>();
  app.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ":$1"),
    async onRequest(request) {
      const identity = identify(request, route, doorkeeper);
      if (identity !== undefined) identities.set(request, identity);
      if (mayUse(route.access, identity)) return;
      if (identity === undefined) throw new GatewayError("UNAUTHENTICATED", "nobody is signed in");
      throw new GatewayError("FORBIDDEN", `the role ${identity.role} may not do this`);
    },
    handler: (request, reply) =>
      route.handle({
        params: route.params === undefined ? undefined : parseInput(route.params, request.params),
        query: route.query === undefined ? undefined : parseInput(route.query, request.query),
        body: route.body === undefined ? undefined : parseInput(route.body, request.body ?? {}),
        identity: identities.get(request),
        request,
        reply,
      }),
  });
}

/** A token speaks for itself. A cookie is sent by the browser unasked, so the request must show that it is our page's. */
function identify(request: FastifyRequest, route: Route, doorkeeper: Doorkeeper): Identity | undefined {
  const bearer = bearerOf(request);
  if (bearer !== undefined) return doorkeeper.token(bearer);
  if (route.method !== "GET") refuseForeign(request);
  const id = sessionIdOf(request);
  return id === undefined ? undefined : doorkeeper.session(id, route.automatic !== true);
}

/** Fetch Metadata where the browser sends it, else Origin; programs send neither and have no cookie of a person. */
function refuseForeign(request: FastifyRequest): void {
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) {
    if (site !== "same-origin") throw new HttpError(403, "the request comes from another site");
  } else if (request.headers.origin !== undefined && hostOf(request.headers.origin) !== request.headers.host) {
    throw new HttpError(403, "the request comes from another site");
  }
  const type = request.headers["content-type"];
  if (request.method === "POST" && type?.split(";")[0]?.trim().toLowerCase() !== "application/json") {
    throw new HttpError(415, "the body must be JSON");
  }
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}

function acceptOnlyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null, {});
    else void parse(request, String(body), done);
  });
}

/** One that opens connections without end shall not keep the others out. */
function limitConnections(app: FastifyInstance): void {
  const open = new Map<string, number>();
  app.server.maxConnections = connectionsAtMost;
  app.server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count > connectionsOfOneAtMost) socket.destroy();
  });
}

const pathOf = (request: FastifyRequest): string => request.url.split("?")[0]?.slice(0, 200) ?? "";
