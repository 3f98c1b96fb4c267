import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import type { DriverManifest } from "../gateway/ports/driver.ts";
import { type Certificates, readCertificates } from "./certificates.ts";
import { configureDevices } from "./configured-devices.ts";
import { why } from "./interpolation.ts";
import { inOrder, type Mistake, type Warning } from "./mistakes.ts";
import { checkReferences, Findings } from "./references.ts";
import { type ConfiguredChannel, type ConfiguredDevice, fileSchema, type GatewayConfig } from "./schema.ts";
import { check, valueAt } from "./schema-issues.ts";
import { secondLook } from "./second-look.ts";
import { YamlSource } from "./yaml-source.ts";

export type LoadResult =
  | { readonly ok: true; readonly config: GatewayConfig; readonly warnings: readonly Warning[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

export interface LoadContext {
  readonly manifests: readonly DriverManifest[];
  /** Schema of the parameters of each rule, by the rule's name. */
  readonly ruleSchemas: Readonly<Record<string, z.ZodType>>;
  /** Schema of one channel to people. */
  readonly channelSchema: z.ZodType;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a relative ZHIAN_DATA is relative to. */
  readonly cwd: string;
}

const maxBytes = 4 * 1024 * 1024;

/**
 * Reads and checks a configuration. Never throws; reports all mistakes at once, in the order of the file. Secrets and
 * profiles are read too, so that nothing is left to fail at the start.
 */
export function loadConfig(file: string, context: LoadContext): LoadResult {
  const path = resolve(context.cwd, file);
  const read = readText(path);
  if (!read.ok) {
    const mistake = { file, line: 1, column: 1, path: "", found: read.why, expected: "a readable YAML file" };
    return { ok: false, mistakes: [mistake] };
  }
  const dir = dirname(path);
  const source = new YamlSource(file, read.text, { env: context.env, dir });
  const findings = new Findings(source);
  const parsed = check(fileSchema, source);
  checkReferences(findings, context.manifests);
  const tls = readCertificates(findings, dir);
  const devices = configureDevices(findings, context.manifests, dir);
  const rules = checkRules(findings, context.ruleSchemas);
  const channels = checkChannels(findings, context.channelSchema);
  const mistakes = [...source.mistakes, ...(parsed.ok ? [] : parsed.mistakes), ...findings.mistakes];
  if (!parsed.ok || mistakes.length > 0) return { ok: false, mistakes: inOrder(distinct(mistakes)) };
  const config = assemble(parsed.value, { devices, rules, channels, tls }, dir, context);
  return { ok: true, config, warnings: inOrder([...source.warnings, ...secondLook(source)]) };
}

function readText(path: string): { ok: true; text: string } | { ok: false; why: string } {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { ok: false, why: "a directory" };
    if (stat.size > maxBytes) return { ok: false, why: `${stat.size} bytes, more than ${maxBytes}` };
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)) };
  } catch (error) {
    return { ok: false, why: error instanceof TypeError ? "not UTF-8 text" : why(error) };
  }
}

function checkRules(
  findings: Findings,
  schemas: Readonly<Record<string, z.ZodType>>,
): Readonly<Record<string, unknown>> {
  const given = valueAt(findings.source.value, ["rules"]);
  const names = Object.keys(schemas);
  if (typeof given === "object" && given !== null && !Array.isArray(given))
    for (const name of Object.keys(given))
      if (!names.includes(name)) findings.unknownKey(["rules", name], "rule", names);
  return Object.fromEntries(
    Object.entries(schemas).flatMap(([name, schema]) => {
      if (valueAt(given, [name]) === undefined) return [[name, schema.parse({})]];
      const checked = check(schema, findings.source, ["rules", name]);
      if (checked.ok) return [[name, checked.value]];
      findings.mistakes.push(...checked.mistakes);
      return [];
    }),
  );
}

function checkChannels(findings: Findings, schema: z.ZodType): readonly ConfiguredChannel[] {
  return findings.entries("channels").flatMap((path) => {
    const checked = check(schema, findings.source, path);
    if (!checked.ok) findings.mistakes.push(...checked.mistakes);
    const id = findings.text([...path, "id"]);
    return id === undefined ? [] : [{ id, given: valueAt(findings.source.value, path) }];
  });
}

function assemble(
  file: z.output<typeof fileSchema>,
  parts: {
    readonly devices: readonly ConfiguredDevice[];
    readonly rules: Readonly<Record<string, unknown>>;
    readonly channels: readonly ConfiguredChannel[];
    readonly tls: Certificates | undefined;
  },
  dir: string,
  { env, cwd }: LoadContext,
): GatewayConfig {
  const { uplink, ingest, opcuaServer, escalation, zones, gateway, ...rest } = file;
  const fromEnv = env["ZHIAN_DATA"];
  const data = fromEnv === undefined || fromEnv === "" ? resolve(dir, gateway.data) : resolve(cwd, fromEnv);
  return {
    ...rest,
    gateway: { ...gateway, data },
    ...(uplink === undefined ? {} : { uplink: assembleUplink(uplink, parts.tls) }),
    ...(ingest === undefined ? {} : { ingest }),
    ...(opcuaServer === undefined ? {} : { opcuaServer }),
    ...(escalation === undefined ? {} : { escalation }),
    channels: parts.channels,
    zones: zones.map(({ id, name, parent, neighbours }) => ({
      id,
      name,
      ...(parent === undefined ? {} : { parent }),
      ...(neighbours === undefined ? {} : { neighbours }),
    })),
    devices: parts.devices,
    rules: parts.rules,
  };
}

function assembleUplink(
  { ca: _ca, cert: _cert, key: _key, ...uplink }: NonNullable<z.output<typeof fileSchema>["uplink"]>,
  tls: Certificates | undefined,
): NonNullable<GatewayConfig["uplink"]> {
  return tls === undefined ? uplink : { ...uplink, tls };
}

function distinct(mistakes: readonly Mistake[]): Mistake[] {
  return [...new Map(mistakes.map((mistake) => [JSON.stringify(mistake), mistake])).values()];
}
