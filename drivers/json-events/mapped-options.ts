import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import type { HttpGrants, HttpReply, MqttGrants } from "../../gateway/ports/driver.ts";
import { mqttAccount, topicSchema } from "./client-options.ts";

const silent = durationSchema.refine((ms) => ms >= 10_000 && ms <= 30 * 86_400_000, "10s to 30d");

/** Options of a device that sends JSON over MQTT. */
export const mappedMqttFields = {
  ...mqttAccount,
  topics: z
    .array(topicSchema)
    .min(1, "at least one topic")
    .max(32)
    .describe("Topics on which the device publishes what is read here, each in full."),
  below: z
    .array(topicSchema)
    .max(16)
    .default([])
    .describe(
      "What further topics begin with on which it may publish, as a/b for all of a/b/…; they are read as well.",
    ),
  shared: z
    .boolean()
    .default(false)
    .describe("True: one MQTT client speaks for several devices that share user name and password."),
  silentAfter: silent
    .prefault("5m")
    .describe("Silence after which the device counts as gone. Pings count, but for a shared client."),
};

export type MappedMqttOptions = z.output<z.ZodObject<typeof mappedMqttFields>>;

export function mappedMqttGrants({ username, password, topics, below, shared }: MappedMqttOptions): MqttGrants {
  return { username, password, publish: topics, publishBelow: below.map((each) => `${each}/`), subscribe: [], shared };
}

export function readsTopic({ topics, below }: MappedMqttOptions): (topic: string) => boolean {
  const literal = new Set(topics);
  return (topic) => literal.has(topic) || below.some((each) => topic.startsWith(`${each}/`));
}

/** Options of a device or platform that pushes JSON over HTTP. */
export const mappedHttpFields = {
  username: z.string("text").min(1, "a user name").max(128).optional().describe("For Basic or Digest authentication."),
  password: z.string("text").min(1, "a password").max(256).optional().describe("For Basic or Digest authentication."),
  token: z
    .string("text")
    .regex(/^[A-Za-z0-9._~-]{16,128}$/, "16 to 128 letters, digits or . _ ~ -")
    .optional()
    .describe("For senders that cannot sign in: a secret in the address."),
  paths: z
    .array(z.string("a path").regex(/^\/[^\s?#]{0,255}$/, "a path such as /alarm/receive"))
    .max(8)
    .default([])
    .describe("Paths beside /ingest/{deviceId}, for senders whose path is fixed."),
  reply: z
    .strictObject({
      status: z.number().int().min(200).max(299).default(200).describe("Answered when the message is safe."),
      contentType: z.string().min(1).max(100).default("application/json").describe("Of the answer's body."),
      body: z.string().max(4096).default("").describe("What the sender wants to read there."),
    })
    .prefault({})
    .describe("What the sender wants to hear when its message is safe."),
  silentAfter: silent
    .prefault("24h")
    .describe("Silence after which the sender counts as gone: three heartbeats, where it has one."),
};

export type MappedHttpOptions = z.output<z.ZodObject<typeof mappedHttpFields>>;

/** A refinement for the options of a pushing sender. */
export function knowsCredentials({ username, password, token }: MappedHttpOptions): boolean {
  return (username === undefined) === (password === undefined) && (username ?? token) !== undefined;
}
export const credentialWords = "username and password, or a token";

export function mappedHttpGrants({ username, password, token, paths }: MappedHttpOptions): HttpGrants {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(token === undefined ? {} : { token }),
    paths,
  };
}

export function mappedReply({ reply: { status, contentType, body } }: MappedHttpOptions): HttpReply {
  return { status, contentType, body };
}
