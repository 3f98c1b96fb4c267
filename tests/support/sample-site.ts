import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type LoadContext, type LoadResult, loadConfig } from "../../config/load.ts";
import { durationSchema } from "../../gateway/domain/duration.ts";
import { type DriverManifest, defineDriver } from "../../gateway/ports/driver.ts";

export const sampleText = readFileSync(new URL("../../config/examples/community.yaml", import.meta.url), "utf8");

const mqttOptions = z.strictObject({
  deviceId: z.string().min(1),
  username: z.string().min(1),
  password: z.string().min(8),
});
const nobody = { load: () => Promise.reject(new Error("never opened here")), silentAfterMs: () => 90_000 };
const mqtt = {
  dialect: "facesluice-mqtt",
  title: { en: "faceSluice over MQTT", zh: "faceSluice MQTT" },
  options: mqttOptions,
  mqtt: (options: z.output<typeof mqttOptions>) => ({
    username: options.username,
    password: options.password,
    publish: [`mqtt/face/${options.deviceId}/Rec`],
    subscribe: [`mqtt/face/${options.deviceId}`],
  }),
  ...nobody,
};
const modbusOptions = z.strictObject({
  line: z.string(),
  unit: z.number().int().min(1).max(247),
  profile: z.string().default("generic-extinguisher"),
});

/** Dialects with the shape of the real ones, so that a change of theirs changes no expectation here. */
export const sampleManifests: readonly DriverManifest[] = [
  defineDriver({ driver: "face-terminal", ...mqtt }),
  defineDriver({ driver: "throw-camera", ...mqtt }),
  defineDriver({
    driver: "thermal-extinguisher",
    dialect: "modbus-rtu",
    title: { en: "Modbus RTU", zh: "Modbus RTU" },
    options: modbusOptions,
    serial: ({ line, unit }: z.output<typeof modbusOptions>) => ({ line, unit }),
    profile: ({ profile }: z.output<typeof modbusOptions>) => profile,
    profileSchema: z.strictObject({
      registers: z.array(z.looseObject({ name: z.string(), function: z.number(), address: z.number() })).min(1),
      pollEvery: durationSchema,
    }),
    ...nobody,
  }),
];

export const sampleRules: Readonly<Record<string, z.ZodType>> = {
  fire: z.strictObject({
    staticThreshold: z.number().min(40).max(120).default(57),
    window: durationSchema.prefault("30s"),
  }),
  "thrown-object": z.strictObject({ within: durationSchema.prefault("10s") }),
};

/** A channel with a shape that no change of the real ones touches. */
export const sampleChannel = z.discriminatedUnion("type", [
  z.strictObject({ id: z.string(), type: z.literal("webhook"), url: z.url() }),
  z.strictObject({ id: z.string(), type: z.literal("sms"), line: z.string() }),
]);

/** A folder with a configuration and its secrets, removed with `remove`. */
export class SiteFolder {
  readonly dir = mkdtempSync(join(tmpdir(), "zhian-site-"));

  constructor() {
    mkdirSync(join(this.dir, "secrets"));
    for (const name of ["uplink", "gate-east", "cam-b3"]) this.write(`secrets/${name}`, `canary-${name}-Zq7\n`);
    this.write("own.yaml", "registers:\n  - { name: temperature, function: 3, address: 0 }\npollEvery: 1s\n");
  }

  write(name: string, text: string, mode = 0o600): string {
    const path = join(this.dir, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  writeBytes(name: string, bytes: readonly number[]): void {
    writeFileSync(join(this.dir, name), Uint8Array.from(bytes));
  }

  load(text: string, context: Partial<LoadContext> = {}): LoadResult {
    const file = this.write("zhian.yaml", text);
    return loadConfig(file, {
      manifests: sampleManifests,
      ruleSchemas: sampleRules,
      channelSchema: sampleChannel,
      env: {},
      cwd: this.dir,
      ...context,
    });
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
