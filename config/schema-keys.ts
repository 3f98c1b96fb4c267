import { z } from "zod";
import type { Path } from "./mistakes.ts";

type Schema = z.core.$ZodType;

/** The keys that a schema knows at a path; empty where any key may stand or nothing is known. */
export function keysAt(schema: Schema, path: Path): readonly string[] {
  let here: readonly Schema[] = [schema];
  for (const part of path) here = here.flatMap((each) => step(each, part));
  return [
    ...new Set(
      here.flatMap((each) => bare(each).flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : []))),
    ),
  ];
}

function step(schema: Schema, part: string | number): readonly Schema[] {
  return bare(schema).flatMap((one): readonly Schema[] => {
    if (one instanceof z.ZodObject) {
      const child: unknown = one.shape[part];
      return child instanceof z.core.$ZodType ? [child] : [];
    }
    if (one instanceof z.ZodArray) return [one.element];
    if (one instanceof z.ZodRecord) return [one.valueType];
    return [];
  });
}

/** Without defaults, transforms and alternatives around it. */
function bare(schema: Schema): readonly Schema[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly ||
    schema instanceof z.ZodCatch ||
    schema instanceof z.ZodLazy
  )
    return bare(schema.unwrap());
  if (schema instanceof z.ZodPipe) return bare(schema.in);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(bare);
  return [schema];
}
