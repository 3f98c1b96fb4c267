import { loadProfile } from "../../config/profiles.ts";
import type { GatewayConfig } from "../../config/schema.ts";
import { durationMs } from "../../drivers/modbus/duration.ts";
import type { ReadFunction } from "../../drivers/modbus/pdu.ts";
import { type Profile, profileSchema } from "../../drivers/modbus/profile.ts";
import { parseDuration } from "../domain/duration.ts";
import { type ErrorCode, isGatewayError } from "../domain/errors.ts";
import { keepProcessAlive } from "../ops/system-clock.ts";
import { loadConfiguration } from "./configuration.ts";
import { type Reading, readByProfile, readRaw } from "./probe-read.ts";
import { scan } from "./probe-scan.ts";
import { openTarget, type Place, placeOfDevice, placeOfLine, type Target } from "./probe-target.ts";
import { ReadingScreen, ScanProgress, scanDocument, tellScan } from "./probe-tell.ts";
import { complain, say, tellError, tellMistakes } from "./tell.ts";

/** As the command line gives them. */
export interface ProbeCommandOptions {
  readonly line?: string;
  readonly baud: string;
  readonly parity: string;
  readonly stop: string;
  readonly host?: string;
  readonly port: string;
  readonly unit?: string;
  readonly profile?: string;
  readonly function?: string;
  readonly address: string;
  readonly count: string;
  readonly config?: string;
  readonly device?: string;
  /** Units, or true for all of them. */
  readonly scan?: string | true;
  readonly timeout?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** What was asked for cannot be: exit code 2. */
class Usage extends Error {}

interface Job {
  readonly place: Place;
  readonly unit: number | undefined;
  readonly profile: Profile | undefined;
  readonly profileName: string;
  readonly config: GatewayConfig | undefined;
}

/** `zhian probe`: reads a Modbus slave live, or searches for slaves. It never writes. 1 where nothing answers. */
export async function probe(options: ProbeCommandOptions): Promise<number> {
  let target: Target | undefined;
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  try {
    const job = jobOf(options);
    if (job === undefined) return 2;
    const timeoutMs = timeoutOf(options);
    const units = options.scan === undefined ? undefined : unitsOf(options.scan, job.place);
    const fn = functionOf(options);
    const read = units === undefined ? readerOf(options, job, fn, timeoutMs) : undefined;
    target = await openTarget(job.place, units !== undefined);
    if (units !== undefined) return await search(target, job, units, fn ?? 3, timeoutMs ?? 200, options, stop.signal);
    if (read === undefined) return 2;
    return await show(target, job, read, options, stop.signal);
  } catch (error) {
    if (error instanceof Usage) {
      complain(error.message);
      return 2;
    }
    if (isGatewayError(error, "CONFIG_INVALID")) {
      tellError(error, "`npx zhian check FILE` shows the configuration.");
      return 2;
    }
    const hint = isGatewayError(error) ? hints[error.code] : undefined;
    tellError(error, hint);
    return 1;
  } finally {
    await target?.close();
  }
}

/** What the catalogue says of these is for the gateway. */
const hints: Partial<Record<ErrorCode, string>> = {
  LINK_LOST:
    "A line has one master: stop the gateway, or the program that has the port, first. The user needs the right to the port, mostly by the group dialout.",
  LINK_ABSENT: "Check the path: `ls -l /dev/serial/by-id/` lists USB adapters.",
};

async function search(
  target: Target,
  { place, config }: Job,
  units: readonly number[],
  fn: ReadFunction,
  timeoutMs: number,
  { json = false }: ProbeCommandOptions,
  signal: AbortSignal,
): Promise<number> {
  if (!json) complain(`Asking ${units.length} units by function ${fn}, to read only. Ctrl-C ends it.`);
  const progress = new ScanProgress(units.length);
  const result = await scan(target.line, units, {
    function: fn,
    timeoutMs,
    signal,
    progress: (asked, found) => progress.at(asked, found),
  });
  progress.end();
  if (json) say(JSON.stringify(scanDocument(result, units.length, place, config)));
  else tellScan(result, units.length, place, config);
  if (result.broken !== undefined) complain(`LINK_LOST: ${result.broken}`);
  return result.broken === undefined && result.asked === units.length && result.found.length > 0 ? 0 : 1;
}

async function show(
  target: Target,
  job: Job,
  read: (target: Target) => Promise<Reading>,
  { watch = false, json = false }: ProbeCommandOptions,
  signal: AbortSignal,
): Promise<number> {
  const everyMs = job.profile === undefined ? 1000 : durationMs(job.profile.pollEvery);
  const screen = new ReadingScreen(job.place, job.unit ?? 0, job.profileName, json);
  for (;;) {
    const startedAt = target.clock.now();
    const reading = await read(target);
    if (signal.aborted) return 0;
    screen.show(reading, target.clock.wall());
    if (!watch) return reading.requests.every(({ ok }) => ok) ? 0 : 1;
    await pause(target, Math.max(0, everyMs - (target.clock.now() - startedAt)), signal);
    if (signal.aborted) return 0;
  }
}

function pause({ clock }: Target, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // Nothing else keeps the process alive while the line rests.
    const letGo = keepProcessAlive();
    const cancel = clock.after(ms, end);
    function end(): void {
      cancel();
      letGo();
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end);
  });
}

