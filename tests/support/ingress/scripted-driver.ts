import { z } from "zod";
import type { CommandOffer, CommandOutcome, DeviceCommand } from "../../../gateway/domain/command.ts";
import { zoneIdSchema } from "../../../gateway/domain/ids.ts";
import type { ObservationDraft } from "../../../gateway/domain/observation.ts";
import type { SupervisedDevice } from "../../../gateway/ingress/supervised-device.ts";
import {
  type DeviceSession,
  type DriverContext,
  type DriverManifest,
  defineDriver,
} from "../../../gateway/ports/driver.ts";
import { deviceId, grantsOf } from "./test-broker.ts";

export const silentAfterMs = 90_000;

/** What every scripted device offers. */
export const offers: readonly CommandOffer[] = [
  { name: "unlock", title: { zh: "开门", en: "Unlock" }, actuates: true, args: { door: "number of the door" } },
  { name: "set-time", title: { zh: "校时", en: "Set the clock" }, actuates: false },
];

const optionsSchema = z.object({ id: z.string(), password: z.string().optional() });
type Options = z.infer<typeof optionsSchema>;

/** A session as the test holds it. */
export interface ScriptedSession {
  readonly context: DriverContext<unknown>;
  end(): void;
  fail(error: unknown): void;
}

/** A dialect that does what the test says. Messages are stored as they are, unless `handle` says otherwise. */
export class ScriptedDriver {
  readonly sessions: ScriptedSession[] = [];
  /** Called first at each opening; may throw. */
  onOpen: (context: DriverContext<unknown>) => void = () => {};
  /** An aborted session ends. */
  obedient = true;
  handle: (text: string, context: DriverContext<unknown>) => Promise<void> = (text, context) =>
    context.observe([contact(text)]);
  handleWill: (context: DriverContext<unknown>) => Promise<void> = (context) => {
    context.filtered("last-will");
    return Promise.resolve();
  };
  /** Absent: it takes no commands. */
  command: ((command: DeviceCommand, context: DriverContext<unknown>) => Promise<CommandOutcome>) | undefined;
  readonly manifest: DriverManifest;

  /** `shared`: the devices are behind one client, whose messages below `all/` are for each of them. */
  constructor(transport: "mqtt" | "serial" | "shared" | "http" = "mqtt") {
    const common = {
      driver: "test",
      dialect: "scripted",
      title: { zh: "测试", en: "test" },
      options: optionsSchema,
      silentAfterMs: () => silentAfterMs,
      commands: () => offers,
      load: () => Promise.resolve({ open: (context: DriverContext<Options>) => this.#open(context) }),
    };
    const account = { username: "server", password: "pw-server", shared: true, publishBelow: ["all/"] };
    const transports: Record<typeof transport, Partial<DriverManifest<Options>>> = {
      serial: { serial: () => ({ line: "rs485-1", unit: 1 }) },
      mqtt: { mqtt: ({ id, password }) => ({ ...grantsOf(id), ...(password === undefined ? {} : { password }) }) },
      shared: { mqtt: ({ id }) => ({ ...grantsOf(id), ...account }) },
      http: { http: ({ id, password = `pw-${id}` }) => ({ username: id, password }) },
    };
    this.manifest = defineDriver<Options>({ ...common, ...transports[transport] });
  }

  device(id: string, more: { password?: string; name?: string } = {}): SupervisedDevice {
    const { name = id, ...options } = more;
    return {
      device: { id: deviceId(id), name, driver: "test", dialect: "scripted", zoneId: zoneIdSchema.parse(`zone-${id}`) },
      manifest: this.manifest,
      options: { id, ...options },
    };
  }

  /** The newest session of a device. */
  sessionOf(id: string): ScriptedSession | undefined {
    return this.sessions.findLast(({ context }) => context.device.id === id);
  }

  openings(id: string): number {
    return this.sessions.filter(({ context }) => context.device.id === id).length;
  }

  #open(context: DriverContext<unknown>): DeviceSession {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.sessions.push({ context, end: resolve, fail: reject });
    this.onOpen(context);
    if (this.obedient) context.signal.addEventListener("abort", () => resolve());
    context.mqtt?.serve(({ payload, will }) => {
      if (will) return this.handleWill(context);
      return this.handle(Buffer.from(payload).toString(), context);
    });
    context.http?.serve(async ({ body }) => {
      await this.handle(Buffer.from(body).toString(), context);
      return { status: 200 };
    });
    const { command } = this;
    return command === undefined ? { done: promise } : { done: promise, command: (each) => command(each, context) };
  }
}

/** One observation; `key` is its record id and what it is known by. */
export function contact(key: string): ObservationDraft {
  return { kind: "contact.state", body: { active: true }, sourceRecordId: key, dedupKey: key };
}
