import type { DriverManifest } from "../gateway/ports/driver.ts";
import { parseEndpoint } from "./listen.ts";
import { type Mistake, type Path, showPath } from "./mistakes.ts";
import { nearMiss } from "./near-miss.ts";
import { valueAt } from "./schema-issues.ts";
import type { YamlSource } from "./yaml-source.ts";

/** Collects what is wrong between the parts of a file. */
export class Findings {
  readonly mistakes: Mistake[] = [];
  readonly source: YamlSource;

  constructor(source: YamlSource) {
    this.source = source;
  }

  add(path: Path, found: string, expected: string, hint?: string): undefined {
    if (this.source.unresolved(path) || !this.source.reliable(path)) return;
    const place = { file: this.source.file, ...this.source.at(path), path: showPath(path) };
    this.mistakes.push({ ...place, found, expected, ...(hint === undefined ? {} : { hint }) });
  }

  /** A name that should be one of those known. */
  unknown(path: Path, name: string, what: string, known: readonly string[]): void {
    const near = nearMiss(name, known);
    const expected = known.length === 0 ? `a ${what}, but there is none` : `one of ${[...new Set(known)].join(", ")}`;
    this.add(
      path,
      `${this.source.describe(path, name)}, no ${what}`,
      expected,
      near === undefined ? undefined : `Did you mean \`${near}\`?`,
    );
  }

  /** A key that should be one of those known. */
  unknownKey(path: Path, what: string, known: readonly string[]): void {
    if (!this.source.reliable(path)) return;
    const name = String(path.at(-1));
    const near = nearMiss(name, known);
    this.mistakes.push({
      file: this.source.file,
      ...this.source.keyAt(path),
      path: showPath(path),
      found: `the key \`${name}\`, no ${what}`,
      expected: `one of ${known.join(", ")}`,
      ...(near === undefined ? {} : { hint: `Did you mean \`${near}\`?` }),
    });
  }

  text(path: Path): string | undefined {
    const value = valueAt(this.source.value, path);
    return typeof value === "string" ? value : undefined;
  }

  /** Paths of the entries of a list; none where there is no list. */
  entries(key: string): readonly Path[] {
    const list = valueAt(this.source.value, [key]);
    return Array.isArray(list) ? list.map((_, index) => [key, index]) : [];
  }

  /** The second and later of those that have the same text. */
  twice(paths: readonly Path[], what: string): void {
    const first = new Map<string, Path>();
    for (const path of paths) {
      const text = this.text(path);
      if (text === undefined) continue;
      const other = first.get(text);
      if (other === undefined) first.set(text, path);
      else {
        const { line } = this.source.at(other);
        this.add(path, `${this.source.describe(path, text)}, as on line ${line}`, `another ${what}: each is used once`);
      }
    }
  }
}

/** Zones, serial lines, drivers and listening addresses: does all that is named exist, and once? */
export function checkReferences(findings: Findings, manifests: readonly DriverManifest[]): void {
  const zones = findings.entries("zones");
  const lines = findings.entries("serialLines");
  const devices = findings.entries("devices");
  findings.twice(
    zones.map((path) => [...path, "id"]),
    "id",
  );
  findings.twice(
    lines.map((path) => [...path, "id"]),
    "id",
  );
  findings.twice(
    lines.map((path) => [...path, "path"]),
    "serial port",
  );
  findings.twice(
    devices.map((path) => [...path, "id"]),
    "id",
  );
  checkZones(findings, zones);

  const zoneIds = textsOf(findings, zones, "id");
  const drivers = [...new Set(manifests.map((manifest) => manifest.driver))];
  for (const path of devices) {
    const zone = findings.text([...path, "zone"]);
    if (zone !== undefined && zone !== "site" && !zoneIds.includes(zone))
      findings.unknown([...path, "zone"], zone, "zone", zoneIds);
    const driver = findings.text([...path, "driver"]);
    const dialect = findings.text([...path, "dialect"]);
    if (driver === undefined) continue;
    if (!drivers.includes(driver)) {
      findings.unknown([...path, "driver"], driver, "driver", drivers);
      continue;
    }
    const dialects = manifests.filter((each) => each.driver === driver).map((each) => each.dialect);
    if (dialect !== undefined && !dialects.includes(dialect))
      findings.unknown([...path, "dialect"], dialect, `dialect of ${driver}`, dialects);
  }
  checkListen(findings);
  checkPushes(findings);
}

