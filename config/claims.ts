import type { DeviceId } from "../gateway/domain/ids.ts";
import type { DriverManifest, HttpGrants, MqttGrants } from "../gateway/ports/driver.ts";
import type { Path } from "./mistakes.ts";
import type { Findings } from "./references.ts";
import { valueAt } from "./schema-issues.ts";

/** A device with the place of its options. */
export interface Claimant {
  readonly owner: string;
  readonly manifest: DriverManifest;
  readonly options: unknown;
  readonly path: Path;
}

interface MqttClaim {
  readonly owner: string;
  readonly dialect: string;
  readonly grants: MqttGrants;
}

interface LineClaims {
  /** Who has it to itself. */
  whole?: string;
  readonly units: Map<number, string>;
}

/** What devices take for themselves: user names, lines and units, paths. Two that take the same are a mistake. */
export class Claims {
  readonly #findings: Findings;
  readonly #lineIds: readonly string[];
  readonly #users = new Map<string, MqttClaim>();
  readonly #lines = new Map<string, LineClaims>();
  readonly #paths = new Map<string, string>();
  #toldOfIngest = false;

  constructor(findings: Findings, lineIds: readonly string[]) {
    this.#findings = findings;
    this.#lineIds = lineIds;
  }

  claim(claimant: Claimant, deviceId: DeviceId | undefined): void {
    const { manifest, options } = claimant;
    const mqtt = manifest.mqtt?.(options);
    if (mqtt !== undefined) this.#mqtt(claimant, mqtt);
    const serial = manifest.serial?.(options);
    if (serial !== undefined) this.#serial(claimant, serial);
    const http = deviceId === undefined ? undefined : manifest.http?.(options, deviceId);
    if (http !== undefined) this.#http(claimant, http);
  }

  #mqtt({ owner, manifest: { dialect }, path }: Claimant, grants: MqttGrants): void {
    const other = this.#users.get(grants.username);
    if (other === undefined) {
      this.#users.set(grants.username, { owner, dialect, grants });
      return;
    }
    const at = whereIs(this.#findings, path, grants.username);
    const mayShare = grants.shared === true && other.grants.shared === true && dialect === other.dialect;
    if (!mayShare) {
      const hint = "Each device has its own credentials.";
      this.#findings.add(at, `the user name of ${other.owner}`, "a user name of its own", hint);
    } else if (grants.password !== other.grants.password) {
      const found = `the user name of ${other.owner}, with another password`;
      const hint = "Devices behind one client sign in by one user name and one password.";
      this.#findings.add(at, found, "the same password", hint);
    }
  }

  #serial({ owner, path }: Claimant, { line, unit }: { readonly line: string; readonly unit?: number }): void {
    const findings = this.#findings;
    const at = whereIs(findings, path, line);
    if (!this.#lineIds.includes(line)) findings.unknown(at, line, "serial line", this.#lineIds);
    const claims: LineClaims = this.#lines.get(line) ?? { units: new Map() };
    this.#lines.set(line, claims);
    const [someone] = claims.units.values();
    if (claims.whole !== undefined || (unit === undefined && someone !== undefined)) {
      const found = `${line}, which ${claims.whole ?? someone} uses`;
      const hint = "A device that speaks by itself shares its line with nobody.";
      findings.add(at, found, "a serial line of its own", hint);
      return;
    }
    if (unit === undefined) {
      claims.whole = owner;
      return;
    }
    const other = claims.units.get(unit);
    if (other === undefined) claims.units.set(unit, owner);
    else {
      const found = `unit ${unit} of ${line}, as ${other}`;
      findings.add(whereIs(findings, path, unit), found, "a unit number used once on the line");
    }
  }

  #http({ owner, manifest, path }: Claimant, grants: HttpGrants): void {
    const findings = this.#findings;
    if (valueAt(findings.source.value, ["ingest"]) === undefined && !this.#toldOfIngest) {
      this.#toldOfIngest = true;
      const found = `${manifest.dialect}, a device that pushes over HTTP, and no \`ingest\` in the file`;
      const hint = "Add for example `ingest: { listen: 192.168.1.10:8081 }`, an address that the device can reach.";
      findings.add([...path.slice(0, -1), "dialect"], found, "an `ingest` section that says where to listen", hint);
    }
    if (grants.token === undefined && (grants.username === undefined || grants.password === undefined))
      findings.add(path, "no credentials of the device", "username and password, or a token");
    for (const literal of grants.paths ?? []) {
      const other = this.#paths.get(literal);
      if (other === undefined) this.#paths.set(literal, owner);
      else findings.add(whereIs(findings, path, literal), `${literal}, the path of ${other}`, "a path of its own");
    }
  }
}

/** The option that has this value, also as one of a list; where a default has it, the options. */
export function whereIs(findings: Findings, optionsPath: Path, value: unknown): Path {
  const options = valueAt(findings.source.value, optionsPath);
  for (const [key, each] of Object.entries(options ?? {})) {
    if (each === value) return [...optionsPath, key];
    const index = Array.isArray(each) ? each.indexOf(value) : -1;
    if (index >= 0) return [...optionsPath, key, index];
  }
  return optionsPath;
}
