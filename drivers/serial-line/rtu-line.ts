import type { Exchange, Expectation, ModbusLine } from "../../gateway/ports/driver.ts";
import { isWrite, type ReadRequest, type Request, type WriteRequest } from "../modbus/pdu.ts";
import { Turns, type Waiting } from "../modbus/turns.ts";
import { Bus } from "./bus.ts";
import { KeptPort, type LineDeps } from "./kept-port.ts";
import { encodeRequest } from "./rtu-frame.ts";
import { type LineSettings, type Timing, timingOf } from "./timing.ts";
import { Traces } from "./traces.ts";
import type { Tty } from "./tty.ts";

/** How a line is, for health checks and people. */
export interface LineHealth {
  readonly id: string;
  readonly path: string;
  /** The device behind the path, while open. */
  readonly target?: string;
  readonly open: boolean;
  /** Log time ms since when it is open, or is not. */
  readonly since: number;
  /** Why it is not open. */
  readonly why?: string;
  /** It hears itself; false also where that is not known yet. */
  readonly echo: boolean;
  readonly requests: number;
  readonly answers: number;
  /** By kind: timeout, bad-crc, foreign, exception, short, lost. */
  readonly errors: Readonly<Record<string, number>>;
  /** Bytes that came in without a request. */
  readonly strayBytes: number;
  /** How often the port was opened. */
  readonly opened: number;
  /** Units asked so far; how often in a row each was silent. */
  readonly units: readonly { readonly unit: number; readonly silences: number }[];
}

/**
 * A serial line with its one queue. While its port is not open every read fails at once with `lost`; during an attempt
 * to open it reads wait for the result.
 */
export class RtuLine implements ModbusLine {
  readonly id: string;
  readonly settings: LineSettings;
  readonly #deps: LineDeps;
  readonly #timing: Timing;
  readonly #traces = new Map<number, Traces>();
  readonly #turns: Turns;
  readonly #port: KeptPort;
  #bus: Bus | undefined;
  #serving = false;
  #cancelServing = (): void => {};
  /** Does the open port hear itself? Absent until an answer has shown it. */
  #echo: boolean | undefined;
  #requests = 0;
  #answers = 0;
  #strayBytes = 0;
  readonly #errors: Record<string, number> = {};

