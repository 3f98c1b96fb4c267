import type { Clock } from "../../gateway/ports/clock.ts";
import { ChardevInput } from "./chardev-input.ts";
import { ChardevOutput } from "./chardev-output.ts";
import type { GpiodTools } from "./gpiod-tools.ts";
import type {
  Bias,
  DescribedLine,
  GpioChip,
  GpioLines,
  GpioPlace,
  InputEvents,
  InputLine,
  OutputLine,
} from "./line-port.ts";

/** The lines behind /dev/gpiochip*, by the gpiod tools. */
export class ChardevLines implements GpioLines {
  readonly backend = "chardev";
  readonly #tools: GpiodTools;
  readonly #clock: Clock;

  constructor(tools: GpiodTools, clock: Clock) {
    this.#tools = tools;
    this.#clock = clock;
  }

  chips(): Promise<readonly GpioChip[]> {
    return this.#tools.detect();
  }

  async described({ name: chip }: GpioChip): Promise<readonly DescribedLine[]> {
    const lines = await this.#tools.info(chip);
    return lines.flatMap(({ offset, name, consumer }) => {
      const known = {
        ...(name === undefined ? {} : { name }),
        ...(consumer === undefined ? {} : { usedBy: consumer }),
      };
      return Object.keys(known).length === 0 ? [] : [{ offset, ...known }];
    });
  }

  input(place: GpioPlace, bias: Bias | undefined, events: InputEvents): Promise<InputLine> {
    return Promise.resolve(new ChardevInput({ tools: this.#tools, clock: this.#clock, place, bias, events }));
  }

  async output(place: GpioPlace, bias: Bias | undefined, high: boolean): Promise<OutputLine> {
    const output = new ChardevOutput({ tools: this.#tools, clock: this.#clock, place, bias });
    await output.drive(high);
    return output;
  }
}
