import type { ReadFunction } from "../../drivers/modbus/pdu.ts";
import { readBatch } from "../../drivers/modbus/read-batch.ts";
import type { Exchange, ModbusLine } from "../ports/driver.ts";

export interface Found {
  readonly unit: number;
  /** What it answered: values, or which exception. */
  readonly said: string;
}

export interface Scan {
  readonly found: readonly Found[];
  /** How many were asked. */
  readonly asked: number;
  /** Why it ended before all were asked. */
  readonly broken?: string;
}

/** A unit that answers later than it was waited for is asked again, with this much patience, ms. */
const patienceMs = 1500;
/** Units are asked for this many registers, from 0 on. */
const span = { address: 0, count: 1 };

/**
 * Asks each unit once, to read. Whoever answers is there, with values or an exception; so is one whose late answer was
 * heard in the turn of another, and who then answers by itself.
 */
export async function scan(
  line: ModbusLine,
  units: readonly number[],
  options: {
    readonly function: ReadFunction;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly progress: (asked: number, found: number) => void;
  },
): Promise<Scan> {
  const found: Found[] = [];
  const suspects = new Set<number>();
  let asked = 0;
  let broken: string | undefined;
  const ask = (unit: number, timeoutMs: number): Promise<Exchange> =>
    readBatch(line, unit, { ...span, function: options.function }, { timeoutMs });
  for (const unit of units) {
    if (options.signal.aborted) break;
    const exchange = await ask(unit, options.timeoutMs);
    asked++;
    const said = saidBy(exchange);
    if (said !== undefined) found.push({ unit, said });
    else if (!exchange.ok && exchange.why === "lost") broken = exchange.detail;
    else if (!exchange.ok && exchange.why !== "timeout") suspects.add(suspectIn(exchange) ?? unit);
    options.progress(asked, found.length);
    if (broken !== undefined) break;
  }
  for (const unit of suspects) {
    if (broken !== undefined || options.signal.aborted) break;
    if (!units.includes(unit) || found.some((each) => each.unit === unit)) continue;
    const exchange = await ask(unit, patienceMs);
    const said = saidBy(exchange) ?? damageOf(exchange);
    if (said !== undefined) found.push({ unit, said });
  }
  found.sort((a, b) => a.unit - b.unit);
  return { found, asked, ...(broken === undefined ? {} : { broken }) };
}

/** A unit that answered another's request. */
function suspectIn(exchange: Exchange): number | undefined {
  const unit = exchange.ok ? undefined : /^unit (\d+) answered in place of/.exec(exchange.detail)?.[1];
  return unit === undefined ? undefined : Number(unit);
}

function damageOf(exchange: Exchange): string | undefined {
  if (exchange.ok || (exchange.why !== "bad-crc" && exchange.why !== "foreign")) return undefined;
  return `a damaged answer (${exchange.detail}): noise, or two devices with this number`;
}

function saidBy(exchange: Exchange): string | undefined {
  if (exchange.ok) return `register 0 is ${exchange.registers[0]}`;
  return exchange.why === "exception" ? exchange.detail : undefined;
}
