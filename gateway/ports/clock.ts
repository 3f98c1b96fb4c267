/** How far the wall clock can be believed; every message to the city carries it. */
export interface ClockQuality {
  /** `synchronised`: the system says so. `assumed`: plausible, nobody vouches for it. `unsynchronised`: known to be wrong. */
  readonly state: "synchronised" | "assumed" | "unsynchronised";
  /** Sum of the steps that the wall clock made since the start, ms. */
  readonly steppedMs: number;
}

/** The only source of time and of timers. */
export interface Clock {
  /**
   * Log time, ms since the epoch by the wall clock at start, then by the monotonic clock: it never goes back and does
   * not follow a step of the wall clock. All windows, timers and deadlines use it.
   */
  now(): number;
  /** The wall clock, ms since the epoch. For people and for other machines only. */
  wall(): number;
  quality(): ClockQuality;
  /** Calls once after `ms`; the result cancels. Does not keep the process alive. */
  after(ms: number, call: () => void): () => void;
}
