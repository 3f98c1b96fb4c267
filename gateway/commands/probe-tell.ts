import type { GatewayConfig } from "../../config/schema.ts";
import { modbusTcpOptions } from "../../drivers/modbus/options.ts";
import { snippetFor } from "../domain/device-snippet.ts";
import { colorsFor } from "./colors.ts";
import type { Reading, ReadRegister, Request } from "./probe-read.ts";
import type { Found, Scan } from "./probe-scan.ts";
import type { Place } from "./probe-target.ts";
import { table } from "./table.ts";
import { complain, say } from "./tell.ts";

const { bold, dim, green, red, yellow } = colorsFor(process.stdout);
const functions = { 1: "coil", 2: "discrete input", 3: "holding register", 4: "input register" } as const;

export function showPlace(place: Place): string {
  if (place.kind === "tcp") return `${place.host} port ${place.port}`;
  const { path, baudRate, parity, stopBits } = place.settings;
  return `${path} (${baudRate} 8${parity.charAt(0).toUpperCase()}${stopBits})`;
}

/** Readings one after the other; on a terminal each in the place of the one before. */
export class ReadingScreen {
  readonly #title: string;
  readonly #head: { readonly place: string; readonly unit: number; readonly profile?: string };
  readonly #json: boolean;
  #lines = 0;

  constructor(place: Place, unit: number, profile: string, json: boolean) {
    this.#head = { place: showPlace(place), unit, ...(profile === "" ? {} : { profile }) };
    this.#title = `unit ${unit} on ${showPlace(place)}${profile === "" ? "" : `, read as ${profile}`}`;
    this.#json = json;
  }

