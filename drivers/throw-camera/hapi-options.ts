import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import type { HttpGrants } from "../../gateway/ports/driver.ts";

const line = (what: string, most: number) =>
  z
    .string("text")
    .min(1, what)
    .max(most, `at most ${most} characters`)
    .regex(/^[^\r\n\0]*$/, "one line");

const prefixWords = "letters, digits, - or _, in levels divided by /, at most 90 characters";
const secretWords =
  "username and password, or a prefix with a level of at least 16 characters, which is then the secret";
const secretIn = (prefix: string | undefined) => prefix?.split("/").find((level) => level.length >= 16);

/** What the configuration says of a HAPI camera. */
export const hapiOptions = z
  .strictObject({
    deviceId: z
      .string("text in quotes, so that no leading zero is lost")
      .regex(/^[A-Za-z0-9._:@=-]{1,32}$/, "1 to 32 letters, digits or . _ : @ = -")
      .describe("DeviceID of the camera: its serial number."),
    username: line("a user name", 128).optional().describe("User name of the camera's alarm server settings."),
    password: line("a password", 120).optional().describe("Password of the same."),
    prefix: z
      .string("text")
      .max(90, prefixWords)
      .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/, prefixWords)
      .optional()
      .describe(
        "Path in the camera's alarm server address, http://GATEWAY:PORT/PREFIX. It makes two cameras' paths differ, and without " +
          "user name and password it is the only secret: then a level of it has at least 16 characters that nobody can guess.",
      ),
    silentAfter: durationSchema
      .refine((ms) => ms >= 60_000 && ms <= 30 * 86_400_000, "1m to 30d")
      .prefault("7d")
      .describe(
        "Silence that counts as gone. The camera has no heartbeat: it says something only when it sees something.",
      ),
    profile: z
      .string("text")
      .min(1, "the name of a profile or the path of one")
      .optional()
      .describe("What this camera sees: name of a built-in view profile or path of one, by which a throw is located."),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), { error: secretWords })
  .refine(({ username, prefix }) => username !== undefined || secretIn(prefix) !== undefined, { error: secretWords });
export type HapiOptions = z.output<typeof hapiOptions>;

/** The path is fixed in the firmware, but for the prefix; pictures come in the JSON as base64. */
export function hapiGrants({ username, password, prefix }: HapiOptions): HttpGrants {
  const path = `/HAPI/V1.0/${prefix === undefined ? "" : `${prefix}/`}Event/Notification`;
  const token = secretIn(prefix);
  const account = username === undefined || password === undefined ? undefined : { username, password };
  return {
    paths: [path],
    ...(account ?? (token === undefined ? {} : { token })),
    maxBodyBytes: 8 * 1024 * 1024,
  };
}
