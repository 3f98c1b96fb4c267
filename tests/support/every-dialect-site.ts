import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { freePort } from "./free-port.ts";
import type { SiteFiles } from "./gateway-process.ts";

export const everyDeviceText = readFileSync(
  new URL("../../config/examples/every-device.yaml", import.meta.url),
  "utf8",
);

/** Names of the secrets that the example wants as files. */
export const everySecret: readonly string[] = [
  ...new Set([...everyDeviceText.matchAll(/\$\{file:secrets\/([\w.-]+)\}/g)].map(([, name = ""]) => name)),
];

const fileSchema = z.looseObject({
  serialLines: z.array(z.looseObject({ id: z.string() })),
  devices: z.array(
    z.looseObject({
      id: z.string(),
      driver: z.string(),
      dialect: z.string(),
      options: z.record(z.string(), z.unknown()),
    }),
  ),
});

/** Addresses of the peers, which the example cannot know. */
export interface Addresses {
  readonly uplink: number;
  readonly lines: Readonly<Record<string, string>>;
  /** By device, parts of its options in place of the example's. */
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Devices that are left out. */
  readonly without?: readonly string[];
}

/** The site of `config/examples/every-device.yaml` on disk, with secrets of its own; only ports, paths and addresses are others. */
export class EverySite implements SiteFiles {
  readonly dir = mkdtempSync(join(tmpdir(), "zhian-every-"));
  readonly configFile = join(this.dir, "zhian.yaml");
  readonly dataDir = join(this.dir, "data");
  readonly brokerPort: number;
  readonly consolePort: number;
  readonly ingestPort: number;
  readonly #secrets: ReadonlyMap<string, string>;

  private constructor(ports: readonly [number, number, number]) {
    [this.brokerPort, this.consolePort, this.ingestPort] = ports;
    mkdirSync(join(this.dir, "secrets"));
    this.#secrets = new Map(
      everySecret.map((name) => [name, `${name.slice(0, 8)}-${randomBytes(12).toString("hex")}`]),
    );
    for (const [name, secret] of this.#secrets) this.putSecret(name, secret);
  }

  static async create(): Promise<EverySite> {
    return new EverySite([await freePort(), await freePort(), await freePort()]);
  }

  get brokerUrl(): string {
    return `mqtt://127.0.0.1:${this.brokerPort}`;
  }

  get ingestUrl(): string {
    return `http://127.0.0.1:${this.ingestPort}`;
  }

  /** Every secret but certificates, none of which may be found anywhere outside its file. */
  secrets(): readonly string[] {
    return [...this.#secrets].flatMap(([name, secret]) => (name.endsWith(".pem") ? [] : [secret]));
  }

  secret(name: string): string {
    const found = this.#secrets.get(name);
    if (found === undefined) throw new Error(`the example has no secret ${name}`);
    return found;
  }

  account(username: string, secret = username): { readonly username: string; readonly password: string } {
    return { username, password: this.secret(secret) };
  }

  putSecret(name: string, text: string): void {
    writeFileSync(join(this.dir, "secrets", name), text, { mode: 0o600 });
  }

  /** A file of the site, by its name relative to the configuration. */
  put(name: string, text: string): void {
    writeFileSync(join(this.dir, name), text, { mode: 0o600 });
  }

  write({ uplink, lines, options, without = [] }: Addresses): void {
    const file = fileSchema.parse(parse(everyDeviceText));
    const site = {
      ...file,
      broker: { listen: `127.0.0.1:${this.brokerPort}`, limits: { topicLevels: 20 } },
      ingest: { listen: `127.0.0.1:${this.ingestPort}` },
      console: { listen: `127.0.0.1:${this.consolePort}` },
      uplink: { urls: [`mqtt://127.0.0.1:${uplink}`], prefix: "zhian/v1" },
      log: { level: "debug" },
      serialLines: file.serialLines.map((line) => ({ ...line, path: lines[line.id] ?? line["path"] })),
      devices: file.devices
        .filter(({ id }) => !without.includes(id))
        .map((device) => ({ ...device, options: merged(device.options, options[device.id] ?? {}) })),
    };
    this.put("zhian.yaml", stringify(site));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function merged(
  whole: Readonly<Record<string, unknown>>,
  part: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const inner = (key: string) => z.record(z.string(), z.unknown()).safeParse(whole[key]).data;
  const entries = Object.entries(part).map(([key, value]): [string, unknown] => {
    const [given, of] = [z.record(z.string(), z.unknown()).safeParse(value).data, inner(key)];
    return [key, given === undefined || of === undefined ? value : merged(of, given)];
  });
  return { ...whole, ...Object.fromEntries(entries) };
}

/** Driver and dialect of every device of the example. */
export const everyDialect: readonly { readonly id: string; readonly driver: string; readonly dialect: string }[] =
  fileSchema.parse(parse(everyDeviceText)).devices.map(({ id, driver, dialect }) => ({ id, driver, dialect }));
