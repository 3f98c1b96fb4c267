import { gaussian, type Random, seeded } from "../random.ts";
import { Cylinder } from "./cylinder.ts";
import { ceilingJet, type Fire, heatRelease, ThermalElement } from "./fire.ts";

export interface UnitOptions {
  readonly ambientC?: number;
  /** Rating of the bulb, °C. */
  readonly bulbC?: number;
  readonly bulbRti?: number;
  readonly sensorRti?: number;
  /** Charge at 20 °C, MPa. */
  readonly chargeMpa?: number;
  readonly seed?: number;
}

const stepS = 0.1;
/** Rates of rise of the oven, K/min (GB 4716, GB 30122); air at 0.8 m/s. */
export const ovenRates = [0.2, 1, 3, 5, 10, 20, 30] as const;
const ovenSpeed = 0.8;
/** Bits of the status register. */
export const statusBits = { discharged: 1, lowPressure: 2, tamper: 4 } as const;

/**
 * A suspended powder extinguisher with a bulb, a thermistor and a gauge. It lives in seconds since its start: fire heats
 * the jet under the ceiling, sensor and bulb follow with their lags, the bulb breaks, powder puts the fire out.
 */
export class ExtinguisherUnit {
  readonly #sensor: ThermalElement;
  readonly #bulb: ThermalElement;
  readonly #shell: ThermalElement;
  readonly #cylinder: Cylinder;
  readonly #bulbC: number;
  readonly #random: Random;
  #ambientC: number;
  #warming: { readonly from: number; readonly to: number; readonly startS: number; readonly overS: number } | undefined;
  #oven: { readonly fromC: number; readonly kPerS: number; readonly toC: number; readonly startS: number } | undefined;
  #fire: { readonly fire: Fire; readonly startS: number } | undefined;
  /** 1 while the fire burns freely; the powder takes it towards 0. */
  #flames = 1;
  #nowS = 0;
  tamper = false;
  /** Its sensor says this, °C, and not what it measures: 85.0 of a DS18B20 that has lost its power for a moment, −127 without one. */
  sensorSays: number | undefined;
  onDischarge: (() => void) | undefined;

  constructor(options: UnitOptions = {}) {
    this.#ambientC = options.ambientC ?? 22;
    this.#sensor = new ThermalElement(options.sensorRti ?? 20, this.#ambientC);
    this.#bulb = new ThermalElement(options.bulbRti ?? 50, this.#ambientC);
    // Kilograms of steel and powder: minutes, not seconds.
    this.#shell = new ThermalElement(250, this.#ambientC);
    this.#cylinder = new Cylinder(options.chargeMpa);
    this.#bulbC = options.bulbC ?? 68;
    this.#random = seeded(options.seed ?? 1);
  }

  /** Lights a fire under it now. */
  ignite(fire: Fire): void {
    this.#fire = { fire, startS: this.#nowS };
    this.#flames = 1;
  }

  /** Takes the fire away, as people with a bucket do. */
  putOut(): void {
    this.#fire = undefined;
  }

  /** The room itself warms or cools, evenly: sun on a roof, a cabinet of chargers. */
  warm(toC: number, overS: number): void {
    this.#warming = { from: this.#ambientC, to: toC, startS: this.#nowS, overS };
  }

  /**
   * Puts it into the test oven of EN 54-5 and GB 4716: the air at 0.8 m/s warms by so many K a minute, from the ambient
   * temperature up to `toC`.
   */
  bake(kPerMinute: number, toC: number): void {
    this.#oven = { fromC: this.#ambientC, kPerS: kPerMinute / 60, toC, startS: this.#nowS };
  }

  leak(mpa: number): void {
    this.#cylinder.leak(mpa);
  }

  /** Hangs a new one in its place. */
  replace(): void {
    this.#cylinder.refill();
    this.#bulb.celsius = this.#ambientC;
  }

  get temperatureC(): number {
    return this.#sensor.celsius;
  }

  get bulbCelsius(): number {
    return this.#bulb.celsius;
  }

  get pressureMpa(): number {
    return this.#cylinder.gauge(this.#shell.celsius);
  }

  get discharged(): boolean {
    return this.#cylinder.discharging;
  }

  /** Moves on to `seconds` since its start; earlier times change nothing. */
  advanceTo(seconds: number): void {
    while (this.#nowS + stepS <= seconds) {
      this.#nowS += stepS;
      this.#step();
    }
  }

  /** Temperature in 0.1 °C as two's complement, gauge pressure in kPa, status bits: as its electronics measure them. */
  registers(): readonly [number, number, number] {
    const temperature = Math.round((this.sensorSays ?? this.#sensor.celsius + gaussian(this.#random) * 0.05) * 10);
    const pressure = Math.round((this.pressureMpa + gaussian(this.#random) * 0.001) * 1000);
    const low = this.#cylinder.at20 < 1.0;
    const status =
      (this.discharged ? statusBits.discharged : 0) |
      (low ? statusBits.lowPressure : 0) |
      (this.tamper ? statusBits.tamper : 0);
    return [temperature & 0xffff, Math.max(0, pressure), status];
  }

  #step(): void {
    if (this.#warming !== undefined) {
      const { from, to, startS, overS } = this.#warming;
      const share = Math.min(1, (this.#nowS - startS) / Math.max(overS, stepS));
      this.#ambientC = from + (to - from) * share;
    }
    const burning = this.#fire;
    const kw = burning === undefined ? 0 : heatRelease(burning.fire, this.#nowS - burning.startS) * this.#flames;
    const jet =
      burning === undefined ? ceilingJet(0, 1, 1) : ceilingJet(kw, burning.fire.ceilingM, burning.fire.radiusM);
    const oven = this.#oven;
    const ovenC = oven && Math.min(oven.toC, oven.fromC + oven.kPerS * (this.#nowS - oven.startS));
    const gasC = ovenC ?? this.#ambientC + jet.riseK;
    const speed = oven === undefined ? jet.speed : ovenSpeed;
    for (const element of [this.#sensor, this.#bulb, this.#shell]) element.advance(stepS, gasC, speed);
    if (this.#bulb.celsius >= this.#bulbC && !this.discharged) {
      this.#cylinder.discharge();
      this.onDischarge?.();
    }
    if (this.discharged) this.#flames *= Math.exp(-stepS / 3);
    this.#cylinder.advance(stepS);
  }
}
