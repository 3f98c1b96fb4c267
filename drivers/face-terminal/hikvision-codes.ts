import type { BodyOf } from "../../gateway/domain/observation.ts";

type Passage = BodyOf<"access.granted">;
type Method = NonNullable<Passage["method"]>;
type Reason = BodyOf<"access.denied">["reason"];

/** What a pair of `majorEventType` and `subEventType` says. */
export type Meaning =
  | { readonly kind: "granted"; readonly method: Method }
  | { readonly kind: "denied"; readonly reason: Reason; readonly method?: Method; readonly blockList?: boolean }
  | { readonly kind: "duress" }
  | { readonly kind: "released"; readonly by: BodyOf<"door.released">["by"] }
  | { readonly kind: "door"; readonly state: BodyOf<"door.state">["state"] }
  | { readonly kind: "fire"; readonly active: boolean; readonly sensor: BodyOf<"fire.detected">["sensor"] }
  | { readonly kind: "contact"; readonly active: boolean; readonly role: string }
  /** Of several parts one may be open while another is closed again: `part` tells them apart. */
  | { readonly kind: "tamper"; readonly active: boolean; readonly part: string }
  | { readonly kind: "fault"; readonly active: boolean; readonly code: string; readonly detail?: string };

const granted = (method: Method): Meaning => ({ kind: "granted", method });
const denied = (reason: Reason, method?: Method): Meaning => {
  return { kind: "denied", reason, ...(method === undefined ? {} : { method }) };
};
const tamper = (active: boolean, part: string): Meaning => ({ kind: "tamper", active, part });
const fault = (active: boolean, code: string, detail?: string): Meaning => {
  return { kind: "fault", active, code, ...(detail === undefined ? {} : { detail }) };
};

/**
 * MAJOR_EVENT 5. Names and numbers: Device Network SDK (Card-Based Access Control) Developer Guide V6.1.5.X, appendix C.1,
 * and the SDK's constants (HCNetSDK.h, MINOR_…); 0x9c by integrations. Of several factors the one that a person cannot lend
 * is named. A time-out says that nobody finished, not that somebody was refused: reason `unknown`.
 */
const events: Readonly<Record<number, Meaning>> = {
  1: granted("card"),
  2: granted("card"),
  3: denied("refused", "card"),
  4: denied("unknown", "card"),
  5: denied("unknown", "card"),
  6: denied("no-right", "card"),
  7: denied("no-right", "card"),
  8: denied("expired", "card"),
  9: denied("not-registered", "card"),
  10: denied("refused"),
  11: denied("refused"),
  12: denied("no-right", "card"),
  13: denied("no-right", "card"),
  14: denied("refused", "password"),
  15: denied("refused"),
  16: granted("other"),
  23: { kind: "released", by: "exit-button" },
  25: { kind: "door", state: "open" },
  26: { kind: "door", state: "closed" },
  27: { kind: "door", state: "forced" },
  28: { kind: "door", state: "held" },
  34: granted("password"),
  36: denied("unknown"),
  38: granted("fingerprint"),
  39: denied("refused", "fingerprint"),
  40: granted("fingerprint"),
  41: denied("refused", "fingerprint"),
  42: denied("unknown", "fingerprint"),
  43: granted("fingerprint"),
  44: denied("refused", "fingerprint"),
  45: denied("unknown", "fingerprint"),
  46: granted("fingerprint"),
  47: denied("refused", "fingerprint"),
  48: denied("unknown", "fingerprint"),
  49: denied("not-registered", "fingerprint"),
  52: { kind: "released", by: "fire" },
  54: granted("face"),
  55: denied("refused", "face"),
  56: denied("unknown", "face"),
  57: granted("face"),
  58: denied("refused", "face"),
  59: denied("unknown", "face"),
  60: granted("face"),
  61: denied("refused", "face"),
  62: denied("unknown", "face"),
  63: granted("face"),
  64: denied("refused", "face"),
  65: denied("unknown", "face"),
  66: granted("face"),
  67: denied("refused", "face"),
  68: denied("unknown", "face"),
  69: granted("fingerprint"),
  70: denied("refused", "fingerprint"),
  71: denied("unknown", "fingerprint"),
  72: granted("fingerprint"),
  73: denied("refused", "fingerprint"),
  74: denied("unknown", "fingerprint"),
  75: granted("face"),
  76: denied("refused", "face"),
  77: granted("face"),
  78: denied("refused", "face"),
  79: denied("unknown", "face"),
  80: denied("refused", "face"),
  94: denied("no-right", "card"),
  101: granted("password"),
  102: denied("refused", "password"),
  103: denied("unknown", "password"),
  104: denied("refused", "face"),
  105: granted("face"),
  112: denied("refused", "face"),
  113: { kind: "denied", reason: "refused", blockList: true },
  117: denied("no-right"),
  118: denied("no-right"),
  119: denied("refused", "card"),
  120: denied("refused"),
  151: denied("refused", "password"),
  152: denied("not-registered"),
  153: granted("other"),
  154: denied("unknown"),
  155: denied("refused"),
  156: granted("qr-code"),
  159: granted("other"),
  160: denied("refused", "other"),
  162: denied("refused", "card"),
  163: denied("refused", "card"),
  164: denied("refused", "card"),
  168: denied("refused", "card"),
  169: denied("refused", "card"),
  170: denied("refused", "card"),
  171: denied("refused", "card"),
  179: granted("password"),
  180: denied("refused", "password"),
  181: granted("password"),
};

