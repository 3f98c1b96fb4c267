import { z } from "zod";
import { isapiWays, someWay, someWayWords, streamHasDevice, streamHasDeviceWords } from "../hikvision/options.ts";

/** A door command as the model's own manual gives it: there is no single one for all. */
const unlockSchema = z.strictObject({
  method: z.enum(["PUT", "POST"], "PUT or POST").default("PUT").describe("HTTP method."),
  path: z
    .string("text")
    .regex(/^\/[\x21-\x7e]{1,250}$/, "a path that begins with /")
    .describe("Path on the device, such as /ISAPI/AccessControl/RemoteControl/door/1."),
  contentType: z
    .string("text")
    .regex(/^[\w.+-]+\/[\w.+-]+(; ?charset="?[\w-]+"?)?$/, "a media type")
    .default("application/xml")
    .describe("Content-Type of the body."),
  body: z.string("text").max(2000, "at most 2000 characters").default("").describe("The body, sent as it stands."),
});

/** What the configuration says of an ISAPI terminal. */
export const hikvisionTerminalOptions = z
  .strictObject({
    ...isapiWays,
    unlock: unlockSchema
      .optional()
      .describe("The request that opens the door. Without it the gateway cannot. Needs `device`."),
  })
  .refine(someWay, someWayWords)
  .refine(streamHasDevice, streamHasDeviceWords)
  .refine(({ unlock, device }) => unlock === undefined || device !== undefined, {
    error: "`unlock` needs `device`",
    path: ["device"],
  });
export type HikvisionTerminalOptions = z.output<typeof hikvisionTerminalOptions>;
