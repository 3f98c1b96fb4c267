import { z } from "zod";
import { type ErrorCode, isGatewayError } from "../domain/errors.ts";

/** What every refused or failed request gets. */
export const problemSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }),
});
export type Problem = z.infer<typeof problemSchema>;

const statusOf: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  ALARM_UNKNOWN: 404,
  ALARM_CLOSED: 409,
  SHELF_REFUSED: 422,
  TOO_MANY_ATTEMPTS: 429,
  DISK_FULL: 503,
  DISK_FAILED: 503,
  LOG_BUSY: 503,
  LOG_CLOSED: 503,
  CONFIG_UNREADABLE: 503,
};

/** Refusals of HTTP itself, by status. */
const httpErrors = {
  400: { code: "REQUEST_INVALID", hint: "Compare the request with /api/openapi.json." },
  403: { code: "FOREIGN_ORIGIN", hint: "Only the gateway's own page may do this with a session." },
  404: { code: "NOT_FOUND", hint: "/api/openapi.json lists what there is." },
  413: { code: "REQUEST_TOO_LARGE", hint: "Requests have at most 16 KiB." },
  415: { code: "NOT_JSON", hint: "Send a JSON body with the content type application/json." },
  503: { code: "LIVE_FULL", hint: "Too many screens follow the alarms. Close some, or try again later." },
} as const;
type HttpStatus = keyof typeof httpErrors;

/** A request that is refused before it concerns anything of ours. */
export class HttpError extends Error {
  readonly statusCode: HttpStatus;

  constructor(statusCode: HttpStatus, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

const isHttpStatus = (status: number): status is HttpStatus => Object.hasOwn(httpErrors, status);

/** What goes back for an error. Of our own mistakes it tells nothing: the log does. */
export function problemOf(error: unknown): { status: number; problem: Problem } {
  if (isGatewayError(error)) {
    const { code, message, hint } = error;
    return { status: statusOf[code] ?? 500, problem: { error: { code, message, hint } } };
  }
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  if (isHttpStatus(status)) {
    const message = error instanceof Error ? error.message : "";
    return { status, problem: { error: { ...httpErrors[status], message } } };
  }
  return {
    status: status >= 400 && status < 500 ? status : 500,
    problem: { error: { code: "INTERNAL", message: "the gateway failed at this", hint: "Its log says more." } },
  };
}

/** Parses what came in, or refuses it with the path of each mistake. */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`);
  throw new HttpError(400, mistakes.join("; "));
}
