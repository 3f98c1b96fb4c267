import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "../free-port.ts";
import { type DemoPorts, demoConfig, demoDevices } from "./site.ts";

/** A directory with everything the demo needs on disk, for its owner alone. */
export interface Stage {
  readonly dir: string;
  readonly ports: DemoPorts;
  readonly configFile: string;
  readonly gatewayLog: string;
  /** Written before the gateway starts, since the serial path is known late. */
  writeConfig(serialPath: string): void;
  /** Settings of a simulator, which hold secrets, as a file. */
  readonly settings: Readonly<Record<"city" | "terminals" | "cameras" | "extinguishers", string>>;
}

/** Below `data`, else in a new temporary directory. Secrets are made anew. */
export async function setStage(data: string | undefined): Promise<Stage> {
  const dir = data === undefined ? mkdtempSync(join(tmpdir(), "zhian-demo-")) : resolve(data);
  mkdirSync(join(dir, "secrets"), { recursive: true, mode: 0o700 });
  const [broker, city, console] = await Promise.all([freePort(), freePort(), freePort(8080)]);
  const ports = { broker, city, console };
  const secret = (name: string) => {
    const value = randomBytes(18).toString("base64url");
    writeFileSync(join(dir, "secrets", name), `${value}\n`, { mode: 0o600 });
    return value;
  };
  const settings = (name: string, value: unknown) => {
    const file = join(dir, "secrets", `${name}.json`);
    writeFileSync(file, JSON.stringify(value), { mode: 0o600 });
    return file;
  };
  const configFile = join(dir, "demo.yaml");
  const mqttDevices = (driver: string, more: (index: number) => object) =>
    demoDevices
      .filter((device) => device.driver === driver)
      .map(({ id, zh, en, deviceId }, index) => ({
        ...{ id, zh, en, deviceId, url: `mqtt://127.0.0.1:${broker}`, username: id, password: secret(id) },
        ...more(index),
      }));
  const cityPassword = randomBytes(18).toString("base64url");

  return {
    dir,
    ports,
    configFile,
    gatewayLog: join(dir, "gateway.log"),
    writeConfig: (serialPath) => writeFileSync(configFile, demoConfig(ports, serialPath)),
    settings: {
      city: settings("city", {
        broker: { linePort: city, users: { "gw-01": secret("uplink"), "city-desk": cityPassword } },
        username: "city-desk",
        password: cityPassword,
        // A directory that was used before goes on where its lanes stood.
        dueFrom: data === undefined ? "beginning" : "first-heard",
      }),
      terminals: settings("terminals", {
        connect: false,
        devices: mqttDevices("face-terminal", (index) => ({
          pictureBytes: 48_000,
          firmware: index === 0 ? "new" : "old",
        })),
      }),
      cameras: settings("cameras", {
        connect: false,
        devices: mqttDevices("throw-camera", (index) => ({
          pictureBytes: 80_000,
          withRecordId: index === 0,
          seed: index + 1,
        })),
      }),
      extinguishers: settings("extinguishers", {
        baudRate: 9600,
        devices: demoDevices.flatMap(({ id, zh, en, unit }) => (unit === undefined ? [] : [{ id, zh, en, unit }])),
      }),
    },
  };
}
