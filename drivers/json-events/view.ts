import { GatewayError } from "../../gateway/domain/errors.ts";
import { type ViewProfile, viewProfileSchema } from "../throw-view/view-profile.ts";

/** A session's profile as the view of a camera; undefined where it has none. */
export function viewOf(profile: unknown): ViewProfile | undefined {
  if (profile === undefined) return undefined;
  const parsed = viewProfileSchema.safeParse(profile);
  if (parsed.success) return parsed.data;
  throw new GatewayError("PROFILE_INVALID", "the profile is no view of a camera", { cause: parsed.error });
}
