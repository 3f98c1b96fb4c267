import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "./free-port.ts";
import { accepts, ended } from "./mosquitto.ts";
import { waitFor } from "./wait-for.ts";

const root = resolve(import.meta.dirname, "../..");

export interface SiteFiles {
  readonly dir: string;
  readonly configFile: string;
  readonly dataDir: string;
  readonly brokerPort: number;
  readonly consolePort: number;
  remove(): void;
}

/** A site on disk: one gate with known credentials, an uplink to a port of the loopback, its own data directory. */
export async function writeSite(options: {
  uplinkPort: number;
  extra?: string;
  devices?: string;
  serialLines?: string;
}): Promise<SiteFiles> {
  const dir = mkdtempSync(join(tmpdir(), "zhian-site-"));
  const [brokerPort, consolePort] = [await freePort(), await freePort()];
  mkdirSync(join(dir, "secrets"));
  writeFileSync(join(dir, "secrets/gate-east"), "gate-secret-1", { mode: 0o600 });
  writeFileSync(join(dir, "secrets/cam-b3"), "cam-secret-1", { mode: 0o600 });
  const configFile = join(dir, "zhian.yaml");
  writeFileSync(
    configFile,
    `site:    { id: jinshuiwan, name: 金水湾小区, kind: community, timezone: Asia/Shanghai }
gateway: { id: gw-01, data: ./data }
broker:  { listen: "127.0.0.1:${brokerPort}", limits: { messagesPerSecond: 100000 } }
uplink:  { urls: ["mqtt://127.0.0.1:${options.uplinkPort}"], prefix: zhian/v1 }
console: { listen: "127.0.0.1:${consolePort}" }
zones:
  - { id: b3, name: 3栋 }
  - { id: b3-u1, name: 3栋1单元, parent: b3 }
${options.serialLines ?? ""}
devices:
  - { id: gate-east, name: 东门人脸机, driver: face-terminal, dialect: facesluice-mqtt, zone: b3-u1,
      options: { deviceId: "1026700", username: gate-east, password: "\${file:secrets/gate-east}" } }
  - { id: cam-b3, name: 3栋北高抛相机, driver: throw-camera, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: 005a213b000b93cc, username: cam-b3, password: "\${file:secrets/cam-b3}" } }
${options.devices ?? ""}
${options.extra ?? ""}
`,
  );
  return {
    dir,
    configFile,
    dataDir: join(dir, "data"),
    brokerPort,
    consolePort,
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export interface GatewayProcess {
  readonly child: ChildProcess;
  /** Everything it wrote to its log so far. */
  log(): string;
  kill(): Promise<void>;
  stop(): Promise<number | null>;
}

/** The gateway as a process of its own, ready when its broker accepts. */
export async function startGatewayProcess(
  site: SiteFiles,
  options: { env?: NodeJS.ProcessEnv; entry?: string; wait?: boolean } = {},
): Promise<GatewayProcess> {
  const entry =
    options.entry === undefined
      ? [join(root, "gateway/main.ts"), "run", "--config", site.configFile]
      : [options.entry, site.configFile];
  const child = spawn(process.execPath, entry, {
    cwd: site.dir,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString("utf8")).slice(-2_000_000);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const running: GatewayProcess = {
    child,
    log: () => text,
    kill: () => ended(child, "SIGKILL"),
    async stop() {
      await ended(child, "SIGTERM");
      return child.exitCode;
    },
  };
  if (options.wait !== false) {
    await waitFor("the gateway's broker", () => {
      if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}:\n${text.slice(-4000)}`);
      return accepts(site.brokerPort);
    });
  }
  return running;
}
