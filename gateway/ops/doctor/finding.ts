/** What one look found. `warn`: it runs, with less than it could have. `fail`: something that is needed is not there. */
export interface Finding {
  readonly check: string;
  readonly result: "ok" | "warn" | "fail";
  readonly found: string;
  /** What to do. */
  readonly hint?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, result: "ok", found };
}

export function warn(check: string, found: string, hint: string): Finding {
  return { check, result: "warn", found, hint };
}

export function fail(check: string, found: string, hint: string): Finding {
  return { check, result: "fail", found, hint };
}
