import type { ExtinguisherUnit } from "../thermal-extinguisher/unit.ts";

export interface NodeOptions {
  readonly devEui: string;
  readonly unit: ExtinguisherUnit;
  readonly batteryPercent?: number;
}

/** An extinguisher with a radio: what it sends is laid out as in the gateway's example profile. */
export class LoraNode {
  readonly devEui: string;
  readonly unit: ExtinguisherUnit;
  batteryPercent: number;
  /** Counts up with every frame, from 0 after each join. */
  fCnt = 0;

  constructor({ devEui, unit, batteryPercent = 100 }: NodeOptions) {
    this.devEui = devEui;
    this.unit = unit;
    this.batteryPercent = batteryPercent;
  }

  /** Type 1, temperature in 0.1 °C, pressure in kPa, battery in %, state bits; all with the high byte first. */
  payload(): Uint8Array {
    const [temperature, pressure, status] = this.unit.registers();
    const low = this.batteryPercent < 15 ? 8 : 0;
    const words = [temperature, pressure].flatMap((word) => [word >> 8, word & 0xff]);
    return Uint8Array.from([1, ...words, Math.round(this.batteryPercent), status | low]);
  }

  /** Its battery was taken out: it joins anew. */
  restart(): void {
    this.fCnt = 0;
  }
}
