import type { FinalResult } from "./modem-lines.ts";

/** Why the modem could not do it, in a word that says whether it may later. */
export class ModemFailure extends Error {
  readonly transient: boolean;
  /** True where only this number is concerned and the next may work. */
  readonly ofNumber: boolean;

  constructor(transient: boolean, message: string, ofNumber = false) {
    super(message);
    this.name = "ModemFailure";
    this.transient = transient;
    this.ofNumber = ofNumber;
  }
}

/** Of the number itself (TS 24.011 annex E-2, TS 27.005 §3.2.5). */
const numberFaults: Readonly<Record<number, string>> = {
  1: "the number is not assigned",
  28: "the subscriber is not identified",
  30: "the subscriber is unknown",
};
/** Of the SIM, the subscription or the modem: not to be healed by waiting. */
const lastingFaults: Readonly<Record<number, string>> = {
  8: "the operator bars messages",
  10: "calls and messages are barred",
  21: "the network rejects the message",
  50: "messages are not part of the subscription",
  69: "the network does not do this",
  302: "the modem does not allow it",
  303: "the modem does not support it",
  304: "the modem does not understand the message",
  310: "there is no SIM",
  311: "the SIM wants its PIN",
  313: "the SIM is broken",
  316: "the SIM wants its PUK",
  330: "the number of the service centre is not known",
};

/** What a failed AT+CMGS means. Codes that no standard lists, and plain ERROR, may pass. */
export function sendFailure(result: FinalResult | undefined, otherwise: string): ModemFailure {
  if (result === undefined || result.ok) return new ModemFailure(true, `the modem ${otherwise}`);
  const { error, code } = result;
  if (error !== "cms" || code === undefined) {
    return new ModemFailure(
      true,
      `the modem says ${error === "plain" ? "ERROR" : `+CM${error === "cme" ? "E" : "S"} ERROR ${code ?? ""}`.trim()}`,
    );
  }
  const ofNumber = numberFaults[code];
  if (ofNumber !== undefined) return new ModemFailure(false, `${ofNumber} (+CMS ERROR ${code})`, true);
  const lasting = lastingFaults[code];
  if (lasting !== undefined) return new ModemFailure(false, `${lasting} (+CMS ERROR ${code})`);
  return new ModemFailure(true, `the message was not taken (+CMS ERROR ${code})`);
}
