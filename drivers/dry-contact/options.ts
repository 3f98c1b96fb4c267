import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";
import { backendNames } from "./line-port.ts";

const within = (lowest: string, lowestMs: number, highest: string, highestMs: number) =>
  durationSchema.refine((ms) => ms >= lowestMs && ms <= highestMs, `between ${lowest} and ${highest}`);

/** What the configuration says of one contact or relay on a GPIO line. */
export const gpioOptions = z
  .strictObject({
    chip: z
      .string()
      .regex(/^[^\s/]{1,64}$/, "a chip's label or name, as `zhian doctor` lists them")
      .describe("Label of the chip (pinctrl-bcm2835), which stays the same, or its name (gpiochip0): `zhian doctor`."),
    line: z
      .union([z.number().int().min(0).max(4095), z.string().regex(/^[^\s"][^"]{0,63}$/)], {
        error: "the line's number on its chip, from 0, or its name",
      })
      .describe("Number of the line on its chip, from 0, or its name. Never a number of sysfs: it differs by kernel."),
    direction: z.enum(["in", "out"]).describe("in: a contact. out: a relay."),
    role: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,31}$/, "a word such as door, discharge or siren")
      .describe(
        "What it is: door, discharge, pressure-switch, call-point, fire, smoke-detector, heat-detector, siren, door-release, or a word of yours.",
      ),
    activeLow: z
      .boolean()
      .default(false)
      .describe("The contact is closed, or the relay on, when the wire is low: a contact to ground with a pull-up."),
    bias: z
      .enum(["pull-up", "pull-down", "disabled"])
      .optional()
      .describe("Resistor inside the chip; by the character device only. Without it as the board has it."),
    debounce: within("20ms", 20, "1s", 1000)
      .prefault("50ms")
      .describe("A level held for less is bounce. IEC 60839-11-1 wants signals of more than 400 ms processed."),
    chatterEdges: z
      .number()
      .int()
      .min(10)
      .max(10_000)
      .default(100)
      .describe("More edges a second than these, for two seconds, are a fault of the contact or its wire."),
    recheck: within("5s", 5_000, "10m", 600_000)
      .prefault("60s")
      .describe("The level is read again so often, in case that an edge was missed."),
    safe: z
      .enum(["on", "off"])
      .default("off")
      .describe("Of a relay: its state at start, at stop, after a crash, and when its time is over."),
    maxOn: within("100ms", 100, "1d", 86_400_000)
      .optional()
      .describe("A relay is away from its safe state for so long at most, whoever asked. A siren must have it."),
    backend: z
      .enum(["auto", ...backendNames])
      .default("auto")
      .describe(
        "chardev: the gpiod tools. sysfs: onoff. sysfs-polled: sysfs without add-on. auto takes the first that works.",
      ),
    root: z
      .string()
      .regex(/^\//, "an absolute path")
      .default("/")
      .describe("Another folder in place of / in which sys, dev and the gpiod tools are found: a simulated chip."),
  })
  .superRefine((options, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    const { direction, role, maxOn, safe, bias, backend } = options;
    if (direction === "out" && role === "siren" && maxOn === undefined)
      issue("maxOn", "a longest time for a siren, for example 3m");
    if (direction === "out" && role === "siren" && safe === "on")
      issue("safe", "off: the safe state of a siren is silence");
    if (direction === "in" && maxOn !== undefined) issue("maxOn", "nothing: an input is not switched");
    if (bias !== undefined && backend !== "auto" && backend !== "chardev")
      issue("bias", "nothing: sysfs cannot set it; use the device tree, or the character device");
  });

export type GpioOptions = z.output<typeof gpioOptions>;
