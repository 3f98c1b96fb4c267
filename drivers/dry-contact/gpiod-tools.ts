import { type ChildProcess, execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { toolError } from "./gpio-error.ts";
import {
  type DetectedChip,
  edgeFormat,
  type GpiodVersion,
  type InfoLine,
  parseDetected,
  parseInfo,
  parseLevel,
  parseVersion,
} from "./gpiod-output.ts";
import type { Bias } from "./line-port.ts";

type Tool = "gpiodetect" | "gpioinfo" | "gpioget" | "gpiomon" | "gpioset";

/** A tool that has not answered by then is ended. The slowest of them opens every chip there is. */
const answerWithinMs = 5_000;
const mostOutput = 1_000_000;

/** The gpiod command-line tools of this machine, of either generation. */
export class GpiodTools {
  readonly version: GpiodVersion;
  readonly #folder: string | undefined;

  private constructor(version: GpiodVersion, folder: string | undefined) {
    this.version = version;
    this.#folder = folder;
  }

  /** Or why they cannot be used. With another root than / they are looked for in its usr/bin, else on the path. */
  static async find(root: string): Promise<GpiodTools | string> {
    const folder = root === "/" ? undefined : join(root, "usr/bin");
    const { out } = await run(commandOf("gpiodetect", folder), ["--version"]);
    const version = parseVersion(out);
    if (version === undefined) return "the gpiod tools are not there: apt-get install gpiod";
    if ((await run(endsWithUs[0], [...endsWithUs.slice(1), ...endsWithUs.slice(0, 1), "--version"])).code === 0) {
      return new GpiodTools(version, folder);
    }
    return "setpriv with --pdeathsig is not there: apt-get install util-linux";
  }

  async detect(): Promise<readonly DetectedChip[]> {
    return parseDetected(await this.#ask("gpiodetect", []));
  }

  async info(chip: string): Promise<readonly InfoLine[]> {
    return parseInfo(await this.#ask("gpioinfo", this.version.generation === 1 ? [chip] : ["-c", chip]));
  }

  /** The level on the wire, or what was said instead. Rejects with GPIO_BUSY while somebody has the line. */
  async get(chip: string, offset: number, bias: Bias | undefined): Promise<boolean | string> {
    const options = [...this.#bias(bias), ...(this.version.generation === 1 ? [chip] : ["--numeric", "-c", chip])];
    const out = await this.#ask("gpioget", [...options, String(offset)]);
    return parseLevel(out) ?? out;
  }

  /** Writes each edge as `edgeFormat` says, a line each, until it is ended. */
  monitor(chip: string, offset: number, bias: Bias | undefined): ChildProcess {
    const { generation } = this.version;
    const options = [...this.#bias(bias), "-F", edgeFormat[generation]];
    return this.#start("gpiomon", [
      ...options,
      ...(generation === 1 ? ["-b", chip] : ["--banner", "-c", chip]),
      String(offset),
    ]);
  }

  /** Drives the level until it is ended, or its standard input is. */
  set(chip: string, offset: number, bias: Bias | undefined, high: boolean): ChildProcess {
    const value = `${offset}=${high ? 1 : 0}`;
    // 1.6 ends with its input in this mode; 2 has no such mode, and lasts until it is ended.
    const options = this.version.generation === 1 ? ["--mode=wait", chip] : ["-c", chip];
    return this.#start("gpioset", [...this.#bias(bias), ...options, value]);
  }

  #bias(bias: Bias | undefined): string[] {
    if (bias === undefined) return [];
    return [`--bias=${bias === "disabled" && this.version.generation === 1 ? "disable" : bias}`];
  }

  async #ask(tool: Tool, args: readonly string[]): Promise<string> {
    const { code, out, err } = await run(commandOf(tool, this.#folder), args);
    if (code === 0) return out;
    throw err === "" && code === undefined
      ? new GatewayError("GPIO_ABSENT", `${tool} did not answer in ${answerWithinMs / 1000} s`)
      : toolError(tool, err);
  }

  #start(tool: Tool, args: readonly string[]): ChildProcess {
    const [command, ...rest] = [...endsWithUs, commandOf(tool, this.#folder), ...args];
    return spawn(command ?? "", rest, { stdio: ["pipe", "pipe", "pipe"], env: environment });
  }
}

interface Ran {
  /** Absent where it did not run, or was ended. */
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}

/** Messages in English, whatever the machine speaks: `toolError` reads them. */
const environment = { PATH: process.env["PATH"], LC_ALL: "C" };

function run(command: string, args: readonly string[]): Promise<Ran> {
  const limits = { timeout: answerWithinMs, maxBuffer: mostOutput, killSignal: "SIGKILL", env: environment } as const;
  return new Promise((resolve) => {
    execFile(command, args, limits, (error, out, err) => {
      const code = error === null ? 0 : error.code;
      resolve({ code: typeof code === "number" ? code : undefined, out, err });
    });
  });
}

/**
 * util-linux's setpriv has the kernel end a tool with us, also where we are killed. One that went on would keep its line for
 * ever, and a relay on: without it the tools are not used.
 */
const endsWithUs = ["setpriv", "--pdeathsig", "TERM"] as const;

function commandOf(tool: Tool, folder: string | undefined): string {
  return folder === undefined ? tool : join(folder, tool);
}
