/**
 * What to do about a PUBACK (MQTT 5 §3.4.2.1).
 * `accepted` the broker has it · `again` may pass by itself: try again, bounded · `wait` the broker is full: try again
 * without end · `blocked` the set-up at the city is wrong: this lane waits for a person, looking again once a minute ·
 * `poison` this one message will never be taken: set it aside and go on.
 */
export type Verdict = "accepted" | "again" | "wait" | "blocked" | "poison";

interface Meaning {
  readonly name: string;
  readonly verdict: Verdict;
}

/** docs/specs/uplink.md shows the same table; a test keeps the two equal. */
export const pubackMeanings: Readonly<Record<number, Meaning>> = {
  0: { name: "success", verdict: "accepted" },
  16: { name: "no matching subscribers", verdict: "accepted" },
  128: { name: "unspecified error", verdict: "again" },
  131: { name: "implementation specific error", verdict: "again" },
  135: { name: "not authorised", verdict: "blocked" },
  144: { name: "topic name invalid", verdict: "poison" },
  145: { name: "packet identifier in use", verdict: "again" },
  149: { name: "packet too large", verdict: "poison" },
  151: { name: "quota exceeded", verdict: "wait" },
  153: { name: "payload format invalid", verdict: "poison" },
};

/** A code that the standard does not give to a PUBACK is taken as an unspecified error. */
export function verdictOn(code: number): Verdict {
  return pubackMeanings[code]?.verdict ?? (code < 128 ? "accepted" : "again");
}

/** Names of what a broker says in CONNACK and DISCONNECT, where an operator can do something about it. */
const names: Readonly<Record<number, string>> = {
  1: "protocol version not supported",
  2: "client identifier refused",
  3: "server unavailable",
  4: "bad user name or password",
  5: "not authorised",
  129: "malformed packet",
  130: "protocol error",
  132: "protocol version not supported",
  133: "client identifier refused",
  134: "bad user name or password",
  136: "server unavailable",
  137: "server busy",
  138: "banned",
  139: "server shutting down",
  141: "keep-alive time-out",
  142: "session taken over by another client with our name",
  147: "receive maximum exceeded",
  150: "message rate too high",
  152: "administrative action",
  154: "retained messages not supported",
  155: "QoS not supported",
  156: "use another server",
  157: "server moved",
  159: "connection rate exceeded",
  160: "maximum connect time",
};

/** `0x86 bad user name or password` */
export function describeCode(code: number): string {
  const name = names[code] ?? pubackMeanings[code]?.name ?? "unknown reason";
  return `0x${code.toString(16).padStart(2, "0")} ${name}`;
}
