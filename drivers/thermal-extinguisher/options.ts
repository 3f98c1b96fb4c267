import { z } from "zod";

/** What the configuration says of a device on a serial line. */
export const modbusRtuOptions = z.strictObject({
  line: z.string().min(1).describe("Id of the serial line."),
  unit: z.number().int().min(1).max(247).describe("Unit number as set in the device (address, station, slave id)."),
  profile: z.string().min(1).describe("Name of a built-in profile, or the path of one: docs/profiles.md."),
});

export type ModbusRtuOptions = z.output<typeof modbusRtuOptions>;
