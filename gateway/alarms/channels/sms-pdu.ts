import { createHash } from "node:crypto";

/** One SMS-SUBMIT as AT+CMGS wants it. */
export interface SubmitPdu {
  /** Service centre and TPDU, hexadecimal. */
  readonly hex: string;
  /** Octets of the TPDU alone: the argument of AT+CMGS in PDU mode (3GPP TS 27.005 §3.5.1, §4.3). */
  readonly length: number;
}

export interface SubmitOptions {
  /** E.164 with its plus. */
  readonly to: string;
  /** Number of the service centre, E.164; else the one on the SIM. */
  readonly smsc?: string;
  /** How long the network keeps it for a telephone that is off, ms; at least 5 minutes, absent: as long as it likes. */
  readonly validForMs?: number;
  /** Joins the parts of one message: equal in all of them (TS 23.040 §9.2.3.24.1). */
  readonly reference: number;
}

/** 140 octets of user data, two a unit; six octets of header in each part of a longer text (TS 23.040 §9.2.3.24). */
const unitsAlone = 70;
const unitsOfPart = 67;
/** What two parts hold. */
export const unitsOfTwoParts = 2 * unitsOfPart;

const dcsUcs2 = 0x08;
const internationalIsdn = 0x91;
const typeSubmit = 0x01;
const relativeValidity = 0x10;
const headerIndicator = 0x40;

/** Cuts a text into what fits one message each, never between the halves of a pair. */
export function splitText(text: string): string[] {
  const whole = text.toWellFormed();
  if (whole.length <= unitsAlone) return [whole];
  const parts: string[] = [];
  for (let at = 0; at < whole.length; ) {
    let part = whole.slice(at, at + unitsOfPart);
    if (!part.isWellFormed()) part = part.slice(0, -1);
    parts.push(part);
    at += part.length;
  }
  return parts;
}

/** A text in UCS-2 as one or more SMS-SUBMIT PDUs (TS 23.040 §9.2.2.2), at most 255. */
export function submitPdus(text: string, options: SubmitOptions): SubmitPdu[] {
  const parts = splitText(text);
  if (parts.length > 255) throw new Error("a text message has at most 255 parts");
  return parts.map((part, i) => {
    const header = parts.length === 1 ? [] : [0x05, 0x00, 0x03, options.reference & 0xff, parts.length, i + 1];
    return submitPdu(part, header, options);
  });
}

function submitPdu(text: string, header: readonly number[], { to, smsc, validForMs }: SubmitOptions): SubmitPdu {
  const userData = [...header, ...ucs2(text)];
  const first =
    typeSubmit | (validForMs === undefined ? 0 : relativeValidity) | (header.length === 0 ? 0 : headerIndicator);
  const tpdu = [
    first,
    // TP-MR: the modem fills it in.
    0x00,
    ...destination(to),
    0x00,
    dcsUcs2,
    ...(validForMs === undefined ? [] : [validity(validForMs)]),
    userData.length,
    ...userData,
  ];
  return {
    hex: Buffer.from([...serviceCentre(smsc), ...tpdu])
      .toString("hex")
      .toUpperCase(),
    length: tpdu.length,
  };
}

/** 8 bits that are equal in every try of a push to a person. */
export function referenceOf(pushId: string, person: string): number {
  return createHash("sha256").update(`${pushId}\n${person}`).digest()[0] ?? 0;
}

/** TP-VP, relative (TS 23.040 §9.2.3.12.1): 5-minute steps to 12 h, half hours to a day, days to 30, weeks to 63; rounded up. */
function validity(ms: number): number {
  const minutes = ms / 60_000;
  const steps: readonly [upTo: number, code: number][] = [
    [720, Math.ceil(minutes / 5) - 1],
    [1440, 143 + Math.ceil((minutes - 720) / 30)],
    [43_200, 166 + Math.ceil(minutes / 1440)],
    [635_040, 192 + Math.ceil(minutes / 10_080)],
  ];
  const code = steps.find(([upTo]) => minutes <= upTo)?.[1] ?? 255;
  return Math.min(Math.max(code, 0), 255);
}

/** Length in digits, type, and swapped half octets (TS 23.040 §9.1.2.5). */
function destination(number: string): number[] {
  const digits = digitsOf(number);
  return [digits.length, internationalIsdn, ...halfOctets(digits)];
}

/** Length in octets, its type counted in; 0 for the one on the SIM (TS 27.005 §3.1, `<pdu>`). */
function serviceCentre(number: string | undefined): number[] {
  if (number === undefined) return [0x00];
  const octets = halfOctets(digitsOf(number));
  return [octets.length + 1, internationalIsdn, ...octets];
}

function digitsOf(number: string): string {
  const digits = /^\+([1-9]\d{3,14})$/.exec(number)?.[1];
  if (digits === undefined) throw new Error("not an E.164 number");
  return digits;
}

function halfOctets(digits: string): number[] {
  const even = digits.length % 2 === 0 ? digits : `${digits}F`;
  return [...even.matchAll(/../g)].map(([pair]) => Number.parseInt(`${pair[1]}${pair[0]}`, 16));
}

function ucs2(text: string): number[] {
  return [...Buffer.from(text, "utf16le").swap16()];
}
