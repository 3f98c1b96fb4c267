import { readFileSync } from "node:fs";
import { z } from "zod";

const samplesSchema = z.array(
  z.object({
    name: z.string(),
    source: z.string(),
    topic: z.string(),
    retained: z.boolean(),
    payload: z.string(),
    note: z.string().optional(),
  }),
);

const file = new URL("../../drivers/json-events/fixtures/samples.json", import.meta.url);
const samples = samplesSchema.parse(JSON.parse(readFileSync(file, "utf8")));

/** A message of a camera as a public source gives it; the source stands beside it. */
export function cameraSample(name: string): z.output<typeof samplesSchema>[number] {
  const sample = samples.find((each) => each.name === name);
  if (sample === undefined) throw new Error(`no sample ${name}`);
  return sample;
}
