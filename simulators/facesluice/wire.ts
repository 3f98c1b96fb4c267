import { z } from "zod";

/** A message from the platform: `{"messageId","operator","info":{…}}`. */
const commandSchema = z.looseObject({
  operator: z.string(),
  messageId: z.string().optional(),
  info: z.looseObject({}).optional(),
});
export type Command = z.infer<typeof commandSchema>;

/** Absent where the payload is no command; the device is silent then, as the real ones are. */
export function parseCommand(payload: Uint8Array): Command | undefined {
  try {
    return commandSchema.safeParse(JSON.parse(Buffer.from(payload).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

/** Platforms write the numbers of a PushAck as numbers or as strings. */
const pushAckSchema = z.looseObject({ PushAckType: z.coerce.number(), SnapOrRecordID: z.coerce.number() });

export function parsePushAck(command: Command): { type: number; id: number } | undefined {
  const info = pushAckSchema.safeParse(command.info).data;
  return info === undefined ? undefined : { type: info.PushAckType, id: info.SnapOrRecordID };
}

const onlineAckSchema = z.looseObject({ facesluiceId: z.string().optional(), result: z.string().optional() });

/** True where the platform took this device's Online. */
export function acceptsOnline(command: Command, deviceId: string): boolean {
  const info = onlineAckSchema.safeParse(command.info ?? {}).data;
  return info !== undefined && (info.facesluiceId ?? deviceId) === deviceId && (info.result ?? "ok") === "ok";
}

const configSchema = z.looseObject({
  ResumefromBreakpoint: z.coerce.number().optional(),
  KeepAliveInterval: z.coerce.number().positive().optional(),
});

export function parseConfig(command: Command): { resume?: boolean; heartbeatEveryMs?: number } {
  const info = configSchema.safeParse(command.info ?? {}).data ?? {};
  return {
    ...(info.ResumefromBreakpoint === undefined ? {} : { resume: info.ResumefromBreakpoint === 1 }),
    ...(info.KeepAliveInterval === undefined ? {} : { heartbeatEveryMs: info.KeepAliveInterval * 1000 }),
  };
}

const rangeSchema = z.looseObject({ TimeS: z.string(), TimeE: z.string() });

/** The range of a ManualPushRecords or ManualPushSnaps, in the device's local time. */
export function parseRange(command: Command): { from: string; to: string } | undefined {
  const info = rangeSchema.safeParse(command.info).data;
  return info === undefined ? undefined : { from: info.TimeS, to: info.TimeE };
}

const subscriptionSchema = z.looseObject({
  Topics: z.array(z.string()).nonempty(),
  SubscribeAddr: z.string().startsWith("http"),
  SubscribeUrl: z.looseObject({ Snap: z.string(), Verify: z.string(), HeartBeat: z.string() }),
  BeatInterval: z.coerce.number().positive().optional(),
  Auth: z.enum(["none", "Basic"]).optional(),
  User: z.string().optional(),
  Pwd: z.string().optional(),
});

/** What a Subscribe asks for. */
export interface SubscriptionWish {
  readonly topics: readonly string[];
  readonly address: string;
  readonly snap: string;
  readonly verify: string;
  readonly heartbeat: string;
  readonly heartbeatEveryMs: number | undefined;
  readonly account: { readonly username: string; readonly password: string } | undefined;
}

export function parseSubscription(command: Command): SubscriptionWish | undefined {
  const info = subscriptionSchema.safeParse(command.info).data;
  if (info === undefined) return undefined;
  const { Topics, SubscribeAddr, SubscribeUrl, BeatInterval, Auth, User, Pwd } = info;
  const signsIn = Auth === "Basic" && User !== undefined && Pwd !== undefined;
  return {
    topics: Topics,
    address: SubscribeAddr,
    snap: SubscribeUrl.Snap,
    verify: SubscribeUrl.Verify,
    heartbeat: SubscribeUrl.HeartBeat,
    heartbeatEveryMs: BeatInterval === undefined ? undefined : BeatInterval * 1000,
    account: signsIn ? { username: User, password: Pwd } : undefined,
  };
}
