import { type DeviceId, deviceIdSchema, siteZoneId, type ZoneId, zoneIdSchema } from "../gateway/domain/ids.ts";
import type { DriverManifest } from "../gateway/ports/driver.ts";
import { Claims, whereIs } from "./claims.ts";
import type { Path } from "./mistakes.ts";
import { builtInProfiles, loadProfile } from "./profiles.ts";
import { type Findings, textsOf } from "./references.ts";
import type { ConfiguredDevice } from "./schema.ts";
import { check, valueAt } from "./schema-issues.ts";

/**
 * The devices whose driver, dialect, options and profile are right; what is wrong with the others goes to the findings.
 */
export function configureDevices(
  findings: Findings,
  manifests: readonly DriverManifest[],
  dir: string,
): readonly ConfiguredDevice[] {
  const claims = new Claims(findings, textsOf(findings, findings.entries("serialLines"), "id"));
  return findings.entries("devices").flatMap((path): ConfiguredDevice[] => {
    const text = (key: string): string | undefined => findings.text([...path, key]);
    const manifest = manifests.find((each) => each.driver === text("driver") && each.dialect === text("dialect"));
    if (manifest === undefined) return [];
    const optionsPath = [...path, "options"];
    const given = valueAt(findings.source.value, optionsPath);
    if (given !== undefined && (typeof given !== "object" || Array.isArray(given))) return [];
    if (given === undefined) withOptions(findings, path);
    const checked = check(manifest.options, findings.source, optionsPath);
    if (!checked.ok) {
      findings.mistakes.push(...checked.mistakes);
      return [];
    }
    const options = checked.value;
    const id = deviceIdSchema.safeParse(text("id"));
    claims.claim({ owner: text("id") ?? "", manifest, options, path: optionsPath }, id.data);
    const profile = profileOf(findings, manifest, options, optionsPath, dir);
    const zone = zoneIdSchema.safeParse(text("zone") ?? siteZoneId);
    const name = text("name");
    if (!id.success || !zone.success || name === undefined || !profile.ok) return [];
    return [
      {
        device: { ...deviceOf(manifest, id.data, name, zone.data), ...tagsOf(findings, path) },
        manifest,
        options,
        ...profile.part,
      },
    ];
  });
}

function deviceOf(manifest: DriverManifest, id: DeviceId, name: string, zoneId: ZoneId): ConfiguredDevice["device"] {
  return { id, name, driver: manifest.driver, dialect: manifest.dialect, zoneId };
}

function tagsOf(findings: Findings, path: Path): Pick<ConfiguredDevice["device"], "tags"> {
  const tags = valueAt(findings.source.value, [...path, "tags"]);
  return Array.isArray(tags) ? { tags: tags.filter((tag) => typeof tag === "string") } : {};
}

/** Absent options are checked like empty ones, so that what is missing is named. */
function withOptions(findings: Findings, path: Path): void {
  const device = valueAt(findings.source.value, path);
  if (typeof device === "object" && device !== null) Reflect.set(device, "options", {});
}

function profileOf(
  findings: Findings,
  manifest: DriverManifest,
  options: unknown,
  optionsPath: Path,
  dir: string,
): { ok: true; part: { profile?: unknown } } | { ok: false } {
  const name = manifest.profile?.(options);
  if (name === undefined || manifest.profileSchema === undefined) return { ok: true, part: {} };
  const loaded = loadProfile(name, dir, manifest.profileSchema);
  if (loaded.ok) return { ok: true, part: { profile: loaded.value } };
  const at = whereIs(findings, optionsPath, name);
  if (loaded.why !== undefined) {
    if (/[./]/.test(name))
      findings.add(at, `${JSON.stringify(name)}: ${loaded.why}`, "the path of a profile, relative to this file");
    else findings.unknown(at, name, "built-in profile", builtInProfiles());
  } else findings.mistakes.push(...loaded.mistakes);
  return { ok: false };
}
