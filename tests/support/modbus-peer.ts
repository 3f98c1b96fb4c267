import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../gateway/ports/clock.ts";
import { type Asked, asked, type Script } from "./modbus-frames.ts";
import { ended } from "./mosquitto.ts";
import { waitFor } from "./wait-for.ts";

/**
 * All the slaves of one serial line, played by a script, at the far end of a pseudo-terminal made by socat. `path` is a
 * symbolic link, as in /dev/serial/by-id: after `unplug` and `plug` it leads to another pseudo-terminal.
 */
export class ModbusPeer {
  readonly path: string;
  /** What it was asked, oldest first. */
  readonly heard: Asked[] = [];
  script: Script;
  /** Bytes of a request that belong to none: what a slave would see as noise. */
  noise = 0;
  readonly #dir: string;
  readonly #clock: Clock;
  #made = 0;
  #socat: ChildProcess | undefined;
  /** socat leaves with the last one who has the line open. */
  #held: number | undefined;
  #pending = new Uint8Array(0);

  private constructor(dir: string, clock: Clock, script: Script) {
    this.#dir = dir;
    this.#clock = clock;
    this.script = script;
    this.path = join(dir, "by-id");
  }

  static async open(clock: Clock, script: Script): Promise<ModbusPeer> {
    const peer = new ModbusPeer(mkdtempSync(join(tmpdir(), "zhian-line-")), clock, script);
    await peer.plug();
    return peer;
  }

  /** The pseudo-terminal behind the path now. */
  get target(): string {
    return realpathSync(this.path);
  }

  async plug(): Promise<void> {
    const link = join(this.#dir, `tty${this.#made++}`);
    const socat = spawn("socat", [`pty,rawer,link=${link}`, "stdio"], { stdio: ["pipe", "pipe", "ignore"] });
    await waitFor("the pseudo-terminal", () => existsSync(link));
    this.#held = openSync(link, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    socat.stdin?.on("error", () => {});
    socat.stdout?.on("data", (data: Buffer) => this.#hear(data));
    this.#socat = socat;
    this.#pending = new Uint8Array(0);
    this.#link(realpathSync(link));
  }

  /** The adapter is pulled: the far end is gone. `path` leads nowhere then, or with `stays` to what is dead. */
  async unplug({ stays = false } = {}): Promise<void> {
    const socat = this.#socat;
    this.#socat = undefined;
    if (socat !== undefined) await ended(socat);
    if (this.#held !== undefined) closeSync(this.#held);
    this.#held = undefined;
    if (!stays) rmSync(this.path, { force: true });
  }

  /** From now on `path` leads to the other's pseudo-terminal, while our own stays alive. */
  adopt(other: ModbusPeer): void {
    this.#link(other.target);
  }

  /** Sends what nobody asked for. */
  say(bytes: Uint8Array): void {
    this.#socat?.stdin?.write(bytes);
  }

  async close(): Promise<void> {
    await this.unplug();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** In one step, as udev does it. */
  #link(target: string): void {
    symlinkSync(target, join(this.#dir, "next"));
    renameSync(join(this.#dir, "next"), this.path);
  }

  #hear(data: Uint8Array): void {
    this.#pending = Uint8Array.from([...this.#pending, ...data]);
    while (this.#pending.length >= 8) {
      const request = asked(this.#pending.subarray(0, 8));
      if (request === undefined) this.noise++;
      else {
        this.heard.push(request);
        this.#act(request);
      }
      this.#pending = this.#pending.subarray(request === undefined ? 1 : 8);
    }
  }

  #act(request: Asked): void {
    let at = 0;
    for (const { afterMs = 0, bytes } of this.script(request)) {
      at += afterMs;
      if (at === 0) this.say(bytes);
      else this.#clock.after(at, () => this.say(bytes));
    }
  }
}
