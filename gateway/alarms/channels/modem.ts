import type { Clock } from "../../ports/clock.ts";
import { ModemFailure, sendFailure } from "./modem-failure.ts";
import {
  type FinalResult,
  finalResult,
  ModemLines,
  type ModemWord,
  messageReference,
  registration,
  signalDbm,
} from "./modem-lines.ts";
import type { ModemPort, OpenModemPort } from "./modem-port.ts";
import type { SubmitPdu } from "./sms-pdu.ts";

export interface ModemLine {
  readonly path: string;
  readonly baudRate: number;
}

/** Gives out the PIN only while no SIM has refused it: three wrong ones lock a SIM. */
export interface PinBox {
  take(): string | undefined;
  /** It was right: it may be taken again, as after the modem lost its power. */
  accepted(): void;
}

export interface ModemHealth {
  /** Absent where the modem does not know. */
  readonly signalDbm?: number;
}

const answerWithinMs = 2000;
const promptWithinMs = 5000;
/** TS 27.005 names no bound; networks answer within seconds, and the whole try has less than half a minute. */
const sentWithinMs = 15_000;
const attentionTries = 3;
const quietMs = 300;
const abandon = "\x1b";
const endOfMessage = "\x1a";

interface Awaited {
  accept(word: ModemWord): void;
  lost(): void;
}

