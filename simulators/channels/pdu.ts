/** An SMS-SUBMIT as a service centre reads it (3GPP TS 23.040 §9.2.2.2). */
export interface Submitted {
  /** Absent: the one on the SIM. */
  readonly serviceCentre?: string;
  readonly to: string;
  readonly text: string;
  /** Minutes; absent where the message sets none. */
  readonly validForMinutes?: number;
  /** Of a part of a longer text. */
  readonly part?: { readonly reference: number; readonly of: number; readonly number: number };
}

/** Reads hexadecimal digits one after the other. */
class Digits {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    if (!/^([0-9A-Fa-f]{2})*$/.test(text)) throw new Error("not hexadecimal");
    this.#text = text;
  }

  get left(): number {
    return (this.#text.length - this.#at) / 2;
  }

  take(octets: number): string {
    if (octets > this.left) throw new Error("the message is shorter than it says");
    const taken = this.#text.slice(this.#at, this.#at + 2 * octets);
    this.#at += 2 * octets;
    return taken;
  }

  octet(): number {
    return Number.parseInt(this.take(1), 16);
  }
}

/** `length` is the argument of AT+CMGS: octets after the service centre. Throws with what is wrong. */
export function readSubmit(hex: string, length: number): Submitted {
  const digits = new Digits(hex);
  const centreOctets = digits.octet();
  const serviceCentre = centreOctets === 0 ? undefined : telephone(digits.take(centreOctets), 2 * (centreOctets - 1));
  if (digits.left !== length) throw new Error(`${digits.left} octets follow, ${length} were announced`);
  const first = digits.octet();
  if ((first & 0b11) !== 0b01) throw new Error("not an SMS-SUBMIT");
  digits.octet();
  const numberDigits = digits.octet();
  const to = telephone(digits.take(1 + Math.ceil(numberDigits / 2)), numberDigits);
  if (digits.octet() !== 0) throw new Error("a protocol of its own is asked for");
  if (digits.octet() !== 8) throw new Error("not UCS-2");
  const format = (first >> 3) & 0b11;
  if (format !== 0 && format !== 2) throw new Error("a validity period that is not relative");
  const validForMinutes = format === 2 ? minutes(digits.octet()) : undefined;
  const userOctets = digits.octet();
  if (userOctets > 140) throw new Error("more than 140 octets");
  if (digits.left !== userOctets) throw new Error(`${digits.left} octets of text, ${userOctets} were announced`);
  const part = (first & 0x40) === 0 ? undefined : header(digits);
  return {
    ...(serviceCentre === undefined ? {} : { serviceCentre }),
    to,
    text: ucs2(digits.take(digits.left)),
    ...(validForMinutes === undefined ? {} : { validForMinutes }),
    ...(part === undefined ? {} : { part }),
  };
}

function header(digits: Digits): Submitted["part"] {
  const all = new Digits(digits.take(digits.octet()));
  let found: Submitted["part"];
  while (all.left > 0) {
    const element = all.octet();
    const value = new Digits(all.take(all.octet()));
    if (element === 0) found = { reference: value.octet(), of: value.octet(), number: value.octet() };
  }
  if (found === undefined) throw new Error("a header without parts");
  if (found.number < 1 || found.number > found.of) throw new Error("a part that there is not");
  return found;
}

/** Type of address, then the digits in swapped pairs, padded with F. */
function telephone(text: string, digits: number): string {
  const type = text.slice(0, 2);
  const swapped = text.slice(2).replace(/(.)(.)/g, "$2$1");
  const padded = digits % 2 === 1;
  const number = swapped.replace(/F$/i, "");
  if (padded !== /F$/i.test(swapped) && digits !== swapped.length) throw new Error("a number of another length");
  if (!/^\d+$/.test(number)) throw new Error("a number that is none");
  return `${type === "91" ? "+" : ""}${number}`;
}

function minutes(code: number): number {
  if (code <= 143) return (code + 1) * 5;
  if (code <= 167) return 720 + (code - 143) * 30;
  if (code <= 196) return (code - 166) * 1440;
  return (code - 192) * 10_080;
}

function ucs2(text: string): string {
  if (text.length % 4 !== 0) throw new Error("half a character");
  let read = "";
  for (let at = 0; at < text.length; at += 4) {
    read += String.fromCharCode(Number.parseInt(text.slice(at, at + 4), 16));
  }
  return read;
}
