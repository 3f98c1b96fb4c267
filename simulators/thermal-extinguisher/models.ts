import { fromZero, type Tables } from "./modbus.ts";
import type { ExtinguisherUnit } from "./unit.ts";

/** What a model says of an extinguisher when it is asked. */
export type Model = (unit: ExtinguisherUnit) => Tables;

const word = (value: number): number => Math.round(value) & 0xffff;

/** High word first. */
function floatWords(value: number): [number, number] {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(0), view.getUint16(2)];
}

const at = (...words: readonly (readonly [number, number])[]): ReadonlyMap<number, number> => new Map(words);

/** Temperature in tenths of a degree, gauge pressure in kPa, status. */
export const genericExtinguisher: Model = (unit) => ({ holding: fromZero(unit.registers()) });

/** A Chinese pressure transmitter: 0x0002 unit (3 bar), 0x0003 decimals, 0x0004 value, 0x000C offset (sheet of МПД-380). */
export const pressureTransmitter: Model = ({ pressureMpa }) => ({
  holding: at([0, 1], [1, 3], [2, 3], [3, 2], [4, word(pressureMpa * 1000 - 7)], [5, 0], [6, 2500], [12, 7]),
});

/** Both in one, integers: decimals in 0x0004, pressure 0x0016, temperature 0x0026 (doc.lobaro.com 44105888). */
export const pressureTemperature: Model = ({ pressureMpa, temperatureC }) => ({
  holding: at([3, 0], [4, 2], [0x16, word(pressureMpa * 100)], [0x26, word(temperatureC * 100)]),
});

/** Its later revision: floats in the same places (doc.lobaro.com 44106163). */
export const pressureTemperatureFloat: Model = ({ pressureMpa, temperatureC }) => {
  const [p, q] = floatWords(pressureMpa);
  const [t, u] = floatWords(temperatureC);
  return { holding: at([0x16, p], [0x17, q], [0x26, t], [0x27, u]) };
};

/** Humidity and temperature, tenths. */
export const temperatureHumidity: Model = ({ temperatureC }) => ({
  holding: at([0, 455], [1, word(temperatureC * 10)]),
});

/** A smoke detector with its state in register 2; the smoke comes before the heat. */
export const smokeDetector: Model = ({ temperatureC }) => ({ holding: at([2, temperatureC > 40 ? 1 : 0]) });

/** A GST panel whose points 1 to 22 of zone 001 are these detectors: two bits each from register 30, bits 11-10 down. */
export function gstPanel(states: readonly (0 | 1 | 2 | 3)[]): Tables {
  const words = new Array<number>(Math.ceil((states.length + 2) / 8)).fill(0);
  states.forEach((state, i) => {
    const place = i + 2;
    words[place >> 3] = (words[place >> 3] ?? 0) | (state << (14 - 2 * (place & 7)));
  });
  return { holding: new Map(words.map((value, i): [number, number] => [30 + i, value])) };
}

/** The model of each built-in profile that reads an extinguisher or a detector. */
export const models: Readonly<Record<string, Model>> = {
  "generic-extinguisher": genericExtinguisher,
  "pressure-transmitter": pressureTransmitter,
  "pressure-temperature-transmitter": pressureTemperature,
  "pressure-temperature-transmitter-float": pressureTemperatureFloat,
  "rs485-temperature-humidity": temperatureHumidity,
  "rs485-smoke": smokeDetector,
};