/** One conversation with a modem on an open line: command, answer, command. One at a time. */
export class Modem {
  readonly #clock: Clock;
  readonly #lines = new ModemLines();
  #port: ModemPort | undefined;
  #awaited: Awaited | undefined;
  /** Why there is no talking to it any more. */
  #over: string | undefined;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Opens the line. Rejects with a `ModemFailure`, transient: a modem that was unplugged comes back. */
  static async open(line: ModemLine, open: OpenModemPort, clock: Clock): Promise<Modem> {
    const modem = new Modem(clock);
    const listener = {
      received: (bytes: Uint8Array) => {
        for (const word of modem.#lines.push(bytes)) modem.#awaited?.accept(word);
      },
      lost: () => modem.#end("the modem was unplugged"),
    };
    modem.#port = await open(line, listener, clock).catch((error: unknown) => {
      throw new ModemFailure(true, `the modem at ${line.path} ${whyNot(error)}`);
    });
    return modem;
  }

  /** Wakes the modem, sets it up, and makes sure that it is on a network. */
  async prepare(pin: PinBox): Promise<ModemHealth> {
    await this.#attention();
    await this.#command("ATE0");
    await this.#command("AT+CMEE=1");
    await this.#unlock(pin);
    await this.#must("AT+CMGF=0", "does not know PDU mode");
    await this.#registered();
    const { lines } = await this.#command("AT+CSQ");
    const dbm = lines.map(signalDbm).find((value) => value !== undefined);
    return dbm === undefined ? {} : { signalDbm: dbm };
  }

  /** Sends one PDU; resolves with the network's reference. */
  async submit({ hex, length }: SubmitPdu): Promise<number> {
    const prompted = await this.#say(`AT+CMGS=${length}\r`, promptWithinMs, true);
    if (prompted.prompt !== true) {
      if (prompted.result === undefined) this.#port?.write(abandon);
      throw sendFailure(prompted.result, "does not ask for the message");
    }
    const { result, lines } = await this.#say(`${hex}${endOfMessage}`, sentWithinMs);
    const reference = lines.map(messageReference).find((value) => value !== undefined);
    if (result?.ok === true && reference !== undefined) return reference;
    if (result === undefined) this.#port?.write(abandon);
    throw sendFailure(result?.ok === true ? undefined : result, "does not say what became of the message");
  }

  /** Ends what is waited for. Whoever opens the line next takes the modem out of a half-told message. */
  giveUp(): void {
    this.#end("given up by the gateway");
  }

  async close(): Promise<void> {
    await this.#port?.close();
  }

  #end(why: string): void {
    this.#over ??= why;
    this.#awaited?.lost();
  }

  async #attention(): Promise<void> {
    for (let i = 0; i < attentionTries; i++) {
      // Whoever was here before may have left the modem waiting for a message.
      const { result } = await this.#say(`${abandon}\rAT\r`, answerWithinMs);
      if (result?.ok !== true) continue;
      if (i > 0) await this.#quiet();
      return;
    }
    throw new ModemFailure(true, "the modem does not answer: check its power, and the path and baud rate");
  }

  async #unlock(pin: PinBox): Promise<void> {
    const { lines, result } = await this.#command("AT+CPIN?");
    const state = lines.map((line) => /^\+CPIN: ?(.*)$/.exec(line)?.[1]).find((value) => value !== undefined);
    if (state === "READY") return;
    if (state === "SIM PIN") {
      const code = pin.take();
      if (code === undefined)
        throw new ModemFailure(false, "the SIM wants a PIN, and none that may be tried is configured");
      const { result: entered } = await this.#command(`AT+CPIN="${code}"`);
      if (!entered.ok) throw new ModemFailure(false, "the SIM refuses the PIN; it is not tried again");
      pin.accepted();
      return;
    }
    if (state?.startsWith("SIM PUK") === true) throw new ModemFailure(false, "the SIM is locked and wants its PUK");
    if (!result.ok && result.error === "cme" && (result.code === 10 || result.code === 13)) {
      throw new ModemFailure(false, "there is no SIM, or it is broken");
    }
    throw new ModemFailure(true, `the SIM is not ready${state === undefined ? "" : ` (${state})`}`);
  }

  /** On the circuit-switched network, or on LTE alone (TS 27.007 §7.2, §10.1.22): 1 at home, 5 roaming, 6 and 7 for messages only. */
  async #registered(): Promise<void> {
    let denied = false;
    for (const command of ["AT+CREG?", "AT+CEREG?"]) {
      const { lines } = await this.#command(command);
      const stat = lines.map(registration).findLast((value) => value !== undefined);
      if (stat === 1 || stat === 5 || stat === 6 || stat === 7) return;
      denied ||= stat === 3;
    }
    if (denied) throw new ModemFailure(false, "the network refuses this SIM");
    throw new ModemFailure(true, "the modem is on no network");
  }

  async #must(command: string, otherwise: string): Promise<void> {
    const { result } = await this.#command(command);
    if (!result.ok) throw new ModemFailure(false, `the modem ${otherwise}`);
  }

  /** A command without an answer ends the conversation: an answer that comes late would be taken for that of the next one. */
  async #command(command: string): Promise<{ readonly lines: string[]; readonly result: FinalResult }> {
    const { lines, result } = await this.#say(`${command}\r`, answerWithinMs);
    if (result === undefined) throw new ModemFailure(true, "the modem has stopped answering");
    return { lines, result };
  }

  /** Lets the answers to calls that were given up go by. */
  #quiet(): Promise<void> {
    return new Promise((resolve) => {
      let cancel = this.#clock.after(quietMs, end);
      const again = () => {
        cancel();
        cancel = this.#clock.after(quietMs, end);
      };
      this.#awaited = { accept: again, lost: end };
      const done = () => {
        cancel();
        this.#awaited = undefined;
        resolve();
      };
      function end() {
        done();
      }
    });
  }

  /**
   * Says something and waits for its final result, or for the prompt. Lines in between that are neither are kept for whoever
   * asked: the echo and what the modem says unasked are among them, and are told apart by their form. No result: no answer.
   */
  #say(
    text: string,
    withinMs: number,
    promptEnds = false,
  ): Promise<{ readonly lines: string[]; readonly result?: FinalResult; readonly prompt?: boolean }> {
    return new Promise((resolve, reject) => {
      const lines: string[] = [];
      const settle = (end: () => void) => {
        cancel();
        this.#awaited = undefined;
        end();
      };
      const lost = () => settle(() => reject(new ModemFailure(true, this.#over ?? "")));
      const cancel = this.#clock.after(withinMs, () => settle(() => resolve({ lines })));
      this.#awaited = {
        accept: (word) => {
          if (word.kind === "prompt") {
            if (promptEnds) settle(() => resolve({ lines, prompt: true }));
            return;
          }
          const result = finalResult(word.text);
          if (result !== undefined) settle(() => resolve({ lines, result }));
          else if (lines.length < 64) lines.push(word.text);
        },
        lost,
      };
      if (this.#over !== undefined) lost();
      else this.#port?.write(text);
    });
  }
}

function whyNot(error: unknown): string {
  const text = error instanceof Error ? error.message : "";
  if (/no such file|ENOENT/i.test(text)) return "is not there";
  if (/permission|EACCES/i.test(text)) return "may not be used by the gateway's user";
  return /lock/i.test(text) ? "is in use by another program" : "cannot be opened";
}
