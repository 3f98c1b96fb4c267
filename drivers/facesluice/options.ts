import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import type { MqttGrants } from "../../gateway/ports/driver.ts";

/** Literal topics of one device. */
export interface FaceSluiceTopics {
  /** To the device: commands, PushAck, Online-Ack. */
  readonly command: string;
  /** From the device: replies to commands. */
  readonly ack: string;
  readonly record: string;
  readonly snap: string;
  /** Old attendance terminals push their records here. */
  readonly attendance: string;
  readonly basic: string;
  readonly heartbeat: string;
}

/** Options of a device as the session uses them. */
export interface FaceSluiceOptions {
  readonly deviceId: string;
  /** The ids under which the device may name itself in a payload. */
  readonly ownIds: readonly string[];
  readonly username: string;
  readonly password: string;
  readonly topics: FaceSluiceTopics;
  readonly heartbeatMs: number;
}

const idWords = "1 to 64 letters, digits or . _ : @ = - (it is a level of MQTT topics)";
const deviceId = z
  .string("text in quotes, so that no leading zero is lost")
  .regex(/^[A-Za-z0-9._:@=-]{1,64}$/, idWords);

const topicWords = "an MQTT topic without blanks, wildcards (+ #), NUL, a leading / or $, or a trailing /";
const topic = z
  .string(topicWords)
  .max(256, "a topic of at most 256 characters")
  .regex(/^[^\s+#/$][^\s+#]*$/, topicWords)
  .refine((value) => !value.includes("\0") && !value.endsWith("/"), topicWords);

const topicsSchema = z.strictObject({
  base: topic.default("mqtt/face").describe("What every topic of the device begins with."),
  command: topic.default("{base}/{deviceId}").describe("Where the device listens."),
  ack: topic.default("{base}/{deviceId}/Ack").describe("Where it replies to commands."),
  record: topic.default("{base}/{deviceId}/Rec").describe("Where it pushes records of known persons."),
  snap: topic.default("{base}/{deviceId}/Snap").describe("Where it pushes snapshots and AI alarms."),
  attendance: topic
    .default("{base}/{deviceId}/rec/AttendanceRecord")
    .describe("Where old attendance terminals push records."),
  basic: topic.default("{base}/basic").describe("Online, Offline and the last will (OnlineTopic of the device)."),
  heartbeat: topic.default("{base}/heartbeat").describe("HeartbeatTopic of the device."),
});

const heartbeat = durationSchema
  .refine((ms) => ms >= 5000 && ms <= 3_600_000, "5s to 1h")
  .prefault("30s")
  .describe("KeepAliveInterval as set in the device. Silence of three times this counts as gone.");

/** What the configuration says of a device that speaks the dialect. */
export const faceSluiceOptions = z
  .strictObject({
    deviceId: deviceId.describe("The id in the device's MQTT topics (Cloud ID, MQCloudID)."),
    facesluiceId: deviceId.optional().describe("The id in its payloads, where it differs from deviceId."),
    username: z
      .string("text")
      .min(1, "a user name")
      .max(128, "at most 128 characters")
      .describe("MQTT user name of this device alone."),
    password: z
      .string("text")
      .min(1, "a password")
      .max(256, "at most 256 characters")
      .describe("MQTT password of this device alone."),
    heartbeat,
    topics: topicsSchema
      .prefault({})
      .describe("Another topic layout of the same messages; {base} and {deviceId} are filled in."),
  })
  .transform(
    (given): FaceSluiceOptions => ({
      deviceId: given.deviceId,
      ownIds: given.facesluiceId === undefined ? [given.deviceId] : [given.deviceId, given.facesluiceId],
      username: given.username,
      password: given.password,
      topics: fillTopics(given.topics, given.deviceId),
      heartbeatMs: given.heartbeat,
    }),
  );

function fillTopics(templates: z.infer<typeof topicsSchema>, id: string): FaceSluiceTopics {
  const base = templates.base.replaceAll("{deviceId}", id);
  const fill = (template: string) => template.replaceAll("{base}", base).replaceAll("{deviceId}", id);
  return {
    command: fill(templates.command),
    ack: fill(templates.ack),
    record: fill(templates.record),
    snap: fill(templates.snap),
    attendance: fill(templates.attendance),
    basic: fill(templates.basic),
    heartbeat: fill(templates.heartbeat),
  };
}

/** Least privilege: the topics of this device, and the two that the dialect shares among all devices. */
export function faceSluiceGrants(options: FaceSluiceOptions): MqttGrants {
  const { command, ack, record, snap, attendance, basic, heartbeat } = options.topics;
  return {
    username: options.username,
    password: options.password,
    publish: [...new Set([ack, record, snap, attendance, basic, heartbeat])],
    subscribe: [command],
  };
}

/** Three heartbeats missed, and some seconds for a slow network. */
export function faceSluiceSilence(options: FaceSluiceOptions): number {
  return 3 * options.heartbeatMs + 5000;
}
