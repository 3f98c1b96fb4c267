import { z } from "zod";
import { type Scalar, same, scalarSchema } from "./values.ts";

const valuesSchema = z.union([scalarSchema, z.array(scalarSchema).min(1).max(64)]);

/** Names with the value, or the values, that each must have. */
export const conditionsSchema = z.record(z.string().min(1).max(512), valuesSchema);
export type Conditions = z.output<typeof conditionsSchema>;

/** All of them hold; none at all hold too. */
export function holds(conditions: Conditions, read: (name: string) => unknown): boolean {
  return Object.entries(conditions).every(([name, expected]) => {
    const found = read(name);
    const allowed: readonly Scalar[] = Array.isArray(expected) ? expected : [expected];
    return allowed.some((value) => same(value, found));
  });
}
