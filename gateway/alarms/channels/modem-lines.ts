/** What a modem says: a line, or the prompt after which it wants a message. */
export type ModemWord = { readonly kind: "line"; readonly text: string } | { readonly kind: "prompt" };

/** A longer line is noise, and is let go. */
const maxLine = 2048;
const cr = 0x0d;
const lf = 0x0a;
const space = 0x20;
const greaterThan = 0x3e;

/** Cuts what a modem sends into words (3GPP TS 27.007 §4). Empty lines are left out; bytes that are no ASCII become dots. */
export class ModemLines {
  #line = "";
  #overlong = false;

  push(bytes: Uint8Array): ModemWord[] {
    const words: ModemWord[] = [];
    for (const byte of bytes) {
      if (byte === cr || byte === lf) {
        const text = this.#line.trim();
        if (text !== "" && !this.#overlong) words.push({ kind: "line", text });
        this.reset();
      } else if (byte === space && this.#line === ">" && !this.#overlong) {
        // TS 27.005 §3.5.1: the four characters CR LF > space, and no end of line after them.
        words.push({ kind: "prompt" });
        this.reset();
      } else if (this.#line.length >= maxLine) {
        this.#overlong = true;
      } else if (byte === greaterThan || byte >= space || byte === 0x09) {
        this.#line += byte < 0x7f ? String.fromCharCode(byte) : ".";
      }
    }
    return words;
  }

  reset(): void {
    this.#line = "";
    this.#overlong = false;
  }
}

/** How a command ended. */
export type FinalResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: "plain" | "cme" | "cms"; readonly code?: number };

/** A final result code (TS 27.007 §9.2, TS 27.005 §3.2.5, V.250 §5.7.1); absent for every other line. */
export function finalResult(line: string): FinalResult | undefined {
  if (line === "OK") return { ok: true };
  if (/^(ERROR|NO CARRIER|NO DIALTONE|BUSY|NO ANSWER|COMMAND NOT SUPPORT)$/.test(line))
    return { ok: false, error: "plain" };
  const match = /^\+CM([ES]) ERROR: ?(.*)$/.exec(line);
  if (match === null) return undefined;
  const error = match[1] === "E" ? "cme" : "cms";
  const code = /^\d{1,5}$/.test(match[2] ?? "") ? Number(match[2]) : undefined;
  return { ok: false, error, ...(code === undefined ? {} : { code }) };
}

/** `+CREG: n,stat[,…]`, the answer to a question; an unsolicited `+CREG: stat[,"lac",…]` is none (TS 27.007 §7.2). */
export function registration(line: string): number | undefined {
  const stat = /^\+C(?:|G|E)REG: ?\d,(\d{1,2})(?:,|$)/.exec(line)?.[1];
  return stat === undefined ? undefined : Number(stat);
}

/** `+CSQ: rssi,ber` in dBm (TS 27.007 §8.5); absent where the modem does not know. */
export function signalDbm(line: string): number | undefined {
  const rssi = Number(/^\+CSQ: ?(\d{1,2}),/.exec(line)?.[1] ?? "99");
  return rssi <= 31 ? 2 * rssi - 113 : undefined;
}

/** `+CMGS: mr[,…]`: the message's reference on its way. */
export function messageReference(line: string): number | undefined {
  const reference = /^\+CMGS: ?(\d{1,3})(?:,|$)/.exec(line)?.[1];
  return reference === undefined ? undefined : Number(reference);
}
