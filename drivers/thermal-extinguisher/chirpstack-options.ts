import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import type { MqttGrants } from "../../gateway/ports/driver.ts";

/** Events of ChirpStack 4, and `error` of ChirpStack 3. */
export const events = ["up", "join", "status", "log", "ack", "txack", "location", "integration", "error"] as const;

const topicWords = "an MQTT topic without blanks, wildcards (+ #), NUL or a leading /, with {devEui} in it";
const topic = (needs: string) =>
  z
    .string(topicWords)
    .max(256, "a topic of at most 256 characters")
    .regex(/^[^\s+#/$][^\s+#]*$/, topicWords)
    .refine((value) => !value.includes("\0") && value.includes("{devEui}") && value.includes(needs), topicWords);

const given = z.strictObject({
  applicationId: z
    .string("the id in quotes")
    .regex(/^[A-Za-z0-9-]{1,64}$/, "the id of the application as it stands in the topics, a UUID or a number in quotes")
    .describe("Id of the application in ChirpStack: a UUID, in version 3 a number."),
  devEui: z
    .string("the DevEUI in quotes")
    .regex(/^([0-9a-fA-F]{2}[:-]?){7}[0-9a-fA-F]{2}$/, "16 hexadecimal digits")
    .describe("DevEUI of the device, 16 hexadecimal digits."),
  username: z
    .string("text")
    .min(1, "a user name")
    .max(128, "at most 128 characters")
    .describe("MQTT user name of ChirpStack; its devices share it."),
  password: z
    .string("text")
    .min(1, "a password")
    .max(256, "at most 256 characters")
    .describe("MQTT password of ChirpStack."),
  profile: z
    .string("text")
    .min(1, "a name or path")
    .describe("Byte layout of the model: name of a built-in profile, or path of one."),
  uplinkEvery: durationSchema
    .refine((ms) => ms >= 10_000 && ms <= 7 * 86_400_000, "10s to 7d")
    .prefault("1h")
    .describe("How often the device reports at the latest, as set in it. Silence of three times this counts as gone."),
  eventTopic: topic("{event}")
    .default("application/{applicationId}/device/{devEui}/event/{event}")
    .describe("`event_topic` of ChirpStack, where it was changed."),
  commandTopic: topic("")
    .default("application/{applicationId}/device/{devEui}/command/down")
    .describe("Where ChirpStack takes downlinks."),
});

/** What the configuration says of a device behind a LoRaWAN server. */
export const chirpStackOptions = given.transform(({ devEui, eventTopic, commandTopic, ...rest }) => {
  const eui = devEui.toLowerCase().replace(/[:-]/g, "");
  const fill = (template: string) =>
    template.replaceAll("{applicationId}", rest.applicationId).replaceAll("{devEui}", eui);
  const topics = new Map(events.map((event) => [fill(eventTopic).replaceAll("{event}", event), event]));
  return { ...rest, devEui: eui, topics, downlinkTopic: fill(commandTopic) };
});
export type ChirpStackOptions = z.output<typeof chirpStackOptions>;

/** Of all that ChirpStack may say, the topics of this device alone. */
export function chirpStackGrants({ username, password, topics, downlinkTopic }: ChirpStackOptions): MqttGrants {
  return { username, password, publish: [...topics.keys()], subscribe: [downlinkTopic], shared: true };
}