  /** @param pauses False for a search: see `Turns`. */
  constructor(settings: LineSettings, deps: LineDeps, pauses = true) {
    this.id = settings.id;
    this.settings = settings;
    this.#deps = deps;
    this.#timing = timingOf(settings);
    this.#turns = new Turns((request) => this.#tracesOf(request).clearAt(request), pauses);
    this.#port = new KeptPort(settings, deps, {
      opened: (tty) => this.#opened(tty),
      lost: (why) => this.#lost(why),
    });
  }

  readCoils(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange> {
    return this.#read({ unit, function: 1, address, count }, expect);
  }

  readDiscrete(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange> {
    return this.#read({ unit, function: 2, address, count }, expect);
  }

  readHolding(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange> {
    return this.#read({ unit, function: 3, address, count }, expect);
  }

  readInput(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange> {
    return this.#read({ unit, function: 4, address, count }, expect);
  }

  writeCoil(unit: number, address: number, on: boolean, expect: Expectation): Promise<Exchange> {
    return this.#write({ unit, function: 5, address, value: on ? 1 : 0 }, expect);
  }

  writeRegister(unit: number, address: number, value: number, expect: Expectation): Promise<Exchange> {
    return this.#write({ unit, function: 6, address, value }, expect);
  }

  open(): boolean {
    return this.#port.state().kind === "open";
  }

  health(): LineHealth {
    const state = this.#port.state();
    return {
      id: this.id,
      path: this.settings.path,
      ...(state.kind === "open" ? { target: state.tty.target } : {}),
      open: state.kind === "open",
      since: this.#port.since(),
      ...(state.kind === "waiting" ? { why: state.why } : {}),
      echo: this.#echo ?? false,
      requests: this.#requests,
      answers: this.#answers,
      errors: { ...this.#errors },
      strayBytes: this.#strayBytes,
      opened: this.#port.opened(),
      units: this.#turns.units(),
    };
  }

  /** Gives the port back; what waits fails with `lost`. */
  close(): Promise<void> {
    return this.#port.close();
  }

  /**
   * A right answer is a copy of the request, as an echo is. So first the unit is read, whose answer shows whether the line
   * hears itself, unless one has shown it since the port was opened, or the settings say it.
   */
  async #write(request: WriteRequest, expect: Expectation): Promise<Exchange> {
    encodeRequest(request);
    if ((this.settings.echo ?? this.#echo) === undefined) {
      const { unit, address } = request;
      const read = request.function === 5 ? 1 : 3;
      const shown = await this.#ask({ unit, function: read, address, count: 1 }, expect);
      if (!shown.ok && shown.why !== "exception") return shown;
    }
    return await this.#ask(request, expect);
  }

  async #read(request: ReadRequest, expect: Expectation): Promise<Exchange> {
    return await this.#ask(request, expect);
  }

  /** Rejects with RangeError for what no slave can be asked: a mistake of the caller. */
  async #ask(request: Request, { timeoutMs, urgent = isWrite(request) }: Expectation): Promise<Exchange> {
    encodeRequest(request);
    const state = this.#port.state();
    if (state.kind === "waiting") return { ok: false, why: "lost", detail: state.why };
    return await new Promise<Exchange>((done) => {
      if (this.#turns.add({ request, timeoutMs, urgent, done })) this.#serve();
      else done({ ok: false, why: "timeout", detail: "too many requests wait for this unit" });
    });
  }

  /** Serves whoever may be asked now, one after the other; then sets a timer for the next one. */
  #serve(): void {
    const bus = this.#bus;
    if (this.#serving || bus === undefined) return;
    this.#cancelServing();
    const now = this.#deps.clock.now();
    const waiting = this.#turns.take(now);
    if (waiting === undefined) {
      const next = this.#turns.nextAt();
      if (next !== undefined) this.#cancelServing = this.#deps.clock.after(Math.ceil(next - now), () => this.#serve());
      return;
    }
    this.#serving = true;
    void this.#turn(bus, waiting).then((exchange) => {
      const { longestReplyMs, latencyMs } = this.#timing;
      this.#turns.ended(waiting.request, exchange, this.#deps.clock.now(), longestReplyMs + latencyMs);
      this.#serving = false;
      waiting.done(exchange);
      this.#serve();
    });
  }

  /** The exchange itself, after a shorter one where an old answer may still be under way. */
  async #turn(bus: Bus, { request, timeoutMs }: Waiting): Promise<Exchange> {
    const proof = this.#tracesOf(request).proofFor(request);
    if (proof !== undefined) {
      const exchange = await this.#exchange(bus, proof, timeoutMs);
      if (!exchange.ok && exchange.why !== "exception") return exchange;
    }
    return await this.#exchange(bus, request, timeoutMs);
  }

  async #exchange(bus: Bus, request: Request, timeoutMs: number): Promise<Exchange> {
    const echo = this.settings.echo ?? (isWrite(request) ? this.#echo : undefined);
    const { exchange, leftAt, echoed } = await bus.exchange(request, timeoutMs, echo);
    const traces = this.#tracesOf(request);
    if (leftAt !== undefined) {
      traces.left(request, leftAt);
      this.#requests++;
      this.#count("requests_total");
      if (!isWrite(request) && (exchange.ok || exchange.why === "exception")) this.#echo = echoed;
    }
    if (exchange.ok) {
      traces.answered(request, this.#deps.clock.now());
      this.#port.proven();
      this.#answers++;
      this.#count("answers_total");
    } else {
      if (exchange.why === "exception") traces.excepted(request, this.#deps.clock.now());
      this.#errors[exchange.why] = (this.#errors[exchange.why] ?? 0) + 1;
      this.#count("errors_total", { kind: exchange.why });
    }
    return exchange;
  }

  #opened(tty: Tty): void {
    this.#echo = undefined;
    this.#bus = new Bus(tty, this.#timing, this.#deps.clock, {
      stray: (bytes) => {
        this.#strayBytes += bytes;
        this.#count("stray_bytes_total", {}, bytes);
        for (const traces of this.#traces.values()) traces.stray(this.#deps.clock.now());
      },
      lost: (why) => this.#port.lose(why),
    });
    this.#serve();
  }

  #lost(why: string): void {
    this.#cancelServing();
    this.#bus?.lose(why);
    this.#bus = undefined;
    for (const { done } of this.#turns.clear()) done({ ok: false, why: "lost", detail: why });
  }

  #tracesOf({ unit }: Request): Traces {
    const known = this.#traces.get(unit) ?? new Traces(this.#timing);
    this.#traces.set(unit, known);
    return known;
  }

  #count(name: string, labels: Readonly<Record<string, string>> = {}, by = 1): void {
    this.#deps.telemetry.count(`zhian_serial_${name}`, { line: this.id, ...labels }, by);
  }
}