  show(reading: Reading, at: number): void {
    if (this.#json) {
      say(JSON.stringify({ ...this.#head, at: new Date(at).toISOString(), ...reading }));
      return;
    }
    const lines = [`${bold(this.#title)}  ${dim(new Date(at).toISOString())}`, ...linesOf(reading)];
    if (process.stdout.isTTY && this.#lines > 0) process.stdout.write(`\x1b[${this.#lines}A\x1b[J`);
    this.#lines = lines.length;
    for (const line of lines) say(line);
  }
}

function linesOf({ requests, registers }: Reading): string[] {
  const failed = requests.filter(({ ok }) => !ok);
  const errors = failed.map(({ function: fn, address, count, why, detail }) =>
    red(`  function ${fn}, address ${address}, count ${count}: ${why}: ${detail}`),
  );
  const answered = requests.filter(({ ok }) => ok);
  const rows = registers.length > 0 ? registers.flatMap(rowsOf) : answered.flatMap(rawRows);
  return [...table(rows), ...errors];
}

function rowsOf(register: ReadRegister): string[][] {
  const { name, function: fn, address, raw, value, unit, bits, points, doubt } = register;
  const place = `${functions[fn]} ${address}`;
  const verdict = doubt === undefined ? green("ok") : yellow(`not believed: ${doubt}`);
  const hex = raw.length > 4 ? `${raw.length} registers` : raw.map((word) => hexOf(word, fn)).join(" ");
  const shown = value === undefined ? "" : `${value} ${unit ?? ""}`;
  const rows = [[name, place, hex, shown, verdict]];
  for (const [bit, set] of bits ?? []) rows.push([`  ${bit}`, "", "", set ? bold("yes") : "no", ""]);
  const odd = (points ?? []).filter(([, event]) => event !== "normal");
  if (points !== undefined)
    rows.push([`  ${points.length} points`, "", "", `${points.length - odd.length} normal`, ""]);
  for (const [point, event] of odd) rows.push([`  ${point}`, "", "", bold(event), ""]);
  return rows;
}

function rawRows({ function: fn, address, registers }: Request): string[][] {
  return registers.map((word, at) => {
    const place = `${functions[fn]} ${address + at}`;
    if (fn <= 2) return [place, String(word)];
    const signed = word > 0x7fff ? String(word - 0x1_0000) : "";
    return [place, hexOf(word, fn), String(word), signed, word.toString(2).padStart(16, "0")];
  });
}

function hexOf(word: number, fn: number): string {
  return fn <= 2 ? String(word) : `0x${word.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** How far a search has come, on one line of a terminal; silent elsewhere. */
export class ScanProgress {
  readonly #of: number;
  #shown = 0;

  constructor(of: number) {
    this.#of = of;
  }

  at(asked: number, found: number): void {
    if (!process.stderr.isTTY) return;
    const line = `${asked} of ${this.#of} asked, ${found} found`;
    process.stderr.write(`\r${line.padEnd(this.#shown)}`);
    this.#shown = line.length;
  }

  /** Leaves the line empty. */
  end(): void {
    if (this.#shown > 0) process.stderr.write(`\r${" ".repeat(this.#shown)}\r`);
  }
}

/** Units that were found, with what is known of each. */
interface Listed extends Found {
  /** The device of the configuration that has this unit. */
  readonly device?: string;
  /** For the `devices` of the configuration, where it has none. */
  readonly snippet?: string;
}

export function scanDocument(scan: Scan, of: number, place: Place, config: GatewayConfig | undefined) {
  return { place: showPlace(place), units: of, asked: scan.asked, found: listed(scan.found, place, config) };
}

export function tellScan(scan: Scan, of: number, place: Place, config: GatewayConfig | undefined): void {
  const all = listed(scan.found, place, config);
  const part = scan.asked < of ? `, ${scan.asked} of ${of} asked` : "";
  say(bold(`${all.length} of ${scan.asked} units answer on ${showPlace(place)}${part}`));
  for (const line of table(
    all.map(({ unit, said, device }) => [unit, said, device ?? dim("not in the configuration")]),
  ))
    say(line);
  const strangers = all.flatMap(({ snippet }) => snippet ?? []);
  if (all.length === 0 && scan.asked === of)
    complain("Check power, wiring (A and B), baud rate and parity; try --timeout 1s, or --function 4.");
  if (strangers.length === 0) return;
  say(dim("\nFor the configuration; what stands as ? is yours to fill in:"));
  if (place.kind === "line" && lineId(place, config) === undefined) {
    const { path, baudRate, parity } = place.settings;
    say(`serialLines:\n  - { id: rs485-1, path: ${path}, baudRate: ${baudRate}, parity: ${parity} }`);
  }
  say("devices:");
  for (const snippet of strangers) say(snippet.replaceAll(/^/gm, "  "));
}

function listed(found: readonly Found[], place: Place, config: GatewayConfig | undefined): readonly Listed[] {
  return found.map((each) => {
    const device = config?.devices.find(({ manifest, options }) => {
      if (place.kind === "line") {
        const serial = manifest.serial?.(options);
        return serial?.line === lineId(place, config) && serial?.unit === each.unit;
      }
      const tcp = manifest.modbusTcp === true ? modbusTcpOptions.safeParse(options).data : undefined;
      return tcp?.host === place.host && tcp.port === place.port && tcp.unit === each.unit;
    });
    if (device !== undefined) return { ...each, device: device.device.id };
    return { ...each, snippet: snippetOf(each.unit, place, config) };
  });
}

function snippetOf(unit: number, place: Place, config: GatewayConfig | undefined): string {
  if (place.kind === "line") {
    const address = lineId(place, config) ?? "rs485-1";
    return snippetFor({ via: "serial", username: "", clientId: String(unit), address });
  }
  const host = JSON.stringify(place.host);
  return `- { id: modbus-${unit}, name: "?", driver: thermal-extinguisher, dialect: modbus-tcp, zone: "?",
    options: { host: ${host}, port: ${place.port}, unit: ${unit}, profile: "?" } }`;
}

/** What the configuration calls a line with this port. */
function lineId(place: Place, config: GatewayConfig | undefined): string | undefined {
  return place.kind === "line" ? config?.serialLines.find(({ path }) => path === place.settings.path)?.id : undefined;
}
