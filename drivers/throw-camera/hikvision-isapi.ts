import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { RecordClock } from "../hikvision/record-clock.ts";
import { openIsapi } from "../hikvision/session.ts";
import { viewProfileSchema } from "../throw-view/view-profile.ts";
import type { HikvisionCameraOptions } from "./hikvision-options.ts";
import { interpretThrows } from "./hikvision-throws.ts";

/** A camera whose ObjectsThrownDetection comes from itself, from its recorder, or from the maker's platform. */
export function open(context: DriverContext<HikvisionCameraOptions>): DeviceSession {
  const { options, profile } = context;
  const clock = new RecordClock(context);
  const parts = {
    clock,
    view: profile === undefined ? undefined : viewProfileSchema.parse(profile),
    ownId: options.deviceId,
    channel: options.channel === undefined ? undefined : String(options.channel),
    cameraIndexCode: options.cameraIndexCode,
  };
  return openIsapi(context, options, {
    interpret: (fields) => interpretThrows(parts, fields),
    mark: () => clock.mark(),
  });
}