/** Absent where the configuration is wrong, which was told then. */
function jobOf(options: ProbeCommandOptions): Job | undefined {
  const { line, host, device } = options;
  let config: GatewayConfig | undefined;
  if (options.config !== undefined) {
    const loaded = loadConfiguration(options.config);
    if (!loaded.ok) {
      tellMistakes(loaded.mistakes);
      return undefined;
    }
    config = loaded.config;
  }
  const ways = [line, host, device].filter((way) => way !== undefined);
  if (ways.length !== 1) throw new Usage("What to probe: --line PATH, --host ADDRESS, or --config FILE --device ID.");
  if (device !== undefined) {
    if (config === undefined) throw new Usage("--device needs --config, which says where it is.");
    const { place, unit, profile, profileName } = placeOfDevice(config, device);
    return { place, unit, profile: profileSchema.parse(profile), profileName, config };
  }
  const known = config?.serialLines.some(({ id }) => id === line) === true;
  const place = known && config !== undefined ? placeOfLine(config, line ?? "") : placeOf(options);
  const profileName = options.profile ?? "";
  const profile = options.profile === undefined ? undefined : profileOf(options.profile);
  if (options.profile !== undefined && profile === undefined) return undefined;
  const unit = options.unit === undefined ? undefined : whole("--unit", options.unit, 0, 255);
  return { place, unit, profile, profileName, config };
}

function placeOf({ line, host, port, baud, parity, stop }: ProbeCommandOptions): Place {
  if (line === undefined) return { kind: "tcp", host: host ?? "", port: whole("--port", port, 1, 65_535) };
  if (parity !== "none" && parity !== "even" && parity !== "odd") throw new Usage("--parity is none, even or odd.");
  const stopBits = whole("--stop", stop, 1, 2) === 2 ? 2 : 1;
  const baudRate = whole("--baud", baud, 110, 921_600);
  return { kind: "line", settings: { id: line, path: line, baudRate, parity, dataBits: 8, stopBits } };
}

function profileOf(name: string): Profile | undefined {
  const loaded = loadProfile(name, process.cwd(), profileSchema);
  if (loaded.ok) return profileSchema.parse(loaded.value);
  if (loaded.why !== undefined) throw new Usage(`--profile ${name}: ${loaded.why}. docs/profiles.md lists them.`);
  tellMistakes(loaded.mistakes);
  return undefined;
}

function readerOf(options: ProbeCommandOptions, job: Job, fn: ReadFunction | undefined, timeoutMs: number | undefined) {
  const { profile, place } = job;
  const least = place.kind === "line" ? 1 : 0;
  const most = place.kind === "line" ? 247 : 255;
  if (job.unit === undefined || job.unit < least || job.unit > most)
    throw new Usage(`--unit is ${least} to ${most}; --scan finds it.`);
  const { unit } = job;
  if (fn !== undefined) {
    const address = whole("--address", options.address, 0, 65_535);
    const count = whole("--count", options.count, 1, Math.min(fn <= 2 ? 2000 : 125, 65_536 - address));
    return ({ line }: Target) => readRaw(line, unit, { function: fn, address, count }, timeoutMs ?? 1000);
  }
  if (profile === undefined) throw new Usage("What to read: --profile NAME, or --function 3 --address 0 --count 10.");
  return ({ line }: Target) => readByProfile(line, unit, profile, timeoutMs);
}

function functionOf({ function: text }: ProbeCommandOptions): ReadFunction | undefined {
  if (text === undefined) return undefined;
  const found = ([1, 2, 3, 4] as const).find((each) => String(each) === text);
  if (found === undefined)
    throw new Usage("--function is 1 coils, 2 discrete inputs, 3 holding or 4 input registers: a probe never writes.");
  return found;
}

function timeoutOf({ timeout }: ProbeCommandOptions): number | undefined {
  if (timeout === undefined) return undefined;
  const ms = parseDuration(timeout);
  if (ms === undefined || ms < 20 || ms > 60_000) throw new Usage("--timeout is 20ms to 60s, for example 500ms.");
  return ms;
}

/** `5`, `1-32`, `1-10,17`; true for all that there can be. */
function unitsOf(text: string | true, { kind }: Place): readonly number[] {
  const most = kind === "line" ? 247 : 255;
  const units = new Set<number>();
  for (const part of text === true ? ["1-247"] : text.split(",")) {
    const [, from, to] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(part) ?? [];
    const [first, last] = [Number(from), Number(to ?? from)];
    if (from === undefined || first < (kind === "line" ? 1 : 0) || last > most || first > last)
      throw new Usage(`--scan is a range of units such as 1-${most}, or several such as 1-10,17.`);
    for (let unit = first; unit <= last; unit++) units.add(unit);
  }
  return [...units];
}

function whole(option: string, text: string, least: number, most: number): number {
  const number = /^(0x[0-9a-f]{1,4}|\d{1,6})$/i.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) throw new Usage(`${option} is a number from ${least} to ${most}.`);
  return number;
}
