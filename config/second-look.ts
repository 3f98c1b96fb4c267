import { isLoopback, parseEndpoint } from "./listen.ts";
import { type Path, showPath, type Warning } from "./mistakes.ts";
import { valueAt } from "./schema-issues.ts";
import type { YamlSource } from "./yaml-source.ts";

/** What is valid and yet probably not wanted. */
export function secondLook(source: YamlSource): readonly Warning[] {
  const warnings: Warning[] = [];
  const warn = (path: Path, message: string, hint: string): void => {
    warnings.push({ file: source.file, ...source.at(path), path: showPath(path), message, hint });
  };
  const text = (path: Path): string | undefined => {
    const value = valueAt(source.value, path);
    return typeof value === "string" ? value : undefined;
  };

  for (const [section, what] of plainListeners) {
    const endpoint = parseEndpoint(text([section, "listen"]) ?? "");
    if (endpoint !== undefined && !isLoopback(endpoint.host))
      warn(
        [section, "listen"],
        `${what} without encryption beyond this machine`,
        "Keep it on a network that only the devices and their keepers share.",
      );
  }
  const urls = valueAt(source.value, ["uplink", "urls"]);
  for (const [index, url] of (Array.isArray(urls) ? urls : []).entries()) {
    if (typeof url !== "string" || !/^(mqtt|ws):/.test(url)) continue;
    const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, "") ?? "";
    if (!isLoopback(host)) warn(["uplink", "urls", index], "to the city without encryption", "Use mqtts:// or wss://.");
  }
  for (const path of literalSecrets(source.value, []))
    if (!source.interpolated(path))
      warn(path, "a secret in the configuration itself", `Put it into a file of its own: "\${file:secrets/NAME}".`);
  return warnings;
}

const plainListeners = [
  ["broker", "MQTT"],
  ["ingest", "HTTP"],
  ["console", "HTTP"],
] as const;

function literalSecrets(value: unknown, path: Path): readonly Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]): readonly Path[] => {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (/^(password|pseudonymKey|token|secret)$/i.test(key) && typeof child === "string") return [at];
    return literalSecrets(child, at);
  });
}
