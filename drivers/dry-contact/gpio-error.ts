import { type ErrorCode, GatewayError } from "../../gateway/domain/errors.ts";

const byErrno: Readonly<Record<string, ErrorCode>> = {
  EBUSY: "GPIO_BUSY",
  EACCES: "GPIO_DENIED",
  EPERM: "GPIO_DENIED",
  EROFS: "GPIO_DENIED",
};

/** What the kernel refused, by the error number of a file operation. */
export function fileError(doing: string, cause: unknown): GatewayError {
  const errno = errnoOf(cause);
  return new GatewayError(byErrno[errno] ?? "GPIO_ABSENT", `${doing}: ${errno}${advice(errno)}`, { cause });
}

function errnoOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
}

function advice(errno: string): string {
  return errno === "EINVAL" ? ", the kernel has no such line" : "";
}

/** Ends of the messages of strerror(3), by which the gpiod tools tell what the kernel refused. */
const byWords: readonly (readonly [RegExp, ErrorCode])[] = [
  [/Device or resource busy/i, "GPIO_BUSY"],
  [/Permission denied|Operation not permitted/i, "GPIO_DENIED"],
];

/** What a gpiod tool complained of on standard error; its first line is told, up to 200 characters. */
export function toolError(tool: string, complaint: string): GatewayError {
  const first = complaint.split("\n")[0]?.trim().slice(0, 200) ?? "";
  const code = byWords.find(([words]) => words.test(complaint))?.[1] ?? "GPIO_ABSENT";
  return new GatewayError(code, first.startsWith(tool) ? first : `${tool}: ${first === "" ? "no word" : first}`);
}
