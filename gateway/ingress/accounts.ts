import type { DeviceHealth } from "../domain/device.ts";
import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Appended } from "../ports/logs.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { MessageRate } from "./message-rate.ts";
import type { Quarantined } from "./quarantine.ts";

/**
 * Where everything went that one device said, in items (an observation, or a message that is none):
 * received = stored + duplicate + filtered + quarantined + withheld + pending, at every moment.
 */
export interface Conservation {
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  /** By reason. */
  readonly filtered: Readonly<Record<string, number>>;
  /** By reason. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** The log refused them; they were not acknowledged, and the device still has them. */
  readonly withheld: number;
  /** On their way into the log. */
  readonly pending: number;
}

/** Reasons beyond this many are counted together: a driver's reasons are few, a faulty one's must stay bounded. */
const mostReasons = 64;

export class Accounts {
  readonly #telemetry: Telemetry;
  readonly #device: { readonly device: DeviceId };
  readonly #filtered = new Map<string, number>();
  readonly #quarantined = new Map<string, number>();
  readonly #rate: MessageRate;
  #last: Quarantined | undefined;
  #received = 0;
  #stored = 0;
  #duplicate = 0;
  #withheld = 0;
  #pending = 0;

  constructor(deviceId: DeviceId, telemetry: Telemetry, clock: Clock) {
    this.#rate = new MessageRate(clock);
    this.#device = { device: deviceId };
    this.#telemetry = telemetry;
  }

  /** Items on their way into the log; each call is followed by one of `appended` or `withheld`. */
  begun(items: number): void {
    this.#receive(items);
    this.#pending += items;
  }

  appended(results: readonly Appended[]): void {
    const duplicate = results.filter((result) => result.duplicate).length;
    const stored = results.length - duplicate;
    this.#pending -= results.length;
    this.#stored += stored;
    this.#duplicate += duplicate;
    if (stored > 0) this.#telemetry.count("zhian_ingress_stored_total", this.#device, stored);
    if (duplicate > 0) this.#telemetry.count("zhian_ingress_duplicate_total", this.#device, duplicate);
  }

  withheld(items: number): void {
    this.#pending -= items;
    this.#withheld += items;
    this.#telemetry.count("zhian_ingress_withheld_total", this.#device, items);
  }

  filtered(reason: string): void {
    this.#receive(1);
    const label = add(this.#filtered, reason);
    this.#telemetry.count("zhian_ingress_filtered_total", { ...this.#device, reason: label });
  }

  /** As it was kept for inspection. */
  quarantined(item: Quarantined): void {
    this.#receive(1);
    this.#last = item;
    const label = add(this.#quarantined, item.reason);
    this.#telemetry.count("zhian_ingress_quarantined_total", { ...this.#device, reason: label });
  }

  conservation(): Conservation {
    return {
      received: this.#received,
      stored: this.#stored,
      duplicate: this.#duplicate,
      filtered: Object.fromEntries(this.#filtered),
      quarantined: Object.fromEntries(this.#quarantined),
      withheld: this.#withheld,
      pending: this.#pending,
    };
  }

  health(): DeviceHealth {
    const rejected = [...this.#quarantined.values()].reduce((sum, count) => sum + count, 0);
    const counts = { received: this.#received, rejected, perMinute: this.#rate.perMinute() };
    if (this.#last === undefined) return { deviceId: this.#device.device, ...counts };
    const { reason, detail, at } = this.#last;
    return { deviceId: this.#device.device, ...counts, lastRejection: { reason, detail, at } };
  }

  #receive(items: number): void {
    this.#received += items;
    this.#rate.add(items);
    this.#telemetry.count("zhian_ingress_received_total", this.#device, items);
  }
}

function add(counts: Map<string, number>, reason: string): string {
  const label = counts.has(reason) || counts.size < mostReasons ? reason : "other";
  counts.set(label, (counts.get(label) ?? 0) + 1);
  return label;
}
