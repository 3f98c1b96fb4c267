import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { z } from "zod";
import { why } from "./interpolation.ts";
import type { Mistake } from "./mistakes.ts";
import { check } from "./schema-issues.ts";
import { YamlSource } from "./yaml-source.ts";

/** Beside this file; for the compiled one in dist/config/, where the sources have them. */
const builtInFolder =
  ["profiles/", "../../config/profiles/"]
    .map((folder) => fileURLToPath(new URL(folder, import.meta.url)))
    .find((folder) => existsSync(folder)) ?? "";

export type ProfileResult =
  | { readonly ok: true; readonly value: unknown }
  /** No such profile, or not readable: for the one who named it. */
  | { readonly ok: false; readonly why: string; readonly mistakes?: undefined }
  /** The profile itself is wrong, at these places of its own file. */
  | { readonly ok: false; readonly why?: undefined; readonly mistakes: readonly Mistake[] };

/** Names of the profiles that come with the gateway. */
export function builtInProfiles(): readonly string[] {
  try {
    return readdirSync(builtInFolder)
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => name.slice(0, -".yaml".length))
      .sort();
  } catch {
    return [];
  }
}

/**
 * The data of one device model: a built-in one by its name, else a YAML file, relative to `dir`.
 * @param schema Parses it; the value is handed on as it comes out.
 */
export function loadProfile(name: string, dir: string, schema: z.ZodType): ProfileResult {
  const builtIn = builtInProfiles().includes(name);
  const file = builtIn ? resolve(builtInFolder, `${name}.yaml`) : resolve(dir, name);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return { ok: false, why: /[./]/.test(name) ? `${why(error)} (${file})` : "no built-in profile of this name" };
  }
  const source = new YamlSource(file, text);
  const checked = check(schema, source);
  if (checked.ok && source.mistakes.length === 0) return { ok: true, value: checked.value };
  return { ok: false, mistakes: [...source.mistakes, ...(checked.ok ? [] : checked.mistakes)] };
}
