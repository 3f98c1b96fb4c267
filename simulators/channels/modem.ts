import type { Duplex } from "node:stream";
import { readSubmit, type Submitted } from "./pdu.ts";

export interface ModemFaults {
  /** Takes what it is told and never answers. */
  readonly silent?: boolean;
  /** Answers so much later, ms. */
  readonly lateMs?: number;
  /** Answers in pieces of so many bytes. */
  readonly pieces?: number;
  /** Says something unasked before each answer. */
  readonly chatters?: boolean;
  /** Noise before each answer. */
  readonly noise?: boolean;
  /** Shows the prompt and then does not answer to the message. */
  readonly hangsAfterPrompt?: boolean;
  /** Answers AT+CMGS with this instead of the prompt. */
  readonly insteadOfPrompt?: string;
  /** Answers the message with this: `+CMS ERROR: 38`. By number where given. */
  readonly refuses?: string;
  readonly refusesNumber?: Readonly<Record<string, string>>;
}

/** A GSM modem on its AT port: 3GPP TS 27.005 and 27.007 as far as sending goes. */
export class GsmModem {
  faults: ModemFaults = {};
  echo = true;
  /** `+CREG` and `+CEREG`: 1 at home, 5 roaming, 0 and 2 searching, 3 denied. */
  registration = 1;
  lteRegistration = 0;
  /** 0 to 31, 99 unknown. */
  rssi = 20;
  sim: "READY" | "SIM PIN" | "SIM PUK" | "none" = "READY";
  pin = "1234";
  pinTries = 3;
  /** Everything that was sent, a part each. */
  readonly sent: Submitted[] = [];
  /** Every line that it was told, PINs included. */
  readonly heard: string[] = [];
  readonly #port: Duplex;
  readonly #parts = new Map<string, Submitted[]>();
  /** Whole texts by number, as telephones show them. */
  readonly inbox: { readonly to: string; readonly text: string }[] = [];
  #input = "";
  #awaitsMessageOf: number | undefined;
  #pduMode = false;
  #reference = 0;
  #out: Promise<void> = Promise.resolve();

  constructor(port: Duplex) {
    this.#port = port;
    port.on("data", (data: Buffer) => this.#hear(data.toString("latin1")));
  }

  /** Says something that nobody asked for. */
  say(text: string): void {
    this.#write(`\r\n${text}\r\n`);
  }

  #hear(text: string): void {
    for (const character of text) {
      if (this.echo && character !== "\x1b" && character !== "\x1a" && this.faults.silent !== true)
        this.#write(character);
      if (character === "\x1b") {
        this.#input = "";
        this.#awaitsMessageOf = undefined;
      } else if (this.#awaitsMessageOf !== undefined) {
        if (character === "\x1a") this.#reply(this.#take(this.#awaitsMessageOf));
        else this.#input += character;
      } else if (character === "\r") {
        const line = this.#input.trim();
        this.#input = "";
        if (line !== "") {
          this.heard.push(line);
          this.#obey(line.toUpperCase(), line);
        }
      } else if (character !== "\n") this.#input += character;
    }
  }

