import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Identity, Role } from "./roles.ts";

/** Who may use a route: anybody, anybody who is signed in or has a token, or certain roles. */
export type Access = "open" | "signed-in" | readonly Role[];

export interface RouteContext<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Absent only on open routes. */
  readonly identity: Identity | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export interface Route<P = unknown, Q = unknown, B = unknown> {
  readonly method: "GET" | "POST" | "DELETE";
  /** As OpenAPI writes it: `/api/alarms/{id}/close`. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  /** Schema of a JSON answer, or the content type of another one. */
  readonly answer: z.ZodType | string;
  /** Files of the page do not belong into the description of the API. */
  readonly hidden?: boolean;
  /** A route that a program calls by itself does not count as a sign that a person is there. */
  readonly automatic?: boolean;
  readonly handle: (context: RouteContext<P, Q, B>) => unknown;
}

/** Keeps the types of a route while it is written, and forgets them in the table of all. */
export function defineRoute<P, Q, B>(route: Route<P, Q, B>): Route {
  return route as unknown as Route;
}

export function mayUse(access: Access, identity: Identity | undefined): boolean {
  if (access === "open") return true;
  if (identity === undefined) return false;
  return access === "signed-in" || access.includes(identity.role);
}
