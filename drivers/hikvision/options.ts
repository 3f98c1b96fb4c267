import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import type { HttpGrants } from "../../gateway/ports/driver.ts";

const word = (what: string, most: number) =>
  z
    .string("text")
    .min(1, what)
    .max(most, `at most ${most} characters`)
    .regex(/^[^\r\n\0]*$/, "one line");

const tokenWords = "16 to 64 letters, digits, - or _";

/** How a device, or its platform, signs in when it pushes. */
const pushSchema = z
  .strictObject({
    username: word("a user name", 128).optional().describe("User name that the device gives, Basic or Digest."),
    password: word("a password", 256).optional().describe("Password that the device gives."),
    token: z
      .string(tokenWords)
      .regex(/^[A-Za-z0-9_-]{16,64}$/, tokenWords)
      .optional()
      .describe("For a sender that cannot sign in: a secret in the address, /ingest/DEVICE/token/TOKEN."),
  })
  .refine(
    ({ username, password, token }) =>
      (username === undefined) === (password === undefined) && (username ?? token) !== undefined,
    {
      error: "username and password, or a token",
    },
  );

const addressWords = "http://HOST or https://HOST, with a port where it is another, and nothing behind it";

/** The device's own web server. */
const deviceSchema = z.strictObject({
  address: z
    .string(addressWords)
    .refine(isAddress, addressWords)
    .describe("Address of the device's own web server, for example http://192.168.1.64."),
  username: word("a user name", 64).describe("An account of the device itself, best one that may only be notified."),
  password: word("a password", 128).describe("Its password. It is sent as Digest where the device offers that."),
});
export type IsapiDevice = z.output<typeof deviceSchema>;

function isAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) return false;
  return url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "" && url.password === "";
}

/** Options that every ISAPI dialect has. */
export const isapiWays = {
  push: pushSchema.optional().describe("The device's HTTP listening (httpHosts) posts its events to /ingest/DEVICE."),
  device: deviceSchema.optional().describe("Where and how we ask the device."),
  alertStream: z
    .boolean("true or false")
    .default(false)
    .describe("We hold the device's /ISAPI/Event/notification/alertStream open; needs `device`."),
  alertStreamPath: z
    .string("text")
    .regex(/^\/[\x21-\x7e]{1,200}$/, "a path that begins with /")
    .default("/ISAPI/Event/notification/alertStream")
    .describe("Where its alert stream is; old firmware has /Event/notification/alertStream."),
  deviceId: z
    .string("text in quotes, so that no leading zero is lost")
    .regex(/^[A-Za-z0-9._:@=-]{1,64}$/, "1 to 64 letters, digits or . _ : @ = -")
    .optional()
    .describe("The deviceID in its events, where it sends one; an event with another is refused."),
  silentAfter: durationSchema
    .refine((ms) => ms >= 10_000 && ms <= 86_400_000, "10s to 1d")
    .optional()
    .describe(
      "Silence that counts as gone. Without it 90s with the alert stream, whose heartbeat comes every 10 s or 30 s, else 15m.",
    ),
};

/** What the session does, from the options. */
export interface IsapiWays {
  readonly push?: z.output<typeof pushSchema> | undefined;
  readonly device?: IsapiDevice | undefined;
  readonly alertStream: boolean;
  readonly alertStreamPath: string;
  readonly deviceId?: string | undefined;
  readonly silentAfter?: number | undefined;
}

/** At least one way in, and an address where we ask. */
export function someWay({ push, alertStream }: IsapiWays): boolean {
  return push !== undefined || alertStream;
}
export const someWayWords = { error: "`push`, or `alertStream: true`, or both" };

export function streamHasDevice({ alertStream, device }: IsapiWays): boolean {
  return !alertStream || device !== undefined;
}
export const streamHasDeviceWords = { error: "`alertStream` needs `device`", path: ["device"] };

export function isapiGrants({ push }: IsapiWays): HttpGrants | undefined {
  if (push === undefined) return undefined;
  const { username, password, token } = push;
  return {
    ...(username === undefined || password === undefined ? {} : { username, password }),
    ...(token === undefined ? {} : { token }),
  };
}

/** Silence after which the device counts as gone, ms. */
export function isapiSilence({ silentAfter, alertStream }: IsapiWays): number {
  return silentAfter ?? (alertStream ? 90_000 : 15 * 60_000);
}