  #obey(line: string, asWritten: string): void {
    // V.250 §5.2.1: what stands before the prefix is passed over.
    const command = line.slice(line.lastIndexOf("AT")).slice(2);
    if (!line.includes("AT")) return;
    const set = /^\+CMGS=(\d+)$/.exec(command);
    if (set?.[1] !== undefined) this.#reply(this.#prompt(Number(set[1])));
    else if (/^\+CPIN="?(\d+)"?$/.test(command)) this.#reply(this.#enter(/"?(\d+)"?$/.exec(asWritten)?.[1] ?? ""));
    else this.#answer(command);
  }

  #answer(command: string): void {
    const wellKnown: Readonly<Record<string, () => string[]>> = {
      "": () => ["OK"],
      E0: () => {
        this.echo = false;
        return ["OK"];
      },
      E1: () => {
        this.echo = true;
        return ["OK"];
      },
      "+CMEE=1": () => ["OK"],
      "+CPIN?": () => (this.sim === "none" ? ["+CME ERROR: 10"] : [`+CPIN: ${this.sim}`, "OK"]),
      "+MODE=2": () => ["ERROR"],
      "+CGMI": () => ["Simulated", "OK"],
      "+CGMM": () => ["SIM-1", "OK"],
      "+CGMR": () => ["1.0", "OK"],
      I4: () => ["SIM-1", "OK"],
      "+CSCS?": () => ['+CSCS: "GSM"', "OK"],
      "+CSCS=?": () => ['+CSCS: ("GSM","UCS2")', "OK"],
      '+CSCS="GSM"': () => ["OK"],
      '+CSCS="UCS2"': () => ["OK"],
      "+CSMS?": () => ["+CSMS: 0,1,1,1", "OK"],
      "+CSMS=0": () => ["OK"],
      "+CPMS=?": () => ['+CPMS: ("SM"),("SM"),("SM")', "OK"],
      "+CFUN=1": () => ["OK"],
      "+CMGF=?": () => ["+CMGF: (0,1)", "OK"],
      "+CNMI=?": () => ["+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)", "OK"],
      "+CMGF=0": () => {
        this.#pduMode = true;
        return ["OK"];
      },
      "+CREG?": () => [`+CREG: 0,${this.registration}`, "OK"],
      "+CEREG?": () => [`+CEREG: 0,${this.lteRegistration}`, "OK"],
      "+CSQ": () => [`+CSQ: ${this.rssi},99`, "OK"],
    };
    this.#reply((wellKnown[command] ?? (() => ["ERROR"]))());
  }

  #enter(pin: string): readonly string[] {
    if (this.sim !== "SIM PIN") return ["+CME ERROR: 3"];
    if (pin === this.pin) {
      this.sim = "READY";
      return ["OK"];
    }
    this.pinTries--;
    if (this.pinTries === 0) this.sim = "SIM PUK";
    return ["+CME ERROR: 16"];
  }

  #prompt(length: number): readonly string[] {
    const { insteadOfPrompt } = this.faults;
    if (insteadOfPrompt !== undefined) return [insteadOfPrompt];
    if (!this.#pduMode) return ["+CMS ERROR: 302"];
    this.#awaitsMessageOf = length;
    this.#input = "";
    if (this.faults.silent !== true) this.#write("\r\n> ");
    return [];
  }

  #take(length: number): readonly string[] {
    this.#awaitsMessageOf = undefined;
    const hex = this.#input.trim();
    this.#input = "";
    if (this.faults.hangsAfterPrompt === true) return [];
    let submitted: Submitted;
    try {
      submitted = readSubmit(hex, length);
    } catch {
      return ["+CMS ERROR: 304"];
    }
    const refusal = this.faults.refusesNumber?.[submitted.to] ?? this.faults.refuses;
    if (refusal !== undefined) return [refusal];
    this.sent.push(submitted);
    this.#deliver(submitted);
    this.#reference = (this.#reference + 1) % 256;
    return [`+CMGS: ${this.#reference}`, "OK"];
  }

  #deliver(submitted: Submitted): void {
    const { to, text, part } = submitted;
    if (part === undefined) {
      this.inbox.push({ to, text });
      return;
    }
    const key = `${to} ${part.reference} ${part.of}`;
    const parts = [...(this.#parts.get(key) ?? []), submitted];
    this.#parts.set(key, parts);
    const whole = Array.from({ length: part.of }, (_, i) => parts.find((one) => one.part?.number === i + 1)?.text);
    if (whole.includes(undefined)) return;
    this.#parts.delete(key);
    this.inbox.push({ to, text: whole.join("") });
  }

  #reply(lines: readonly string[]): void {
    const { silent, chatters, noise } = this.faults;
    if (silent === true || lines.length === 0) return;
    const before = [
      ...(noise === true ? ["\xff\x00\x80~~"] : []),
      ...(chatters === true ? ["RING", '+CREG: 1,"1A2B","00C3D4E5"', '+CMTI: "SM",3', "^RSSI:17"] : []),
    ];
    for (const line of [...before, ...lines]) this.#write(`\r\n${line}\r\n`);
  }

  #write(text: string): void {
    const { lateMs = 0, pieces } = this.faults;
    const bytes = Buffer.from(text, "latin1");
    const size = pieces ?? (bytes.length || 1);
    this.#out = this.#out.then(async () => {
      if (lateMs > 0) await new Promise((resolve) => setTimeout(resolve, lateMs));
      for (let at = 0; at < bytes.length; at += size) {
        if (pieces !== undefined) await new Promise((resolve) => setImmediate(resolve));
        if (!this.#port.destroyed) this.#port.write(bytes.subarray(at, at + size));
      }
    });
  }
}
