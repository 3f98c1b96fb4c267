import { z } from "zod";

const name = /^[a-z0-9][a-z0-9._-]{0,63}$/i;
const nameSchema = z
  .string()
  .regex(name, "1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit");

/** Ids that come from the configuration. They appear in MQTT topics, hence no `/`, `+`, `#` or NUL. */
export const siteIdSchema = nameSchema.brand<"SiteId">();
export const gatewayIdSchema = nameSchema.brand<"GatewayId">();
export const deviceIdSchema = nameSchema.brand<"DeviceId">();
export const zoneIdSchema = nameSchema.brand<"ZoneId">();

export type SiteId = z.infer<typeof siteIdSchema>;
export type GatewayId = z.infer<typeof gatewayIdSchema>;
export type DeviceId = z.infer<typeof deviceIdSchema>;
export type ZoneId = z.infer<typeof zoneIdSchema>;

/** Minted before an observation is first written, never minted again: the city removes duplicates by it. */
export const observationIdSchema = z.string().min(1).brand<"ObservationId">();
export type ObservationId = z.infer<typeof observationIdSchema>;

/** Derived from (rule, subject, opening observation), so that a second run of the rules raises nothing twice. */
export const alarmIdSchema = z
  .string()
  .regex(/^[a-z0-9-]{8,64}$/)
  .brand<"AlarmId">();
export type AlarmId = z.infer<typeof alarmIdSchema>;

/** Names one numbering of a log. It changes when the numbering starts again: a new, restored or salvaged database. */
export const epochSchema = z.string().min(1).brand<"Epoch">();
export type Epoch = z.infer<typeof epochSchema>;

/** The pseudo device under which the gateway reports about itself. */
export const gatewayDeviceId = deviceIdSchema.parse("gateway");
/** The zone of whatever concerns the whole site. */
export const siteZoneId = zoneIdSchema.parse("site");
