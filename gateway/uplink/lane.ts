import type { Clock } from "../ports/clock.ts";
import type { Gaps, LaneEntry, LaneSource } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { backoffMs, retryBackoff } from "./backoff.ts";
import type { LaneReport } from "./contract.ts";
import { type Addressing, deliver, type Word } from "./delivery.ts";
import type { Outgoing, Sender } from "./dispatcher.ts";
import { beginRun, type Link, type Repair, type Run } from "./lane-run.ts";
import type { LaneAccount } from "./ledger.ts";
import { Overtaking } from "./overtaking.ts";
import { Pacer } from "./pacer.ts";
import { describeCode } from "./reason-codes.ts";
import { Suspicion } from "./suspicion.ts";
import type { Settlement, Ticket } from "./window.ts";
import type { WireEnd } from "./wire-types.ts";

export interface LaneOptions extends Addressing {
  readonly source: LaneSource;
  readonly account: LaneAccount;
  readonly gaps: Gaps;
  /** Entries under way at most. */
  readonly window: number;
  /** Entries a second of what is older than the connection; 0 sets no limit. */
  readonly backlogRate: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** A gap was met or made. */
  readonly onGap: () => void;
}

/** Live entries that had to wait for longer than this are late, ms. */
const lateAfterMs = 60_000;
/** With so many alarms waiting, live ones go ahead of them; with fewer the lane keeps to the order of its numbers. */
const overtakeFrom = 256;
const readAhead = 256;
const triesBeforePoison = 8;
const readAgainAfterMs = 5_000;
const blockedForMs = 60_000;
const tooLarge: Word = { verdict: "poison", code: 0x95 };

/**
 * One ordered stream to the city. It reads the log from its cursor, keeps a window of entries under way, and moves the
 * cursor when all before it are settled; a lost connection is forgotten and the next begins at the cursor. So a crash or a
 * cut repeats messages, which the city removes by id, and never passes one over. Holds a window's worth of entries, no
 * more, however many wait.
 */
