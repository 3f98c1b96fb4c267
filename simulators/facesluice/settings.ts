import { z } from "zod";
import type { Trouble } from "./trouble.ts";
import { troubleStep } from "./trouble.ts";

const account = z.object({ username: z.string(), password: z.string() });
const named = {
  id: z.string(),
  zh: z.string(),
  en: z.string(),
  deviceId: z.string(),
  pictureBytes: z.number().optional(),
};

const mqtt = z.object({
  ...named,
  transport: z.literal("mqtt").default("mqtt"),
  url: z.string(),
  username: z.string(),
  password: z.string(),
});

const http = z.object({
  ...named,
  transport: z.literal("http"),
  /** Of its own server, where it is subscribed. */
  port: z.number().int().optional(),
  account: account.optional(),
  destination: z
    .object({
      address: z.string(),
      snap: z.string(),
      verify: z.string(),
      heartbeat: z.string(),
      account: account.optional(),
    })
    .optional(),
});

/** Settings of a device of this family, with what else its kind has. */
export function stationSettings<T extends z.ZodRawShape>(more: T) {
  return z.union([http.extend(more), mqtt.extend(more)]);
}

interface Troubled {
  trouble(trouble: Trouble): void;
}

/** Does a step that says what is wrong with a device; false where it is another step. */
export function makeTrouble(
  step: unknown,
  find: (id: string) => Troubled | undefined,
  after: (ms: number, call: () => void) => void,
): boolean {
  const { data } = troubleStep.safeParse(step);
  if (data === undefined) return false;
  const { device, forS, do: _do, ...trouble } = data;
  const station = find(device);
  if (station === undefined) throw new Error(`no device ${device}`);
  station.trouble(trouble);
  if (forS !== undefined) after(forS * 1000, () => station.trouble({}));
  return true;
}
