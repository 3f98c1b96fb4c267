import { spawn } from "node:child_process";
import { join } from "node:path";
import { freePort } from "../tests/support/free-port.ts";
import { accepts, ended, startMosquitto } from "../tests/support/mosquitto.ts";
import { waitFor } from "../tests/support/wait-for.ts";
import type { Path } from "./measure.ts";

/** Two Mosquittos, the first bridged to the second with QoS 1: what one would use without a gateway, without a disk. */
export async function startBridge(): Promise<{ path: Path; close(): Promise<void> }> {
  const far = await startMosquitto();
  const near = await startMosquitto({
    lines: [
      "connection city",
      `address 127.0.0.1:${far.port}`,
      "topic mqtt/face/# out 1",
      "bridge_protocol_version mqttv311",
      "try_private false",
    ],
  });
  return {
    path: { inPort: near.port, outPort: far.port, outTopic: "mqtt/face/#" },
    async close() {
      await near.stop();
      await far.stop();
    },
  };
}

export async function startAedes(): Promise<{ port: number; close(): Promise<void> }> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, "aedes-process.ts"), String(port)], {
    stdio: "ignore",
  });
  await waitFor("aedes", () => accepts(port));
  return { port, close: () => ended(child) };
}
