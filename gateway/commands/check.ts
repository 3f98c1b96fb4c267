import { loadConfiguration } from "./configuration.ts";
import { say, tellMistakes, tellWarnings } from "./tell.ts";

/** `zhian check FILE`: 0 fine, 2 where something is to be mended. With `json` one document on standard output. */
export function check(file: string, { json }: { readonly json?: boolean }): number {
  const result = loadConfiguration(file);
  if (json === true) {
    say(
      JSON.stringify(result.ok ? { ok: true, mistakes: [], warnings: result.warnings } : { ...result, warnings: [] }),
    );
    return result.ok ? 0 : 2;
  }
  if (!result.ok) {
    tellMistakes(result.mistakes);
    return 2;
  }
  tellWarnings(result.warnings);
  const { site, gateway, devices, zones, uplink, rules } = result.config;
  say(`${file} is fine.`);
  say(`  site      ${site.name} (${site.id}), ${site.kind}, ${site.timezone}`);
  say(`  gateway   ${gateway.id}, data in ${gateway.data}`);
  say(`  devices   ${devices.length} in ${zones.length} zones`);
  say(`  rules     ${Object.keys(rules).join(", ")}`);
  say(
    `  city      ${uplink === undefined ? "none: nothing leaves the site" : uplink.urls.map(withoutSecrets).join(", ")}`,
  );
  return 0;
}

function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//…@");
}
