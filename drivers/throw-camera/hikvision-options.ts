import { z } from "zod";
import { isapiWays, someWay, someWayWords, streamHasDevice, streamHasDeviceWords } from "../hikvision/options.ts";

const code = "1 to 64 letters, digits or . _ : @ = -";

/** What the configuration says of a camera whose throws come by ISAPI or from the maker's platform. */
export const hikvisionCameraOptions = z
  .strictObject({
    ...isapiWays,
    cameraIndexCode: z
      .string("text")
      .regex(/^[A-Za-z0-9._:@=-]{1,64}$/, code)
      .optional()
      .describe("The platform's number of this camera (cameraIndexCode, srcIndex): events of others are left out."),
    channel: z
      .number("a number")
      .int("a whole number")
      .min(0, "0 or more")
      .max(9999, "at most 9999")
      .optional()
      .describe("Channel of this camera on its recorder: events of others are left out."),
    profile: z
      .string("text")
      .min(1, "the name of a profile or the path of one")
      .optional()
      .describe("What this camera sees: name of a built-in view profile or path of one, by which a throw is located."),
  })
  .refine(someWay, someWayWords)
  .refine(streamHasDevice, streamHasDeviceWords);
export type HikvisionCameraOptions = z.output<typeof hikvisionCameraOptions>;
