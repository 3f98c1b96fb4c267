import type { FastifyReply } from "fastify";
import { z } from "zod";
import { GatewayError } from "../../domain/errors.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import { clearSessionCookie, sessionIdOf, setSessionCookie } from "../credentials.ts";
import type { OneTimeSignIn } from "../one-time-sign-in.ts";
import { verifyPassword } from "../passwords.ts";
import { type Identity, linkName, roleSchema } from "../roles.ts";
import { defineRoute, type Route } from "../route.ts";
import type { Sessions } from "../sessions.ts";
import type { SignInThrottle } from "../sign-in-throttle.ts";
import type { User, Users } from "../users.ts";

const identitySchema = z.strictObject({
  name: z.string(),
  role: roleSchema,
  via: z.enum(["account", "link", "token"]),
});

const signInSchema = z.union([
  z.strictObject({ name: z.string().min(1).max(64), password: z.string().min(1).max(1024) }),
  z.strictObject({ code: z.string().min(1).max(64) }),
]);

export function sessionRoutes(parts: {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly oneTime: OneTimeSignIn;
  readonly throttle: SignInThrottle;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}): readonly Route[] {
  const { users, sessions, oneTime, throttle, telemetry, logger } = parts;

  async function check(attempt: z.infer<typeof signInSchema>): Promise<{ user?: User } | undefined> {
    if ("code" in attempt) return oneTime.redeem(attempt.code) ? {} : undefined;
    const user = users.find(attempt.name);
    return (await verifyPassword(attempt.password, user?.password)) && user !== undefined ? { user } : undefined;
  }

  function refuseFor(retryAfterMs: number, reply: FastifyReply): never {
    telemetry.count("zhian_console_sign_ins_total", { result: "throttled" });
    const seconds = Math.ceil(retryAfterMs / 1000);
    reply.header("retry-after", seconds);
    throw new GatewayError("TOO_MANY_ATTEMPTS", `too many attempts to sign in; try again in ${seconds} s`);
  }

  return [
    defineRoute({
      method: "GET",
      path: "/api/session",
      access: "signed-in",
      summary: "Who is signed in.",
      answer: identitySchema,
      handle: ({ identity }) => identity,
    }),
    defineRoute({
      method: "POST",
      path: "/api/session",
      access: "open",
      summary: "Signs in with name and password, or with the one-time code from the gateway's log.",
      body: signInSchema,
      answer: identitySchema,
      async handle({ body, request, reply }) {
        const account = "code" in body ? linkName : body.name.normalize("NFKC").toLowerCase();
        const claim = throttle.claim(account, request.ip);
        if (!claim.ok) refuseFor(claim.retryAfterMs, reply);
        const found = await check(body);
        if (found === undefined) {
          // The name is not logged: people type their password into the wrong field.
          logger.warn({ address: request.ip, by: "code" in body ? "link" : "password" }, "sign-in refused");
          telemetry.count("zhian_console_sign_ins_total", { result: "refused" });
          throw new GatewayError("UNAUTHENTICATED", "the name, the password or the link is not valid");
        }
        claim.succeeded();
        setSessionCookie(request, reply, sessions.start(found.user));
        const identity: Identity =
          found.user === undefined
            ? { name: linkName, role: "admin", via: "link" }
            : { name: found.user.name, role: found.user.role, via: "account" };
        logger.info({ user: identity.name, role: identity.role, address: request.ip }, "signed in");
        telemetry.count("zhian_console_sign_ins_total", { result: "accepted" });
        return identity;
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/api/session",
      access: "signed-in",
      summary: "Signs out.",
      answer: z.strictObject({ signedOut: z.literal(true) }),
      handle({ request, reply, identity }) {
        const id = sessionIdOf(request);
        if (id !== undefined) sessions.end(id);
        clearSessionCookie(request, reply);
        logger.info({ user: identity?.name }, "signed out");
        return { signedOut: true };
      },
    }),
  ];
}
