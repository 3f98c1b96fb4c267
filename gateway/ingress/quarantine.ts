import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Rejection } from "../ports/driver.ts";
import type { Logger } from "../ports/telemetry.ts";
import { RecentMap } from "./recent-map.ts";
import { SparseLog } from "./sparse-log.ts";
import { presentable } from "./strangers.ts";

/** A rejection as it is kept for inspection: what was wrong and where, never what was said. */
export interface Quarantined extends Rejection {
  readonly deviceId: DeviceId;
  /** Epoch ms, wall clock. */
  readonly at: number;
}

/** How many are kept. */
export const quarantineKeeps = 200;
const detailLength = 500;

export interface QuarantineOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The newest items of input that could not be used. The counts of all are in the device's accounts. */
export class Quarantine {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #log: SparseLog;
  readonly #kept = new RecentMap<number, Quarantined>(quarantineKeeps);
  #count = 0;

  constructor({ clock, logger }: QuarantineOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#log = new SparseLog(clock);
  }

  /** Answers with what is kept of it. */
  add(deviceId: DeviceId, { reason, detail, source, bytes }: Rejection): Quarantined {
    const rejection: Rejection = {
      reason,
      detail: presentable(detail, detailLength),
      source: presentable(source),
      ...(bytes === undefined ? {} : { bytes }),
    };
    const kept = { deviceId, at: this.#clock.wall(), ...rejection };
    this.#kept.put(this.#count++, kept);
    this.#log.note(`${deviceId}\n${reason}`, (count) =>
      this.#logger.warn({ deviceId, ...rejection, count }, "input of a device could not be used"),
    );
    return kept;
  }

  /** Newest first, at most 200. */
  newest(): readonly Quarantined[] {
    return this.#kept.values().reverse();
  }
}
