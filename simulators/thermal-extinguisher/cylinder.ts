const atmosphereMpa = 0.1013;
const kelvin = 273.15;

/** Gauge pressure, MPa, of a charge that shows `at20` at 20 °C (Gay-Lussac on the absolute pressure). */
export function gaugeAt(at20: number, celsius: number): number {
  return ((at20 + atmosphereMpa) * (celsius + kelvin)) / (20 + kelvin) - atmosphereMpa;
}

/** The reverse: what it would show at 20 °C. */
export function compensated(gauge: number, celsius: number): number {
  return ((gauge + atmosphereMpa) * (20 + kelvin)) / (celsius + kelvin) - atmosphereMpa;
}

/** A stored-pressure powder cylinder. */
export class Cylinder {
  /** Gauge pressure at 20 °C, MPa. */
  #at20: number;
  #discharging = false;
  readonly #dischargeS: number;

  /** `dischargeS`: time constant of the discharge, 3 to 6 s. */
  constructor(at20 = 1.2, dischargeS = 4) {
    this.#at20 = at20;
    this.#dischargeS = dischargeS;
  }

  get discharging(): boolean {
    return this.#discharging;
  }

  discharge(): void {
    this.#discharging = true;
  }

  /** Loses `mpa` of its charge. */
  leak(mpa: number): void {
    this.#at20 = Math.max(0, this.#at20 - mpa);
  }

  refill(at20 = 1.2): void {
    this.#at20 = at20;
    this.#discharging = false;
  }

  advance(seconds: number): void {
    if (this.#discharging) this.#at20 *= Math.exp(-seconds / this.#dischargeS);
  }

  gauge(celsius: number): number {
    return Math.max(0, gaugeAt(this.#at20, celsius));
  }

  get at20(): number {
    return this.#at20;
  }
}
