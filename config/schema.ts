import { z } from "zod";
import type { Device, Zone } from "../gateway/domain/device.ts";
import { durationSchema } from "../gateway/domain/duration.ts";
import { deviceIdSchema, gatewayIdSchema, siteIdSchema, zoneIdSchema } from "../gateway/domain/ids.ts";
import type { DriverManifest } from "../gateway/ports/driver.ts";
import type { Certificates } from "./certificates.ts";
import { escalationSchema, groupSchema, personSchema } from "./escalation-schema.ts";
import { listenSchema } from "./listen.ts";
import { sizeSchema } from "./sizes.ts";

const text = z.string().min(1, "some text");

const siteSchema = z.strictObject({
  id: siteIdSchema.describe(
    "Appears in every uplink topic. Changing it needs a restart and makes a new site for the city.",
  ),
  name: text.describe("As people call it."),
  kind: z.enum(["community", "unit", "campus"]).default("community").describe("智安小区, 智安单位 or 智安校园."),
  timezone: z
    .string()
    .refine(isTimeZone, "an IANA time zone, for example Asia/Shanghai")
    .default("Asia/Shanghai")
    .describe("Field devices report local time without a zone: it is read in this one."),
});

const gatewaySchema = z.strictObject({
  id: gatewayIdSchema.describe("Unique within the site; appears in every uplink topic."),
  data: text
    .default("./data")
    .describe("Data directory, relative to this file. The environment variable ZHIAN_DATA wins over it."),
});

const count = z.number().int().min(1);

const brokerLimitsSchema = z.strictObject({
  maxPacket: sizeSchema
    .prefault("4MiB")
    .describe("A larger MQTT packet is refused by its fixed header, before it is read, and the connection is closed."),
  maxConnections: count.max(65_535).default(4_096).describe("At once, all devices together."),
  maxConnectionsPerAddress: count.max(65_535).default(1_024).describe("At once, from one network address."),
  messagesPerSecond: count
    .default(200)
    .describe("Per device, beyond short bursts. A device that floods is read more slowly; the others are not."),
  topicLevels: count.max(100).default(20).describe("A topic with more is refused."),
});

const brokerSchema = z.strictObject({
  listen: listenSchema
    .prefault("127.0.0.1:1883")
    .describe("Where devices connect. Only beyond loopback can they reach it: name the address of their network."),
  limits: brokerLimitsSchema.prefault({}),
});