export function textsOf(findings: Findings, paths: readonly Path[], key: string): readonly string[] {
  return paths.flatMap((path) => findings.text([...path, key]) ?? []);
}

function checkZones(findings: Findings, zones: readonly Path[]): void {
  const ids = textsOf(findings, zones, "id");
  const parents = new Map<string, string>();
  for (const path of zones) {
    const id = findings.text([...path, "id"]);
    const parent = findings.text([...path, "parent"]);
    const neighbours = valueAt(findings.source.value, [...path, "neighbours"]);
    for (const [index, name] of (Array.isArray(neighbours) ? neighbours : []).entries()) {
      if (typeof name !== "string") continue;
      if (name === id) findings.add([...path, "neighbours", index], "the zone itself", "another zone");
      else if (!ids.includes(name)) findings.unknown([...path, "neighbours", index], name, "zone", ids);
    }
    if (parent === undefined) continue;
    if (!ids.includes(parent)) findings.unknown([...path, "parent"], parent, "zone", ids);
    else if (id !== undefined) parents.set(id, parent);
  }
  const told = new Set<string>();
  for (const path of zones) {
    const start = findings.text([...path, "id"]);
    const way: string[] = [];
    let here = start;
    while (here !== undefined && !way.includes(here)) {
      way.push(here);
      here = parents.get(here);
    }
    if (here === undefined || here !== start || way.some((id) => told.has(id))) continue;
    for (const id of way) told.add(id);
    findings.add(
      [...path, "parent"],
      `a circle: ${[...way, here].join(" → ")}`,
      "zones that contain each other one way only",
    );
  }
}

function checkListen(findings: Findings): void {
  const used = new Map<string, string>();
  for (const section of ["broker", "console", "ingest", "opcuaServer"]) {
    const text = findings.text([section, "listen"]);
    const endpoint = text === undefined ? undefined : parseEndpoint(text);
    if (text === undefined || endpoint === undefined || endpoint.port === 0) continue;
    const other = used.get(text);
    if (other === undefined) used.set(text, section);
    else findings.add([section, "listen"], `${text}, where ${other} listens too`, "another port");
  }
}

/** People, groups and channels: does all that is named exist, and once? */
function checkPushes(findings: Findings): void {
  const sections = (["people", "groups", "channels"] as const).map((key) => findings.entries(key));
  for (const entries of sections)
    findings.twice(
      entries.map((path) => [...path, "id"]),
      "id",
    );
  const [people = [], groups = [], channels = []] = sections.map((entries) => textsOf(findings, entries, "id"));
  const check = (path: Path, what: string, known: readonly string[]): void => {
    const names = valueAt(findings.source.value, path);
    for (const [index, name] of (Array.isArray(names) ? names : []).entries())
      if (typeof name === "string" && !known.includes(name)) findings.unknown([...path, index], name, what, known);
  };
  for (const path of findings.entries("groups")) {
    check([...path, "members"], "person", people);
    const shifts = valueAt(findings.source.value, [...path, "shifts"]);
    for (const index of (Array.isArray(shifts) ? shifts : []).keys())
      check([...path, "shifts", index, "members"], "person", people);
  }
  for (const tier of ["1", "2", "3"]) {
    check(["escalation", "tiers", tier, "to"], "group", groups);
    check(["escalation", "tiers", tier, "channels"], "channel", channels);
  }
}
