import { type ErrorCode, errorCatalogue } from "../../gateway/domain/errors.ts";
import { type BackendName, type Bias, backendNames } from "./line-port.ts";

/** An output put into the guardian's hands. */
export interface Claim {
  /** Of the device. */
  readonly id: string;
  readonly root: string;
  readonly backend: BackendName | "auto";
  readonly chip: string;
  readonly line: number | string;
  readonly activeLow: boolean;
  readonly bias?: Bias;
  /** Is it on in its safe state? */
  readonly safeOn: boolean;
  /** Longest time away from the safe state, ms; absent where there is no bound. */
  readonly mostMs?: number;
}

/** What the gateway asks of the guardian, a JSON line each; answered by `n`. */
export type Request =
  | { readonly n: number; readonly ask: "claim"; readonly claim: Claim }
  | { readonly n: number; readonly ask: "set"; readonly id: string; readonly on: boolean; readonly forMs?: number }
  | { readonly n: number; readonly ask: "check"; readonly id: string }
  | { readonly n: number; readonly ask: "release"; readonly id: string };

/** What the guardian says, a JSON line each: answers, and by itself that an output is back in its safe state, or will not go. */
export type Word =
  | { readonly n: number; readonly ok: true }
  | { readonly n: number; readonly ok: false; readonly code: ErrorCode; readonly message: string }
  | { readonly event: "back"; readonly id: string }
  | { readonly event: "stuck"; readonly id: string; readonly message: string };

/** Absent where the line is none. It is written by us and by nobody else, so it is read without a schema library. */
export function parseRequest(line: string): Request | undefined {
  const value = record(line);
  if (value === undefined || typeof value["n"] !== "number") return undefined;
  const { n, ask, id, on, forMs, claim } = value;
  if (ask === "claim") return isClaim(claim) ? { n, ask, claim } : undefined;
  if (typeof id !== "string") return undefined;
  if (ask === "check" || ask === "release") return { n, ask, id };
  if (ask !== "set" || typeof on !== "boolean") return undefined;
  if (forMs === undefined) return { n, ask, id, on };
  return isTime(forMs) ? { n, ask, id, on, forMs } : undefined;
}

export function parseWord(line: string): Word | undefined {
  const value = record(line);
  if (value === undefined) return undefined;
  const { n, ok, code, message, event, id } = value;
  if (event === "back" && typeof id === "string") return { event, id };
  if (event === "stuck" && typeof id === "string" && typeof message === "string") return { event, id, message };
  if (typeof n !== "number") return undefined;
  if (ok === true) return { n, ok };
  return ok === false && isCode(code) && typeof message === "string" ? { n, ok, code, message } : undefined;
}

function record(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function isClaim(value: unknown): value is Claim {
  if (typeof value !== "object" || value === null) return false;
  const { id, root, backend, chip, line, activeLow, bias, safeOn, mostMs }: Record<string, unknown> = { ...value };
  const backends: readonly unknown[] = ["auto", ...backendNames];
  const biases: readonly unknown[] = [undefined, "pull-up", "pull-down", "disabled"];
  return (
    [id, root, chip].every((word) => typeof word === "string") &&
    (typeof line === "string" || (typeof line === "number" && Number.isInteger(line) && line >= 0)) &&
    [activeLow, safeOn].every((flag) => typeof flag === "boolean") &&
    backends.includes(backend) &&
    biases.includes(bias) &&
    (mostMs === undefined || isTime(mostMs))
  );
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

function isCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(errorCatalogue, value);
}