export class Lane implements Sender {
  readonly #options: LaneOptions;
  readonly #suspicion = new Suspicion();
  #run: Run | undefined;
  #blocked: string | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** The lane may send on this connection, beginning at its cursor. */
  attach(link: Link): void {
    const { source, account, clock, backlogRate, activeTopic } = this.#options;
    const backlogEnd = source.head();
    const long = activeTopic !== undefined && backlogEnd - account.cursor > overtakeFrom;
    this.#run = beginRun(link, {
      cursor: account.cursor,
      backlogEnd,
      pacer: new Pacer(backlogRate, clock.now()),
      ...(long ? { overtaking: new Overtaking(source, backlogEnd) } : {}),
    });
  }

  /** The connection is gone: what was under way is sent again on the next. */
  detach(end: WireEnd): void {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return;
    const { oldest, cursor, inFlight } = run.window;
    if (oldest !== undefined && this.#suspicion.ended(end, cursor, inFlight)) {
      this.#giveUp(run, { ticket: oldest, tries: 0 }, `the broker closes the connection on it: ${end.detail}`);
    }
  }

  /** Something was appended to the log. */
  appended(): void {
    const run = this.#run;
    if (run === undefined) return;
    run.mayBeMore = true;
    run.overtaking?.appended();
    run.link.wake();
  }

  next(): Outgoing | undefined {
    const run = this.#run;
    if (run === undefined) return undefined;
    const companion = run.companions.shift();
    if (companion !== undefined) return companion;
    if (run.pauses > 0) return undefined;
    try {
      return this.#overtake(run) ?? this.#repair(run) ?? this.#advance(run);
    } catch (error) {
      this.#options.logger.error({ err: error, lane: this.#options.source.lane }, "the lane cannot read its log");
      this.#pause(run, readAgainAfterMs);
      return undefined;
    }
  }

  report(now: number): LaneReport {
    return this.#options.account.report(now, this.#blocked);
  }

  #overtake(run: Run): Outgoing | undefined {
    const entry = run.overtaking?.take(run.position);
    if (entry === undefined) return undefined;
    const concluded = ({ verdict }: Word): void => run.overtaking?.settled(entry.seq, verdict === "accepted");
    const outgoing = this.#send(run, entry, false, concluded);
    if (outgoing === undefined) concluded(tooLarge);
    return outgoing;
  }

  /** One at a time, so that what is behind a refused entry does not run further ahead. */
  #repair(run: Run): Outgoing | undefined {
    const repair = run.repairs[0];
    if (repair === undefined || run.repairing) return undefined;
    const { ticket } = repair;
    const [entry] = this.#options.source.read(ticket.seq - 1, 1);
    if (entry?.seq !== ticket.seq) {
      run.repairs = run.repairs.slice(1);
      this.#settle(run, ticket, "hole");
      return undefined;
    }
    run.repairing = true;
    const concluded = (word: Word): void => {
      run.repairs = run.repairs.filter((other) => other.ticket !== ticket);
      run.repairing = false;
      this.#conclude(run, repair, word, entry);
    };
    const outgoing = this.#send(run, entry, true, concluded);
    if (outgoing === undefined) concluded(tooLarge);
    return outgoing;
  }

  #advance(run: Run): Outgoing | undefined {
    const { window, overtaking } = run;
    const { clock, onGap } = this.#options;
    while (run.repairs.length === 0 && window.span < this.#options.window) {
      if (this.#suspicion.stepwise && window.inFlight > 0) return undefined;
      const entry = this.#peek(run);
      if (entry === undefined) return undefined;
      const fate = overtaking?.fate(entry.seq);
      if (fate === "under-way") return undefined;
      if (fate === undefined && entry.seq <= run.backlogEnd && this.#mustWait(run)) return undefined;
      if (entry.seq > run.position + 1) onGap();
      run.at += 1;
      run.position = entry.seq;
      const ticket = window.open(entry.seq);
      if (fate === "delivered") {
        overtaking?.forget(entry.seq);
        this.#settle(run, ticket, "delivered");
        continue;
      }
      const late = entry.seq <= run.backlogEnd || clock.now() - entry.at > lateAfterMs;
      const concluded = (word: Word): void => this.#conclude(run, { ticket, tries: 0 }, word, entry);
      const outgoing = this.#send(run, entry, late, concluded);
      if (outgoing !== undefined) return outgoing;
      concluded(tooLarge);
    }
    return undefined;
  }

  #peek(run: Run): LaneEntry | undefined {
    const known = run.buffer[run.at];
    if (known !== undefined) return known;
    if (!run.mayBeMore) return undefined;
    const limit = Math.min(readAhead, this.#options.window);
    run.buffer = this.#options.source.read(run.position, limit);
    run.at = 0;
    run.mayBeMore = run.buffer.length === limit;
    return run.buffer[0];
  }

  #mustWait(run: Run): boolean {
    const ms = run.pacer.take(this.#options.clock.now());
    if (ms > 0) this.#options.clock.after(ms, () => run.link.wake());
    return ms > 0;
  }

  #send(run: Run, entry: LaneEntry, replayed: boolean, concluded: (word: Word) => void): Outgoing | undefined {
    const { source, telemetry, logger } = this.#options;
    const { lane } = source;
    const [message, ...companions] = deliver(entry, replayed, this.#options, run.link.maximumPacketSize, {
      concluded: (word) => {
        if (run === this.#run) concluded(word);
      },
      refused: (code) => telemetry.count("zhian_uplink_refused_total", { lane, code: String(code) }),
      unheard: () => {
        telemetry.count("zhian_uplink_unheard_total", { lane });
        if (!run.unheard) logger.warn({ lane }, "the city's broker takes messages to which nobody is subscribed");
        run.unheard = true;
      },
      stateRefused: (code) => {
        telemetry.count("zhian_uplink_state_refused_total");
        logger.warn({ subject: entry.subject, reason: describeCode(code) }, "the state of an alarm is refused");
      },
    });
    run.companions.push(...companions);
    return message;
  }

  #conclude(run: Run, { ticket, tries }: Repair, { verdict, code }: Word, entry: LaneEntry): void {
    const again = { ticket, tries: tries + 1 };
    switch (verdict) {
      case "accepted":
        if (run.repairs.length === 0) this.#setBlocked(undefined);
        this.#settle(run, ticket, "delivered");
        break;
      case "poison":
        this.#giveUp(run, again, describeCode(code), entry);
        break;
      case "again":
        if (again.tries >= triesBeforePoison && this.#suspicion.mayGiveUp) {
          this.#giveUp(run, again, `${describeCode(code)}, ${again.tries} times`, entry);
        } else this.#tryAgain(run, again, code, backoffMs(again.tries, this.#options.random, retryBackoff));
        break;
      case "wait":
        this.#tryAgain(run, again, code, backoffMs(again.tries, this.#options.random, retryBackoff));
        break;
      case "blocked":
        this.#tryAgain(run, again, code, blockedForMs);
        break;
    }
  }

  #tryAgain(run: Run, repair: Repair, code: number, ms: number): void {
    run.repairs = [...run.repairs, repair].sort((a, b) => a.ticket.seq - b.ticket.seq);
    this.#setBlocked(describeCode(code));
    this.#pause(run, ms);
  }

  #setBlocked(reason: string | undefined): void {
    if (this.#blocked === reason) return;
    this.#blocked = reason;
    const { logger, source, telemetry } = this.#options;
    telemetry.gauge("zhian_uplink_blocked", reason === undefined ? 0 : 1, { lane: source.lane });
    if (reason === undefined) logger.info({ lane: source.lane }, "the city's broker takes messages again");
    else logger.warn({ lane: source.lane, reason }, "the city's broker does not take messages now");
  }

  /** Sets a message aside: it stays in quarantine, its place is declared as a gap, and the lane goes on. */
  #giveUp(run: Run, { ticket, tries }: Repair, reason: string, known?: LaneEntry): void {
    const { gaps, source, logger, telemetry, onGap } = this.#options;
    const { lane } = source;
    try {
      const entry = known ?? source.read(ticket.seq - 1, 1)[0];
      if (entry?.seq !== ticket.seq) return;
      gaps.quarantine(lane, entry, reason);
    } catch (error) {
      logger.error({ err: error, lane, seq: ticket.seq }, "a message cannot be set aside");
      run.repairs = [{ ticket, tries }, ...run.repairs];
      this.#pause(run, readAgainAfterMs);
      return;
    }
    this.#suspicion.gaveUp();
    this.#setBlocked(undefined);
    telemetry.count("zhian_uplink_quarantined_total", { lane });
    logger.error(
      { lane, seq: ticket.seq, code: "UPLINK_POISON", reason },
      "the city's broker refuses a message for good",
    );
    this.#settle(run, ticket, "quarantined");
    onGap();
  }

  #settle(run: Run, ticket: Ticket, settlement: Settlement): void {
    const passage = run.window.settle(ticket, settlement);
    if (passage === undefined) return;
    this.#options.account.passed(passage);
    if (passage.delivered > 0) this.#suspicion.progressed();
  }

  #pause(run: Run, ms: number): void {
    run.pauses += 1;
    this.#options.clock.after(ms, () => {
      run.pauses -= 1;
      if (run === this.#run) run.link.wake();
    });
  }
}
