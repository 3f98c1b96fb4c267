import { z } from "zod";

const profile = z.string().min(1).describe("Name of a built-in profile, or the path of one: docs/profiles.md.");

/** What the configuration says of a slave on a serial line. */
export const modbusRtuOptions = z.strictObject({
  line: z.string().min(1).describe("Id of the serial line."),
  unit: z.number().int().min(1).max(247).describe("Unit number as set in the device (address, station, slave id)."),
  profile,
});
export type ModbusRtuOptions = z.output<typeof modbusRtuOptions>;

/** What the configuration says of a slave behind a network address. */
export const modbusTcpOptions = z.strictObject({
  host: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,253}$/, "expected a host name or an address")
    .describe("Host name or address of the device, or of the gateway to its serial line."),
  port: z.number().int().min(1).max(65_535).default(502).describe("TCP port."),
  unit: z
    .number()
    .int()
    .min(0)
    .max(255)
    .default(1)
    .describe(
      "Unit number; of a device without a line behind it often 1, 0 or 255 (implementation guide V1.0b, §4.4.2).",
    ),
  profile,
});
export type ModbusTcpOptions = z.output<typeof modbusTcpOptions>;