const uplinkSchema = z
  .strictObject({
    urls: z
      .array(z.url({ protocol: /^(mqtts?|wss?)$/, error: "an address such as mqtts://city.example:8883" }))
      .min(1, "at least one address")
      .describe("The city's brokers, tried in this order."),
    prefix: z
      .string()
      .regex(/^[^/+#\0]+(\/[^/+#\0]+)*$/, "topic levels without wildcards, for example zhian/v1")
      .default("zhian/v1")
      .describe("Topics are {prefix}/{siteId}/{gatewayId}/…"),
    username: text.optional().describe("As the city gave it out."),
    password: text.optional().describe("Better kept in a file of its own and named by `file:`."),
    ca: text
      .optional()
      .describe("PEM file of the authority that signed the broker's certificate, relative to this file."),
    cert: text.optional().describe("PEM file of the gateway's own certificate, where the city wants one."),
    key: text.optional().describe("PEM file of its private key."),
    window: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(500)
      .describe("Messages in flight; the broker's Receive Maximum wins."),
    backlogRate: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe("Old events a second after an outage, so that a thin line stays usable; 0 sets no limit."),
    ackTimeout: durationSchema
      .prefault("15s")
      .describe("Without an acknowledgement for so long, the gateway connects anew."),
    keepAlive: durationSchema.prefault("30s").describe("MQTT keep-alive towards the city."),
  })
  .refine((uplink) => uplink.password === undefined || uplink.username !== undefined, {
    error: "a username beside the password",
    path: ["password"],
  })
  .refine((uplink) => (uplink.cert === undefined) === (uplink.key === undefined), {
    error: "cert and key together",
    path: ["cert"],
  });

const consoleSchema = z.strictObject({
  listen: listenSchema.prefault("127.0.0.1:8080").describe("Console page, API, health checks and metrics."),
});

const ingestLimitsSchema = z.strictObject({
  maxBody: sizeSchema
    .prefault("4MiB")
    .describe(
      "A larger request body is refused, where its dialect sets no bound of its own; files in it are not counted in.",
    ),
  maxConnections: count.max(65_535).default(1_024).describe("At once, all devices together."),
  maxConnectionsPerAddress: count.max(65_535).default(256).describe("At once, from one network address."),
  requestsPerSecond: count
    .max(10_000)
    .default(20)
    .describe("Per device, beyond short bursts. More is answered by 429, and the device sends again later."),
});

const ingestSchema = z.strictObject({
  listen: listenSchema.describe("Where devices push over HTTP, at /ingest/{deviceId}."),
  limits: ingestLimitsSchema.prefault({}),
});

const opcuaServerSchema = z.strictObject({
  listen: listenSchema
    .prefault("127.0.0.1:4840")
    .refine(({ port }) => port !== 0, "a port of its own: clients have to know it")
    .describe("Where building-management systems connect. Signed and encrypted, and for people of the console only."),
  language: z.enum(["zh", "en"]).default("zh").describe("Of the messages of its alarms."),
});

const zoneSchema = z.strictObject({
  id: zoneIdSchema
    .refine((id) => id !== "site", "another id: `site` is the whole site")
    .describe("Appears in uplink topics."),
  name: text.describe("As people call it; shown in alarms."),
  parent: zoneIdSchema.optional().describe("Zone that contains this one."),
  neighbours: z
    .array(zoneIdSchema)
    .max(32)
    .optional()
    .describe("Zones that smoke, fire or a person can get to from here; it is enough to name it at one of the two."),
});

const serialLineSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, "letters, digits, dots, dashes or underscores")
      .describe("What devices name in `line`."),
    path: text.describe("A /dev/serial/by-id path survives a change of the port."),
    baudRate: z.number().int().min(110).max(921_600).default(9_600).describe("As set in every slave of the line."),
    parity: z.enum(["none", "even", "odd"]).default("none").describe("As set in every slave of the line."),
    dataBits: z.literal(8, "8, as Modbus RTU needs it").default(8).describe("Modbus RTU knows no other."),
    stopBits: z
      .union([z.literal(1), z.literal(2)])
      .default(1)
      .describe("As set in every slave of the line."),
    echo: z.boolean().optional().describe("Does the adapter hear itself? Without it that is found out."),
    lateBound: durationSchema.optional().describe("A slave begins its answer within this, or never; 1s."),
    doubleBound: durationSchema.optional().describe("A slave that answers twice begins the second within this; 100ms."),
    latency: durationSchema.optional().describe("How long the adapter may hold bytes back; 20ms."),
  })
  .transform(({ lateBound, doubleBound, latency, echo, ...line }) => ({
    ...line,
    ...(echo === undefined ? {} : { echo }),
    ...(lateBound === undefined ? {} : { lateBoundMs: lateBound }),
    ...(doubleBound === undefined ? {} : { doubleBoundMs: doubleBound }),
    ...(latency === undefined ? {} : { latencyMs: latency }),
  }));
export type SerialLine = z.output<typeof serialLineSchema>;

const deviceSchema = z.strictObject({
  id: deviceIdSchema
    .refine((id) => id !== "gateway", "another id: `gateway` is the gateway itself")
    .describe("Appears in uplink topics."),
  name: text.describe("As people call it; shown in alarms."),
  driver: text.describe("Family of the device."),
  dialect: text.describe("Protocol that it speaks."),
  zone: zoneIdSchema.default(zoneIdSchema.parse("site")).describe("Where it is; `site` is the whole site."),
  tags: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "a word such as exit"))
    .max(16)
    .optional()
    .describe("What it is beside its family: `exit` for a door on an escape route. Rules may ask for tags."),
  options: z.record(z.string(), z.unknown()).prefault({}).describe("As the dialect needs them."),
});

