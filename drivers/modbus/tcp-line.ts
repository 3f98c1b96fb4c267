import type { Exchange, Expectation, ModbusLine } from "../../gateway/ports/driver.ts";
import { type Adu, AduFramer, encodeAdu, judgeAdu } from "./mbap.ts";
import { encodePdu, isWrite, type Request } from "./pdu.ts";
import { type LinkDeps, type TcpAddress, TcpLink } from "./tcp-link.ts";
import { Turns, type Waiting } from "./turns.ts";

/** The transaction that is under way, or was given up and may be answered yet. */
interface Transaction {
  readonly id: number;
  readonly waiting: Waiting;
  /** Nobody waits for it any more, but the peer may still be at it. */
  overdue: boolean;
  cancel(): void;
}

/** So many time-outs in a row without a byte from the peer, and the connection is taken for dead. */
const silencesUntilLost = 3;
/**
 * A gateway to a serial line asks its slaves one after the other, and is deaf while it waits for a silent one. So after a
 * time-out nothing is sent until its answer comes after all, or this has passed.
 */
const graceMs = 1000;
/** Nothing asked for so long: the connection is given back. Longer than the longest poll. */
const idleAfterMs = 150_000;
/** Exceptions of a gateway: it is there, its slave is not (application protocol V1.1b3, §7). */
const slaveAbsent: ReadonlySet<number> = new Set([10, 11]);

/** All units behind one address: one connection, one transaction at a time, turns as on a serial line. */
export class TcpLine implements ModbusLine {
  readonly id: string;
  readonly #deps: LinkDeps;
  readonly #turns: Turns;
  readonly #link: TcpLink;
  #framer = new AduFramer();
  #transaction: Transaction | undefined;
  #nextId: number;
  #silences = 0;
  #cancelServing = (): void => {};
  #cancelIdle = (): void => {};

  /**
   * @param firstId of the transactions; a new process begins elsewhere than the one before it.
   * @param pauses False for a search: see `Turns`.
   */
  constructor(address: TcpAddress, deps: LinkDeps, firstId: number, pauses = true) {
    this.#turns = new Turns(undefined, pauses);
    this.id = `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
    this.#deps = deps;
    this.#nextId = firstId & 0xffff;
    this.#link = new TcpLink(this.id, address, deps, {
      opened: () => {
        this.#framer = new AduFramer();
        this.#silences = 0;
        this.#serve();
      },
      received: (bytes) => this.#received(bytes),
      lost: (why) => this.#lost(why),
    });
  }

  readCoils(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange> {
    return this.#ask({ unit, function: 1, address, count }, expect);
  }

  readDiscrete(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange> {
    return this.#ask({ unit, function: 2, address, count }, expect);
  }

  readHolding(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange> {
    return this.#ask({ unit, function: 3, address, count }, expect);
  }

  readInput(unit: number, address: number, count: number, expect: Expectation): Promise<Exchange> {
    return this.#ask({ unit, function: 4, address, count }, expect);
  }

  writeCoil(unit: number, address: number, on: boolean, expect: Expectation): Promise<Exchange> {
    return this.#ask({ unit, function: 5, address, value: on ? 1 : 0 }, expect);
  }

  writeRegister(unit: number, address: number, value: number, expect: Expectation): Promise<Exchange> {
    return this.#ask({ unit, function: 6, address, value }, expect);
  }

  open(): boolean {
    return this.#link.state().kind === "open";
  }

  /** What waits fails with `lost`. */
  close(): void {
    this.#cancelIdle();
    this.#link.close();
  }

  /** Rejects with RangeError for what no slave can be asked: a mistake of the caller. */
  async #ask(request: Request, { timeoutMs, urgent = isWrite(request) }: Expectation): Promise<Exchange> {
    encodePdu(request);
    if (!Number.isInteger(request.unit) || request.unit < 0 || request.unit > 255)
      throw new RangeError(`unit ${request.unit} is not within 0–255`);
    this.#cancelIdle();
    this.#cancelIdle = this.#deps.clock.after(idleAfterMs, () => this.#link.rest());
    this.#link.want();
    const state = this.#link.state();
    if (state.kind === "waiting") return { ok: false, why: "lost", detail: state.why };
    return await new Promise<Exchange>((done) => {
      if (this.#turns.add({ request, timeoutMs, urgent, done })) this.#serve();
      else done({ ok: false, why: "timeout", detail: "too many requests wait for this unit" });
    });
  }

  #serve(): void {
    if (this.#transaction !== undefined || !this.open()) return;
    this.#cancelServing();
    const { clock } = this.#deps;
    const now = clock.now();
    const waiting = this.#turns.take(now);
    if (waiting === undefined) {
      const next = this.#turns.nextAt();
      if (next !== undefined) this.#cancelServing = clock.after(Math.ceil(next - now), () => this.#serve());
      return;
    }
    const id = this.#nextId;
    this.#nextId = (id + 1) & 0xffff;
    const cancel = clock.after(waiting.timeoutMs, () => this.#unanswered());
    this.#transaction = { id, waiting, overdue: false, cancel };
    this.#count("requests_total");
    try {
      this.#link.send(encodeAdu(id, waiting.request));
    } catch (error) {
      this.#link.lose(error instanceof Error ? error.message : String(error));
    }
  }

  #received(bytes: Uint8Array): void {
    this.#silences = 0;
    for (const adu of this.#framer.push(bytes)) this.#take(adu);
    if (this.#framer.broken !== undefined) this.#link.lose(`this is not Modbus TCP: ${this.#framer.broken}`);
  }

  #take(adu: Adu): void {
    const transaction = this.#transaction;
    if (transaction === undefined || adu.transaction !== transaction.id) {
      this.#count("late_total");
      return;
    }
    transaction.cancel();
    this.#transaction = undefined;
    if (transaction.overdue) this.#count("late_total");
    else this.#settle(transaction.waiting, this.#exchangeOf(transaction.waiting.request, adu));
    this.#serve();
  }

