import type { GatewayConfig } from "../../config/schema.ts";
import { openLines, surveyBackends } from "../../drivers/dry-contact/backends.ts";
import { findPlace } from "../../drivers/dry-contact/find-place.ts";
import { dryContactGpio } from "../../drivers/dry-contact/manifest.ts";
import type { GpioOptions } from "../../drivers/dry-contact/options.ts";
import { checkClock } from "../ops/doctor/clock.ts";
import { checkDataDirectory } from "../ops/doctor/data-directory.ts";
import type { Finding } from "../ops/doctor/finding.ts";
import { checkGpio, type GpioPlaceFound, type GpioSurvey } from "../ops/doctor/gpio.ts";
import { checkListener, checkUplink, consoleAnswers, type Listener, tellConsole } from "../ops/doctor/network.ts";
import { addons, checkAddon, checkNode, onoffAddon, opcuaAddons } from "../ops/doctor/program.ts";
import { checkSerialLine } from "../ops/doctor/serial-lines.ts";
import { SystemClock } from "../ops/system-clock.ts";
import { colorsFor } from "./colors.ts";
import { loadConfiguration } from "./configuration.ts";
import { say, tellMistakes, tellWarnings } from "./tell.ts";

export interface DoctorOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** `zhian doctor`: looks at the machine, with a configuration also at what that needs. 1 where something fails. */
export async function doctor({ config: file, json }: DoctorOptions): Promise<number> {
  const loaded = file === undefined ? undefined : loadConfiguration(file);
  if (loaded?.ok === false) {
    tellMistakes(loaded.mistakes);
    return 2;
  }
  if (json !== true) tellWarnings(loaded?.warnings ?? []);
  const clock = new SystemClock();
  const findings = await examine(loaded?.config, clock);
  clock.close();
  if (json === true) say(JSON.stringify(findings));
  else for (const finding of findings) tell(finding);
  return findings.some(({ result }) => result === "fail") ? 1 : 0;
}

async function examine(config: GatewayConfig | undefined, clock: SystemClock): Promise<readonly Finding[]> {
  const has = (driver: string) => config?.devices.some(({ device }) => device.driver === driver) === true;
  const serial = (config?.serialLines ?? []).length > 0;
  const opcua = has("opcua") || config?.opcuaServer !== undefined;
  const wanted = [...addons, onoffAddon, ...(opcua ? opcuaAddons : [])];
  const machine = Promise.all([
    checkNode(process.versions.node, `${process.platform} ${process.arch}`),
    ...wanted.map((addon) =>
      checkAddon(addon, addon.name === "serialport" ? serial : opcua && addon !== onoffAddon, import.meta.dirname),
    ),
    checkClock(clock.quality(), clock.wall()),
  ]);
  return [
    ...(await machine),
    ...(config === undefined ? [] : await examineSite(config, clock)),
    ...(await examineGpio(config, clock)),
  ];
}

async function examineSite(config: GatewayConfig, clock: SystemClock): Promise<readonly Finding[]> {
  const console = { name: "console", ...config.console.listen };
  const running = await consoleAnswers(console);
  const listeners: Listener[] = [
    { name: "broker", ...config.broker.listen },
    console,
    ...(config.ingest === undefined ? [] : [{ name: "ingest", ...config.ingest.listen }]),
  ];
  // One after the other: while the speed of the disk is measured, nothing else is to be done.
  const data = await checkDataDirectory(config.gateway.data, config.storage.budget, clock);
  return [
    ...data,
    ...(await Promise.all(listeners.map((listener) => checkListener(listener, running)))),
    tellConsole(console, running),
    ...(await Promise.all((config.uplink?.urls ?? []).map((url) => checkUplink(url)))),
    ...(await Promise.all(config.serialLines.map(({ id, path }) => checkSerialLine(id, path)))),
  ];
}

async function examineGpio(config: GatewayConfig | undefined, clock: SystemClock): Promise<readonly Finding[]> {
  const contacts = (config?.devices ?? []).flatMap(({ device, options, manifest }) =>
    manifest === dryContactGpio ? [{ id: device.id, options: options as GpioOptions }] : [],
  );
  const survey = await gpioSurvey(contacts[0]?.options.root ?? "/", clock);
  const places = await Promise.all(
    contacts.map(async ({ id, options }): Promise<GpioPlaceFound> => {
      try {
        const lines = await openLines(options.root, options.backend, options.direction, clock);
        const { chip, offset } = await findPlace(lines, options.chip, options.line);
        return { deviceId: id, found: `line ${offset} of ${chip.label} (${chip.name}) by ${lines.backend}` };
      } catch (error) {
        return { deviceId: id, problem: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
  return checkGpio(survey, places);
}

async function gpioSurvey(root: string, clock: SystemClock): Promise<GpioSurvey> {
  const ways = await surveyBackends(root, clock);
  const lines = ways.find(({ usable }) => usable)?.lines;
  if (lines === undefined) return { ways, chips: [] };
  const chips = await lines.chips();
  return {
    ways,
    chips: await Promise.all(chips.map(async (chip) => ({ ...chip, described: await lines.described(chip) }))),
  };
}

const colors = colorsFor(process.stdout);
const marks: Record<Finding["result"], string> = {
  ok: colors.green("✓"),
  warn: colors.yellow("!"),
  fail: colors.red("✗"),
};

function tell({ check, result, found, hint }: Finding): void {
  say(`${marks[result]} ${check.padEnd(24)} ${found}`);
  if (hint !== undefined) say(`  ${" ".repeat(24)} ${colors.dim(`→ ${hint}`)}`);
}