/** MAJOR_ALARM 1. */
const alarms: Readonly<Record<number, Meaning>> = {
  1024: fault(true, "alarm-input", "short circuit of an alarm input"),
  1025: fault(true, "alarm-input", "open circuit of an alarm input"),
  1026: fault(true, "alarm-input", "exception of an alarm input"),
  1027: fault(false, "alarm-input"),
  1028: tamper(true, "host"),
  1029: tamper(false, "host"),
  1030: tamper(true, "reader"),
  1031: tamper(false, "reader"),
  1032: { kind: "contact", active: true, role: "event-input" },
  1033: { kind: "contact", active: false, role: "event-input" },
  1034: { kind: "duress" },
  1036: denied("refused", "card"),
  1039: tamper(true, "door-unit"),
  1040: tamper(false, "door-unit"),
  1045: fault(true, "fire-input", "short circuit of the fire input"),
  1046: fault(true, "fire-input", "open circuit of the fire input"),
  1047: fault(false, "fire-input"),
  1048: { kind: "fire", active: true, sensor: "call-point" },
  1049: { kind: "fire", active: false, sensor: "call-point" },
  1052: { kind: "contact", active: true, role: "panic-button" },
  1053: { kind: "contact", active: false, role: "panic-button" },
  1058: tamper(true, "lane"),
  1059: tamper(false, "lane"),
  1060: { kind: "fire", active: true, sensor: "unknown" },
  1061: { kind: "fire", active: false, sensor: "unknown" },
};

/** MAJOR_EXCEPTION 2: those that have an end of their own, else the fault would stand for ever. */
const exceptions: Readonly<Record<number, Meaning>> = {
  1027: fault(true, "battery-low"),
  1028: fault(false, "battery-low"),
  1029: fault(true, "mains-lost"),
  1030: fault(false, "mains-lost"),
  1033: fault(true, "reader-offline"),
  1034: fault(false, "reader-offline"),
  1039: fault(true, "door-unit-offline"),
  1040: fault(false, "door-unit-offline"),
  1041: fault(true, "battery-low"),
  1042: fault(false, "battery-low"),
  1057: fault(true, "camera-lost"),
  1058: fault(false, "camera-lost"),
};

/** MAJOR_OPERATION 3: 0x400 open, 0x402 keep open, 0x41d and 0x41e the same by a key fob. */
const remote: Meaning = { kind: "released", by: "remote" };
const operations: Readonly<Record<number, Meaning>> = {
  1024: remote,
  1026: remote,
  1053: remote,
  1054: remote,
};

const byMajor: Readonly<Record<number, Readonly<Record<number, Meaning>>>> = {
  1: alarms,
  2: exceptions,
  3: operations,
  5: events,
};

/** Both numbers count: 0x400 is a short circuit, a start, or a remote opening. Undefined for what means no observation here. */
export function meaningOf(major: number, sub: number): Meaning | undefined {
  return byMajor[major]?.[sub];
}
