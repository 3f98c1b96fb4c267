import { z } from "zod";

/** What one mounted camera sees: which part of its picture is which building, unit and floor. */
export const viewProfileSchema = z.strictObject({});
export type ViewProfile = z.output<typeof viewProfileSchema>;
