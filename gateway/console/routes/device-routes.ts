import { z } from "zod";
import { bilingualSchema } from "../../domain/alarm.ts";
import { deviceCommandSchema } from "../../domain/command.ts";
import { GatewayError } from "../../domain/errors.ts";
import { deviceIdSchema } from "../../domain/ids.ts";
import { HttpError } from "../problem.ts";
import { defineRoute, type Route } from "../route.ts";
import { isoTime, type Watched } from "../views.ts";

const offerSchema = z.strictObject({
  name: z.string(),
  title: bilingualSchema,
  /** It moves something in the world. */
  actuates: z.boolean(),
  /** Names of its arguments with what they are. */
  args: z.record(z.string(), z.string()).optional(),
});

const healthSchema = z.strictObject({
  received: z.number().int(),
  rejected: z.number().int(),
  perMinute: z.number(),
  lastRejection: z.strictObject({ reason: z.string(), detail: z.string(), at: z.iso.datetime() }).optional(),
});

const deviceSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  driver: z.string(),
  dialect: z.string(),
  zoneId: z.string(),
  online: z.enum(["online", "offline", "unknown"]),
  since: z.iso.datetime().optional(),
  lastSeen: z.iso.datetime().optional(),
  reason: z.string().optional(),
  firmware: z.string().optional(),
  /** Device clock minus ours. */
  clockSkewMs: z.number().optional(),
  batteryPercent: z.number().optional(),
  signalDbm: z.number().optional(),
  health: healthSchema.optional(),
  /** What it can be told to do. */
  offers: z.array(offerSchema),
});

const strangerSchema = z.strictObject({
  via: z.enum(["mqtt", "http", "serial"]),
  username: z.string(),
  clientId: z.string(),
  address: z.string(),
  lastAt: z.iso.datetime(),
  attempts: z.number().int(),
  /** YAML for the `devices` of the configuration; blanks are marked by "?". */
  snippet: z.string(),
});

const outcomeSchema = z.union([
  z.strictObject({ ok: z.literal(true), confirmed: z.boolean(), detail: z.string().optional() }),
  z.strictObject({
    ok: z.literal(false),
    why: z.enum(["unsupported", "not-connected", "no-answer", "refused", "forbidden"]),
    detail: z.string(),
  }),
]);

/** The devices, who else knocked, and what a device is told to do. */
export function deviceRoutes(watched: Watched): readonly Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/devices",
      access: "signed-in",
      // The page looks by itself who has knocked.
      automatic: true,
      summary: "The devices with their states, links and commands, and the strangers that tried to connect.",
      answer: z.strictObject({ devices: z.array(deviceSchema), strangers: z.array(strangerSchema) }),
      handle: () => devicesView(watched),
    }),
    defineRoute({
      method: "POST",
      path: "/api/devices/{id}/commands",
      access: ["guard", "manager", "installer", "admin"],
      summary:
        "Tells a device to do what it offers. A guard may not move anything by it. What became of it is in the answer, also where it was not done.",
      params: z.strictObject({ id: deviceIdSchema }),
      body: deviceCommandSchema,
      answer: outcomeSchema,
      async handle({ params: { id }, body, identity }) {
        if (identity === undefined) throw new GatewayError("UNAUTHENTICATED", "nobody is signed in");
        const { devices, commands } = watched;
        if (!devices.devices().some((device) => device.id === id)) throw new HttpError(404, `there is no device ${id}`);
        const offer = commands.offers(id).find(({ name }) => name === body.name);
        if (identity.role === "guard" && offer?.actuates === true)
          throw new GatewayError("FORBIDDEN", "a guard may not give a command that moves something");
        return commands.command(id, body, { name: identity.name, via: "console" });
      },
    }),
  ];
}

function devicesView({ devices, commands }: Watched) {
  const states = new Map(devices.states().map((state) => [state.deviceId, state]));
  const healths = new Map(devices.health().map((health) => [health.deviceId, health]));
  return {
    devices: devices.devices().map((device) => {
      const state = states.get(device.id);
      return {
        ...device,
        online: state?.online ?? ("unknown" as const),
        since: isoTime(state?.since),
        lastSeen: isoTime(state?.lastSeen),
        reason: state?.reason,
        firmware: state?.firmware,
        clockSkewMs: state?.clockSkewMs,
        batteryPercent: state?.batteryPercent,
        signalDbm: state?.signalDbm,
        health: healthView(healths.get(device.id)),
        offers: commands.offers(device.id),
      };
    }),
    strangers: devices.strangers().map((stranger) => ({ ...stranger, lastAt: isoTime(stranger.lastAt) })),
  };
}

function healthView(health: ReturnType<Watched["devices"]["health"]>[number] | undefined) {
  if (health === undefined) return undefined;
  const { received, rejected, perMinute, lastRejection } = health;
  const last = lastRejection === undefined ? undefined : { ...lastRejection, at: isoTime(lastRejection.at) };
  return { received, rejected, perMinute, lastRejection: last };
}
