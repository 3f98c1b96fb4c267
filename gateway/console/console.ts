import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { GatewayError } from "../domain/errors.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { bearerOf, sessionIdOf } from "./credentials.ts";
import { createHttpServer } from "./http.ts";
import { LiveStream } from "./live-stream.ts";
import { OneTimeSignIn } from "./one-time-sign-in.ts";
import type { Route } from "./route.ts";
import { alarmRoutes } from "./routes/alarm-routes.ts";
import { deviceRoutes } from "./routes/device-routes.ts";
import { liveRoute } from "./routes/live-route.ts";
import { machineRoutes } from "./routes/machine-routes.ts";
import { sessionRoutes } from "./routes/session-routes.ts";
import { siteRoutes } from "./routes/site-routes.ts";
import { Sessions } from "./sessions.ts";
import { SignInThrottle } from "./sign-in-throttle.ts";
import { Tokens } from "./tokens.ts";
import { Users } from "./users.ts";
import type { Watched } from "./views.ts";
import { webRoutes } from "./web-files.ts";

export interface ConsoleOptions extends Watched {
  /** Port 0: a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  readonly metrics: Telemetry & { readonly contentType: string; render(): Promise<string> };
  readonly logger: Logger;
  /** A one-time link although there are users: for the demo. Else one is made only while there are none. */
  readonly offerSignIn?: boolean;
}

export interface RunningConsole {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Signs in once, within 15 minutes. It is in the log too, as the field `signInUrl`. */
  readonly signInUrl?: string;
  close(): Promise<void>;
}

/** Opens the console's port. Throws PORT_IN_USE or LISTEN_REFUSED. */
export async function startConsole(options: ConsoleOptions): Promise<RunningConsole> {
  const { clock, logger, dataDir, metrics } = options;
  const users = new Users(dataDir);
  const tokens = new Tokens(dataDir);
  const sessions = new Sessions({ dataDir, users, clock, logger });
  const oneTime = new OneTimeSignIn(clock);
  const live = new LiveStream(options, metrics, logger);
  const routes: Route[] = [
    ...webRoutes(),
    ...machineRoutes({ health: options.health, metrics, version: options.version, routes: () => routes }),
    ...sessionRoutes({ users, sessions, oneTime, throttle: new SignInThrottle(clock), telemetry: metrics, logger }),
    ...alarmRoutes(options, logger),
    ...siteRoutes(options),
    ...deviceRoutes(options),
    liveRoute(live, (request) => {
      const id = sessionIdOf(request);
      const bearer = bearerOf(request);
      return () => (bearer === undefined ? sessions.find(id ?? "", false) : tokens.find(bearer)) !== undefined;
    }),
  ];
  const app = await createHttpServer({
    routes,
    doorkeeper: {
      session: (id, active) => sessions.find(id, active),
      token: (token) => tokens.find(token),
    },
    telemetry: metrics,
    logger,
  });
  try {
    await app.listen(options.listen);
  } catch (cause) {
    live.close();
    throw listenError(cause, options.listen);
  }
  const port = portOf(app.server.address());
  const url = `http://${hostForPeople(options.listen.host)}:${port}`;
  const offered = options.offerSignIn ?? process.env["ZHIAN_DEMO_SIGNIN"] === "1";
  const signInUrl = offered || hasNoUsers(users, logger) ? `${url}/sign-in#code=${oneTime.issue()}` : undefined;
  logger.info({ url, ...(signInUrl === undefined ? {} : { signInUrl }) }, "console listening");
  return {
    url,
    port,
    ...(signInUrl === undefined ? {} : { signInUrl }),
    async close() {
      live.close();
      sessions.close();
      await app.close();
    },
  };
}

/** A damaged file is not an empty one: then nobody gets in by a link. */
function hasNoUsers(users: Users, logger: Logger): boolean {
  try {
    return users.all().length === 0;
  } catch (error) {
    logger.error({ err: error }, "users cannot be read; nobody can sign in");
    return false;
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Something to click on: a wildcard address is none. */
function hostForPeople(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host.includes(":") ? `[${host}]` : host;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((entry) => !entry.internal && entry.family === "IPv4")?.address ?? "127.0.0.1";
}

function listenError(cause: unknown, listen: ConsoleOptions["listen"]): GatewayError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const where = `${listen.host}:${listen.port}`;
  return code === "EADDRINUSE"
    ? new GatewayError("PORT_IN_USE", `the console cannot listen on ${where}: something else does`, { cause })
    : new GatewayError("LISTEN_REFUSED", `the console cannot listen on ${where}`, { cause });
}
