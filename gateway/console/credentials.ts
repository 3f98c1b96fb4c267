import type { FastifyReply, FastifyRequest } from "fastify";

const maxAgeS = 24 * 3600;

/** Over https the prefix `__Host-` binds the cookie to this host and to https (RFC 6265bis §4.1.3). */
const nameFor = (request: FastifyRequest): string =>
  request.protocol === "https" ? "__Host-zhian-session" : "zhian-session";

const attributesFor = (request: FastifyRequest) => ({
  httpOnly: true,
  sameSite: "strict" as const,
  secure: request.protocol === "https",
  path: "/",
});

/** The token that a program sends along. */
export function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer (\S{1,256})$/.exec(request.headers.authorization ?? "")?.[1];
}

export function sessionIdOf(request: FastifyRequest): string | undefined {
  return request.cookies[nameFor(request)];
}

export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, id: string): void {
  reply.setCookie(nameFor(request), id, { ...attributesFor(request), maxAge: maxAgeS });
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  reply.clearCookie(nameFor(request), attributesFor(request));
}
