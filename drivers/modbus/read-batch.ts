import type { Exchange, Expectation, ModbusLine } from "../../gateway/ports/driver.ts";
import type { ReadFunction } from "./pdu.ts";

/** Reads by the number of the function. */
export function readBatch(
  line: ModbusLine,
  unit: number,
  {
    function: fn,
    address,
    count,
  }: { readonly function: ReadFunction; readonly address: number; readonly count: number },
  expect: Expectation,
): Promise<Exchange> {
  switch (fn) {
    case 1:
      return line.readCoils(unit, address, count, expect);
    case 2:
      return line.readDiscrete(unit, address, count, expect);
    case 3:
      return line.readHolding(unit, address, count, expect);
    case 4:
      return line.readInput(unit, address, count, expect);
  }
}