  #exchangeOf(request: Request, adu: Adu): Exchange {
    const reply = judgeAdu(request, adu);
    if (reply.kind !== "foreign") this.#link.proven();
    if (reply.kind === "answer") return { ok: true, registers: reply.values };
    if (reply.kind === "foreign") return { ok: false, why: "foreign", detail: reply.detail };
    return { ok: false, why: slaveAbsent.has(reply.code) ? "timeout" : "exception", detail: reply.detail };
  }

  #unanswered(): void {
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    transaction.overdue = true;
    const { waiting } = transaction;
    this.#settle(waiting, { ok: false, why: "timeout", detail: `no answer within ${waiting.timeoutMs} ms` });
    if (++this.#silences >= silencesUntilLost) {
      this.#link.lose(`${this.#silences} requests without any answer`);
      return;
    }
    transaction.cancel = this.#deps.clock.after(graceMs, () => {
      this.#transaction = undefined;
      this.#serve();
    });
  }

  #settle({ request, done }: Waiting, exchange: Exchange): void {
    this.#turns.ended(request, exchange, this.#deps.clock.now(), this.#transaction?.overdue === true ? graceMs : 0);
    if (exchange.ok) this.#count("answers_total");
    else this.#count("errors_total", { kind: exchange.why });
    done(exchange);
  }

  #lost(why: string): void {
    this.#cancelServing();
    const exchange = { ok: false, why: "lost", detail: why } as const;
    const transaction = this.#transaction;
    this.#transaction = undefined;
    transaction?.cancel();
    const waiting = this.#turns.clear();
    if (transaction !== undefined && !transaction.overdue) this.#settle(transaction.waiting, exchange);
    for (const { done } of waiting) done(exchange);
  }

  #count(name: string, labels: Readonly<Record<string, string>> = {}): void {
    this.#deps.telemetry.count(`zhian_modbus_tcp_${name}`, { line: this.id, ...labels });
  }
}
