import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import type { MqttGrants } from "../../gateway/ports/driver.ts";
import type { HighTemperature } from "./alarm-records.ts";
import { type CommandTemplate, commandTemplate } from "./template.ts";

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

/** Size of the picture in which boxes are given, pixels. */
export interface Scene {
  readonly width: number;
  readonly height: number;
}

/** What holds over MQTT and over HTTP alike. */
export interface CommonOptions {
  readonly deviceId: string;
  /** The ids under which the device may name itself in a payload. */
  readonly ownIds: readonly string[];
  readonly heartbeatMs: number;
  readonly highTemperature: HighTemperature;
  readonly scene?: Scene;
  readonly setTime?: CommandTemplate;
  readonly unlock?: CommandTemplate;
  /** Name or path of the camera's view profile. */
  readonly profile?: string;
}

/** Options of a device as the session uses them. */
export interface FaceSluiceOptions extends CommonOptions {
  readonly username: string;
  readonly password: string;
  readonly topics: FaceSluiceTopics;
}

const idWords = "1 to 64 letters, digits or . _ : @ = - (it is a level of MQTT topics)";
export const deviceId = z
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

const pixels = z.number("a number").int("a whole number of pixels").min(16, "at least 16").max(16_384, "at most 16384");

/** Options of both transports. */
export const commonShape = {
  facesluiceId: deviceId.optional().describe("The id in its payloads, where it differs from deviceId."),
  heartbeat,
  scene: z
    .strictObject({ width: pixels.describe("Pixels."), height: pixels.describe("Pixels.") })
    .optional()
    .describe(
      "Size of the picture in which the device gives boxes. Without it no box is kept; boxes of faces never are.",
    ),
  highTemperature: z
    .enum(["reading", "fire"])
    .default("reading")
    .describe(
      "What a thermal camera's TemHighSnapPush is: `reading` gives the temperature to the rules, `fire` takes the camera's own threshold for a fire.",
    ),
  setTime: commandTemplate("SetSysTime")
    .optional()
    .describe("How the clock is set: the field names differ by firmware. Without it set-time is not offered."),
};

/** The door of a terminal. */
export const terminalShape = {
  unlock: commandTemplate(undefined)
    .optional()
    .describe("How the door is opened: no public source gives the message. Without it unlock is not offered."),
};

/** Where a camera looks. */
export const cameraShape = {
  profile: z
    .string("text")
    .min(1, "a name or path")
    .optional()
    .describe("View profile that places a throw: name of a built-in one, or path relative to this file."),
};

const mqttShape = {
  deviceId: deviceId.describe("The id in the device's MQTT topics (Cloud ID, MQCloudID)."),
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
  ...commonShape,
  topics: topicsSchema
    .prefault({})
    .describe("Another topic layout of the same messages; {base} and {deviceId} are filled in."),
};

/** What the configuration says of a terminal that speaks the dialect over MQTT. */
export const faceSluiceOptions = z.strictObject({ ...mqttShape, ...terminalShape }).transform(resolveMqtt);

/** What it says of a camera. */
export const faceSluiceCameraOptions = z.strictObject({ ...mqttShape, ...cameraShape }).transform(resolveMqtt);

const mqttGiven = z.strictObject({ ...mqttShape, ...terminalShape, ...cameraShape });
type Given = Omit<z.output<typeof mqttGiven>, "unlock" | "profile"> & GivenByFamily;

function resolveMqtt(given: Given): FaceSluiceOptions {
  const { username, password, topics } = given;
  return { ...resolveCommon(given), username, password, topics: fillTopics(topics, given.deviceId) };
}

/** What only one of the families can be given. */
export interface GivenByFamily {
  readonly unlock?: CommandTemplate | undefined;
  readonly profile?: string | undefined;
}

export interface GivenCommon extends GivenByFamily {
  readonly deviceId: string;
  readonly facesluiceId?: string | undefined;
  readonly heartbeat: number;
  readonly highTemperature: HighTemperature;
  readonly scene?: Scene | undefined;
  readonly setTime?: CommandTemplate | undefined;
}

export function resolveCommon({ deviceId, facesluiceId, heartbeat, ...given }: GivenCommon): CommonOptions {
  return {
    deviceId,
    ownIds: facesluiceId === undefined ? [deviceId] : [deviceId, facesluiceId],
    heartbeatMs: heartbeat,
    highTemperature: given.highTemperature,
    ...(given.scene === undefined ? {} : { scene: given.scene }),
    ...(given.setTime === undefined ? {} : { setTime: given.setTime }),
    ...(given.unlock === undefined ? {} : { unlock: given.unlock }),
    ...(given.profile === undefined ? {} : { profile: given.profile }),
  };
}

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
export function faceSluiceSilence({ heartbeatMs }: CommonOptions): number {
  return 3 * heartbeatMs + 5000;
}
