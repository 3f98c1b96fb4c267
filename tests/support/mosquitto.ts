import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait-for.ts";

export interface Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A real Mosquitto on a free port of the loopback, in memory, without a bound on its queues. */
export async function startMosquitto(
  options: { port?: number; lines?: string[]; user?: { name: string; password: string } } = {},
): Promise<Mosquitto> {
  const port = options.port ?? (await freePort());
  const dir = mkdtempSync(join(tmpdir(), "zhian-mosquitto-"));
  const config = [
    "persistence false",
    `listener ${port} 127.0.0.1`,
    "max_queued_messages 0",
    "max_inflight_messages 0",
    "set_tcp_nodelay true",
    "user root",
  ];
  if (options.user === undefined) config.push("allow_anonymous true");
  else {
    const file = join(dir, "passwords");
    execFileSync("mosquitto_passwd", ["-b", "-c", file, options.user.name, options.user.password], { stdio: "ignore" });
    config.push("allow_anonymous false", `password_file ${file}`);
  }
  writeFileSync(join(dir, "mosquitto.conf"), [...config, ...(options.lines ?? [])].join("\n"));
  const child = spawn("mosquitto", ["-c", join(dir, "mosquitto.conf")], { stdio: "ignore" });
  await waitFor(`Mosquitto on port ${port}`, () => child.exitCode === null && accepts(port));
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    stop: async () => {
      await ended(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Can a TCP connection be made there? */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Ends a child of ours and waits until it is gone. */
export function ended(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else {
      child.once("exit", () => resolve());
      child.kill(signal);
    }
  });
}
