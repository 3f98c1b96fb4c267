/** A line as the configuration names it. */
export interface LineSettings {
  readonly id: string;
  /** Resolved anew at each opening, so that a /dev/serial/by-id link finds the adapter in another socket. */
  readonly path: string;
  readonly baudRate: number;
  readonly parity: "none" | "even" | "odd";
  /** RTU needs 8; 7 is refused there. */
  readonly dataBits: 7 | 8;
  readonly stopBits: 1 | 2;
  /** Does the adapter hear itself? Absent: found out with each request. */
  readonly echo?: boolean;
  /** A slave begins its answer within this after the request's end, or never. Default 1000. */
  readonly lateBoundMs?: number;
  /** A slave that sends an answer twice begins the second within this after the first. Default 100. */
  readonly doubleBoundMs?: number;
  /** False for a port without a wire of this baud rate, as serial over a network. Absent: true but for pseudo-terminals. */
  readonly paced?: boolean;
  /** How long the adapter may hold bytes back: 16 ms in FTDI adapters as shipped. Default 20. */
  readonly latencyMs?: number;
  /** One device speaks here by itself, and we never do. */
  readonly feed?: boolean;
}

/** All times of a line that follow from its settings, ms. */
export interface Timing {
  /** t3.5: the silence that ends a frame. */
  readonly silenceMs: number;
  /** Silence as it can be seen through the adapter's buffer. */
  readonly quietMs: number;
  readonly lateBoundMs: number;
  readonly doubleBoundMs: number;
  readonly latencyMs: number;
  /** From the first start bit to the last stop bit. */
  wireMs(bytes: number): number;
  /** The longest frame there is, and the silence after it. */
  readonly longestReplyMs: number;
}

/** MODBUS over serial line V1.02, §2.5.1: an RTU frame has at most 256 bytes. */
const longestFrame = 256;
/** §2.5.1: above this rate t3.5 is fixed, since interrupts could not keep up with shorter ones. */
const fixedSilenceAbove = 19_200;
const fixedSilenceMs = 1.75;
/** §2.5.1: a character has 11 bits. Where a line is set to 10 the slaves may still count 11, so the silence does too. */
const silenceBits = 3.5 * 11;

/**
 * t1.5, the silence allowed within a frame, has no place here: a program sees bytes when the adapter hands them over,
 * in lumps up to `latencyMs` apart, and would refuse good frames. Length and checksum find what t1.5 would.
 */
export function timingOf(settings: LineSettings): Timing {
  const bits = 1 + settings.dataBits + (settings.parity === "none" ? 0 : 1) + settings.stopBits;
  const wireMs = (bytes: number) => (bytes * bits * 1000) / settings.baudRate;
  const silenceMs = settings.baudRate > fixedSilenceAbove ? fixedSilenceMs : (silenceBits * 1000) / settings.baudRate;
  const latencyMs = settings.latencyMs ?? 20;
  return {
    silenceMs,
    quietMs: silenceMs + latencyMs,
    lateBoundMs: settings.lateBoundMs ?? 1000,
    doubleBoundMs: settings.doubleBoundMs ?? 100,
    latencyMs,
    wireMs,
    longestReplyMs: wireMs(longestFrame) + silenceMs,
  };
}
