/** Growth of a t² fire, kW/s² (NFPA 204): `ultrafast` is an e-bike once it flames. */
export const growth = { slow: 0.00293, medium: 0.01172, fast: 0.0469, ultrafast: 0.1876 } as const;
export type Growth = keyof typeof growth;

export interface Fire {
  readonly growth: Growth;
  /** Ceiling above the fuel, m. */
  readonly ceilingM: number;
  /** Distance of the detector from the axis of the plume, m. */
  readonly radiusM: number;
  /** Smouldering before the flames, s, at a few kW. */
  readonly smoulderS?: number | undefined;
  /** Where the fuel is no more, kW. */
  readonly peakKw?: number;
}

const smoulderKw = 6;

/** Heat release `t` seconds after the start, kW: Q = α·t² after the smouldering, up to the peak. */
export function heatRelease(fire: Fire, t: number): number {
  if (t <= 0) return 0;
  const smoulder = fire.smoulderS ?? 0;
  const flaming = growth[fire.growth] * Math.max(0, t - smoulder) ** 2;
  const glowing = smoulder > 0 ? smoulderKw * Math.min(1, t / smoulder) : 0;
  return Math.min(fire.peakKw ?? 1500, Math.max(glowing, flaming));
}

/**
 * The ceiling jet after Alpert (1972): rise over ambient, K, and speed, m/s. Below 4.6 m of ceiling it is an
 * extrapolation, which every handbook makes.
 */
export function ceilingJet(kw: number, ceilingM: number, radiusM: number): { riseK: number; speed: number } {
  if (kw <= 0) return { riseK: 0, speed: 0 };
  const ratio = radiusM / ceilingM;
  return {
    riseK: ratio <= 0.18 ? (16.9 * kw ** (2 / 3)) / ceilingM ** (5 / 3) : (5.38 * (kw / radiusM) ** (2 / 3)) / ceilingM,
    speed:
      ratio <= 0.15
        ? 0.96 * (kw / ceilingM) ** (1 / 3)
        : (0.195 * kw ** (1 / 3) * Math.sqrt(ceilingM)) / radiusM ** (5 / 6),
  };
}

/** Something that takes the temperature of the gas slowly (DETACT): dT/dt = √U/RTI·(Tg − T). */
export class ThermalElement {
  readonly #rti: number;
  celsius: number;

  /** `rti` in (m·s)^½: 20 for an electronic detector, 50 to 80 for a 3 to 5 mm bulb. */
  constructor(rti: number, celsius: number) {
    this.#rti = rti;
    this.celsius = celsius;
  }

  advance(seconds: number, gasCelsius: number, speed: number): void {
    // Still air carries heat too, hence the floor on the speed.
    const rate = Math.sqrt(Math.max(speed, 0.1)) / this.#rti;
    this.celsius = gasCelsius + (this.celsius - gasCelsius) * Math.exp(-rate * seconds);
  }
}
