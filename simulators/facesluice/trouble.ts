import { z } from "zod";

/** What is wrong with a device, beside that it may be cut off. */
export interface Trouble {
  /** Before each record it sends what is no message. */
  readonly noise?: boolean | undefined;
  /** It is connected and says nothing, as firmware that hangs. */
  readonly silence?: boolean | undefined;
  /** It sends each record twice. */
  readonly duplicates?: boolean | undefined;
  /** It says of each record that it was buffered. */
  readonly late?: boolean | undefined;
  /** It answers every command by 410. */
  readonly busy?: boolean | undefined;
  /** Its clock minus true time. */
  readonly clockSkewMs?: number | undefined;
}

/** A step that the processes of this family understand beside those of the scenarios. */
export const troubleStep = z.object({
  do: z.literal("trouble"),
  device: z.string(),
  noise: z.boolean().optional(),
  silence: z.boolean().optional(),
  duplicates: z.boolean().optional(),
  late: z.boolean().optional(),
  busy: z.boolean().optional(),
  clockSkewMs: z.number().optional(),
  /** Then all is well again. */
  forS: z.number().nonnegative().optional(),
});

const garbage = [
  '{"operator":"RecPush","info":{"RecordID":"1","Verify',
  "\u0000\u0000\u0000\u0000",
  '{"operator":42}',
  "[]",
  '{"operator":"RecPush","info":{"RecordID":"9","VerifyStatus":"many"}}',
] as const;

/** The nth thing that is no message: cut off, zeros, of a wrong shape. */
export function noise(nth: number): string {
  return garbage[nth % garbage.length] ?? garbage[0];
}
