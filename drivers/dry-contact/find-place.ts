import { GatewayError } from "../../gateway/domain/errors.ts";
import type { GpioChip, GpioLines, GpioPlace } from "./line-port.ts";

/**
 * The line that the configuration means, as the kernel has it now. Rejects with GPIO_ABSENT and what there is to choose from:
 * a line that is not certain is not touched.
 */
export async function findPlace(lines: GpioLines, chip: string, line: number | string): Promise<GpioPlace> {
  const found = chipNamed(await lines.chips(), chip);
  if (typeof line === "number") {
    if (line < found.lines) return { chip: found, offset: line };
    throw absent(`chip ${found.label} (${found.name}) has the lines 0 to ${found.lines - 1}, and no ${line}`);
  }
  const offsets = (await lines.described(found)).filter(({ name }) => name === line).map(({ offset }) => offset);
  const [offset, ...others] = offsets;
  if (offset === undefined) {
    const why = lines.backend === "chardev" ? "" : "; sysfs does not know the names of lines, so write its number";
    throw absent(`chip ${found.label} (${found.name}) has no line named ${line}${why}`);
  }
  if (others.length > 0) throw absent(`chip ${found.label} has several lines named ${line}: ${offsets.join(", ")}`);
  return { chip: found, offset };
}

function chipNamed(chips: readonly GpioChip[], wanted: string): GpioChip {
  const matching = chips.filter(({ name, label }) => name === wanted || label === wanted);
  const [chip, ...others] = matching;
  if (chip === undefined)
    throw absent(`there is no GPIO chip ${wanted}${oldNumber(wanted)}; there is ${listed(chips)}`);
  if (others.length > 0) throw absent(`several chips are called ${wanted}: ${listed(matching)}; write the name`);
  return chip;
}

/** `gpiochip512` is how sysfs names a chip, by the number of its first line. */
function oldNumber(wanted: string): string {
  const number = /^gpiochip(\d{2,})$/.exec(wanted)?.[1];
  return number === undefined ? "" : ` (a name by a number of sysfs changes with the kernel: write the label)`;
}

function listed(chips: readonly GpioChip[]): string {
  if (chips.length === 0) return "none at all";
  return chips.map(({ name, label, lines }) => `${label} (${name}, ${lines} lines)`).join(", ");
}

function absent(message: string): GatewayError {
  return new GatewayError("GPIO_ABSENT", message);
}
