import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { connect as tcpConnect } from "node:net";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { freePort } from "./free-port.ts";

/** A real Mosquitto with MQTT 5, open to anybody on loopback, with what is said on it as mosquitto_sub hears it. */
export class Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly #children: ChildProcess[] = [];

  private constructor(port: number) {
    this.port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
  }

  static async start(port?: number): Promise<Mosquitto> {
    const broker = new Mosquitto(port ?? (await freePort()));
    broker.#children.push(spawn("mosquitto", ["-p", String(broker.port)], { stdio: "ignore" }));
    for (let attempt = 0; attempt < 200; attempt++) {
      if (await accepts(broker.port)) return broker;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("mosquitto does not answer");
  }

  /** Resolves once the subscription stands. The array grows. */
  async hear(filter: string): Promise<{ topic: string; payload: string }[]> {
    const heard: { topic: string; payload: string }[] = [];
    // Its log lines are block-buffered on a pipe otherwise.
    const subscribe = ["mosquitto_sub", "-d", "-p", String(this.port), "-t", filter, "-F", "\u0001%t\u0001%p"];
    const child = spawn("stdbuf", ["-oL", ...subscribe]);
    this.#children.push(child);
    await new Promise<void>((resolve) => {
      createInterface({ input: Duplex.from(child.stdout) }).on("line", (line) => {
        if (line.startsWith("Subscribed")) resolve();
        const [mark, topic, payload] = line.split("\u0001");
        if (mark === "" && topic !== undefined && payload !== undefined) heard.push({ topic, payload });
      });
    });
    return heard;
  }

  say(topic: string, message: unknown, options: readonly string[] = []): void {
    const payload = typeof message === "string" ? message : JSON.stringify(message);
    execFileSync("mosquitto_pub", ["-p", String(this.port), "-t", topic, payload === "" ? "-n" : "-s", ...options], {
      input: payload,
    });
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.splice(0).map(
        (child) =>
          new Promise<void>((resolve) => {
            child.once("exit", () => resolve());
            // Killed, since mosquitto_sub, asked to leave while its broker leaves too, may wait for the broker to come back.
            if (!child.kill("SIGKILL")) resolve();
          }),
      ),
    );
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tcpConnect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
