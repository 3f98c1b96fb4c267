import type { z } from "zod";
import { type Mistake, type Path, showPath } from "./mistakes.ts";
import { nearMiss } from "./near-miss.ts";
import { keysAt } from "./schema-keys.ts";
import type { YamlSource } from "./yaml-source.ts";

type Issue = z.core.$ZodIssue;
type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/**
 * Parses the part of a file that stands at `base`. What the file says as text because it came out of a `${…}` is taken
 * as a number or a truth value where the schema wants one.
 */
export function check<T>(schema: z.ZodType<T>, source: YamlSource, base: Path = []): Checked<T> {
  const first = schema.safeParse(valueAt(source.value, base), { error: expectation });
  if (first.success) return { ok: true, value: first.data };
  const second = convert(first.error.issues, source, base)
    ? schema.safeParse(valueAt(source.value, base), { error: expectation })
    : first;
  if (second.success) return { ok: true, value: second.data };
  const issues = second.error.issues.flatMap((issue) => flatten(issue, []));
  return { ok: false, mistakes: toMistakes(issues, schema, source, base) };
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((here, part) => {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    return Reflect.get(here, part);
  }, value);
}

/** Words for `expected` where the schema has none of its own. */
function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeNames[issue.expected] ?? issue.expected;
    case "invalid_value":
      return oneOf(issue.values.map(String));
    case "too_small":
      return `at least ${issue.minimum}${countOf(issue.origin)}`;
    case "too_big":
      return `at most ${issue.maximum}${countOf(issue.origin)}`;
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
      return "a known key";
    case "invalid_format":
      return issue.pattern === undefined ? `a valid ${issue.format}` : `text like ${issue.pattern}`;
    default:
      return "a valid value";
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};

function countOf(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" ? " entries" : "";
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

interface Finding {
  readonly path: Path;
  readonly expected: string;
  readonly choices?: readonly string[];
  readonly unknownKey?: boolean;
}

function flatten(issue: Issue, above: Path): readonly Finding[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ path: [...path, key], expected: issue.message, unknownKey: true }));
  if (issue.code === "invalid_value") {
    const choices = issue.values.map(String);
    return [{ path, expected: issue.message, choices }];
  }
  if (issue.code === "invalid_key") {
    return [{ path, expected: issue.issues[0]?.message ?? issue.message, unknownKey: true }];
  }
  if (issue.code === "invalid_union") {
    const branches = issue.errors.map((errors) => errors.flatMap((error) => flatten(error, path)));
    const deeper = branches.filter((findings) => findings.every((finding) => finding.path.length > path.length));
    const nearest = deeper.sort((a, b) => a.length - b.length)[0];
    if (nearest !== undefined && nearest.length > 0) return nearest;
    const choices = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    const words =
      choices.length > 0 ? [oneOf(choices)] : branches.flatMap((branch) => branch.map((each) => each.expected));
    return [{ path, expected: [...new Set(words)].join(" or "), choices }];
  }
  return [{ path, expected: issue.message }];
}

function toMistakes(findings: readonly Finding[], schema: z.ZodType, source: YamlSource, base: Path): Mistake[] {
  const unknown = findings.filter((finding) => finding.unknownKey === true);
  const meant = new Map(
    unknown.map((finding) => {
      const parent = finding.path.slice(0, -1);
      const known = keysAt(schema, parent);
      const free = known.filter((key) => valueAt(source.value, [...base, ...parent, key]) === undefined);
      return [
        finding,
        nearMiss(String(finding.path.at(-1)), free) ?? nearMiss(String(finding.path.at(-1)), known),
      ] as const;
    }),
  );
  /** A required key that was only misspelt is one mistake, not two. */
  const misspelt = new Set([...meant].map(([finding, key]) => showPath([...finding.path.slice(0, -1), key ?? ""])));
  return findings.flatMap((finding): Mistake[] => {
    const path = [...base, ...finding.path];
    if (source.unresolved(path) || !source.reliable(path)) return [];
    const place = { file: source.file, path: showPath(path) };
    const expected = source.redact(finding.expected);
    if (finding.unknownKey === true) {
      const known = keysAt(schema, finding.path.slice(0, -1));
      const near = meant.get(finding);
      return [
        {
          ...place,
          ...source.keyAt(path),
          found: `the key \`${String(finding.path.at(-1))}\``,
          expected: known.length > 0 ? `one of the keys ${known.join(", ")}` : expected,
          ...(near === undefined ? {} : { hint: `Did you mean \`${near}\`?` }),
        },
      ];
    }
    const value = valueAt(source.value, path);
    if (value === undefined) {
      if (misspelt.has(showPath(finding.path)) || source.brokenFrom < Number.POSITIVE_INFINITY) return [];
      return [{ ...place, ...source.keyAt(path), found: "nothing", expected }];
    }
    const near = typeof value === "string" ? nearMiss(value, finding.choices ?? []) : undefined;
    const hint =
      near !== undefined
        ? `Did you mean \`${near}\`?`
        : expected === typeNames["string"] && typeof value !== "object"
          ? "Put it in quotes: unquoted it is not text."
          : undefined;
    return [
      {
        ...place,
        ...source.at(path),
        found: source.describe(path, value),
        expected,
        ...(hint === undefined ? {} : { hint }),
      },
    ];
  });
}

function convert(issues: readonly Issue[], source: YamlSource, base: Path): boolean {
  let changed = false;
  for (const finding of issues.flatMap((issue) => flatten(issue, []))) {
    const path = [...base, ...finding.path];
    if (!source.interpolated(path)) continue;
    const text = valueAt(source.value, path);
    if (typeof text !== "string") continue;
    const value = text === "true" ? true : text === "false" ? false : text.trim() === "" ? Number.NaN : Number(text);
    const parent = valueAt(source.value, path.slice(0, -1));
    const key = path.at(-1);
    if (Number.isNaN(value) || typeof parent !== "object" || parent === null || key === undefined) continue;
    changed = Reflect.set(parent, key, value) || changed;
  }
  return changed;
}
