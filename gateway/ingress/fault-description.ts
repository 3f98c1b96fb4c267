import { isGatewayError } from "../domain/errors.ts";

/**
 * What of an error may be logged. The message of an error of ours may; that of any other may quote the input (a JSON
 * syntax error does), hence personal data: of those only the name and where it was thrown.
 */
export function describeFault(error: unknown): { code: string; detail?: string; frames?: string[] } {
  if (isGatewayError(error)) return { code: error.code, detail: error.message };
  if (!(error instanceof Error)) return { code: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return { code: error.name, frames: frames.slice(0, 5).map((line) => line.trim()) };
}