const storageSchema = z.strictObject({
  budget: sizeSchema.prefault("2GiB").describe("All that the gateway keeps on disk stays below this."),
  keepAlarms: durationSchema.prefault("180d").describe("Closed alarms are kept so long; open ones are never removed."),
  keepObservations: durationSchema
    .prefault("30d")
    .describe("Older ones are removed once they are forwarded; sooner where the budget is short, and then declared."),
});

const privacySchema = z.strictObject({
  pseudonymKey: z
    .string()
    .min(16, "at least 16 characters")
    .optional()
    .describe(
      "Key of the pseudonyms that stand for person ids. Without it the gateway makes one in its data directory.",
    ),
});

const logSchema = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]).default("info").describe("Least level that is written."),
});

/** The file as an installer writes it. Rules and options are checked apart, by the schemas of rules and drivers. */
export const fileSchema = z.strictObject({
  site: siteSchema,
  gateway: gatewaySchema,
  broker: brokerSchema.prefault({}).describe("The embedded MQTT broker for devices."),
  uplink: uplinkSchema.optional().describe("The city platform. Without it nothing leaves the site."),
  console: consoleSchema.prefault({}),
  ingest: ingestSchema.optional(),
  opcuaServer: opcuaServerSchema
    .optional()
    .describe("Devices and alarms as an OPC UA server; off without this section: docs/opcua.md."),
  zones: z.array(zoneSchema).default([]).describe("Buildings, entrances, yards."),
  serialLines: z
    .array(serialLineSchema)
    .default([])
    .describe(
      "RS-485 lines on which the gateway is the only master; one whose device has no unit number is only listened to.",
    ),
  devices: z.array(deviceSchema).default([]),
  rules: z
    .record(z.string(), z.unknown())
    .prefault({})
    .describe("Parameters by rule; every rule runs with its defaults."),
  people: z.array(personSchema).default([]).describe("Those who are told of alarms."),
  groups: z.array(groupSchema).default([]).describe("Of people, with the roster of who is on duty."),
  channels: z.array(z.record(z.string(), z.unknown())).default([]).describe("Ways to people."),
  escalation: escalationSchema.optional().describe("Who is told when; without it nobody is: docs/escalation.md."),
  storage: storageSchema.prefault({}),
  privacy: privacySchema.prefault({}),
  log: logSchema.prefault({}),
});
type File = z.output<typeof fileSchema>;

/** A device with all that its driver needs. */
export interface ConfiguredDevice {
  readonly device: Device;
  readonly manifest: DriverManifest;
  /** Parsed by `manifest.options`. */
  readonly options: unknown;
  /** Parsed by `manifest.profileSchema`; absent where the dialect has no profiles. */
  readonly profile?: unknown;
}

export interface ConfiguredChannel {
  readonly id: string;
  readonly given: unknown;
}

/** A checked configuration: every reference resolved, every secret read, durations in ms, sizes in bytes, paths absolute. */
export interface GatewayConfig {
  readonly site: Readonly<File["site"]>;
  readonly gateway: Readonly<File["gateway"]>;
  readonly broker: Readonly<File["broker"]>;
  /** With the contents of the certificate files in place of their paths. */
  readonly uplink?: Readonly<Omit<NonNullable<File["uplink"]>, "ca" | "cert" | "key">> & {
    readonly tls?: Certificates;
  };
  readonly console: Readonly<File["console"]>;
  readonly ingest?: Readonly<NonNullable<File["ingest"]>>;
  readonly opcuaServer?: Readonly<NonNullable<File["opcuaServer"]>>;
  /** As listed in the file; the whole site (`siteZoneId`) is not among them. */
  readonly zones: readonly Zone[];
  readonly serialLines: readonly SerialLine[];
  readonly devices: readonly ConfiguredDevice[];
  /** Every known rule by name, with its defaults filled in. */
  readonly rules: Readonly<Record<string, unknown>>;
  readonly people: Readonly<File["people"]>;
  readonly groups: Readonly<File["groups"]>;
  /** Checked, and as they were given: the schema of the channels reads them again. */
  readonly channels: readonly ConfiguredChannel[];
  readonly escalation?: Readonly<NonNullable<File["escalation"]>>;
  readonly storage: Readonly<File["storage"]>;
  readonly privacy: Readonly<File["privacy"]>;
  readonly log: Readonly<File["log"]>;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
