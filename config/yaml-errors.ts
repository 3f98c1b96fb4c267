import type { ErrorCode } from "yaml";

/** Errors after which the rest of the document still means what it says. */
const harmless: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "DUPLICATE_KEY",
  "BAD_SCALAR_START",
  "TAG_RESOLVE_FAILED",
  "BAD_DQ_ESCAPE",
  "TAB_AS_INDENT",
]);

export function isHarmless(code: ErrorCode): boolean {
  return harmless.has(code);
}

/** In our own words, since the parser's may quote the text, and a secret with it. */
export function explainSyntax(code: ErrorCode): { found: string; expected: string } {
  return {
    found: found[code] ?? `text that is not YAML (${code.toLowerCase().replaceAll("_", " ")})`,
    expected: expected[code] ?? "valid YAML 1.2",
  };
}

const found: Readonly<Partial<Record<ErrorCode, string>>> = {
  DUPLICATE_KEY: "a key that stands twice in the same map",
  TAB_AS_INDENT: "a tab as indentation",
  BAD_INDENT: "a line that is not indented like its neighbours",
  MISSING_CHAR: "a missing quote, bracket, colon, comma or space",
  BAD_SCALAR_START: "a value that begins with a reserved character",
  BAD_DQ_ESCAPE: "an escape that does not exist",
  MULTILINE_IMPLICIT_KEY: "a key that runs over several lines",
  MULTIPLE_DOCS: "a second document after `---`",
  UNEXPECTED_TOKEN: "something that cannot stand here",
  TAG_RESOLVE_FAILED: "a tag (`!…`) that means nothing here",
  BLOCK_AS_IMPLICIT_KEY: "a map inside the line of a key",
  RESOURCE_EXHAUSTION: "brackets nested too deep",
  BLOCK_IN_FLOW: "an indented block inside brackets",
};
const expected: Readonly<Partial<Record<ErrorCode, string>>> = {
  DUPLICATE_KEY: "each key once",
  TAB_AS_INDENT: "spaces",
  BAD_SCALAR_START: "the value in quotes",
  BAD_DQ_ESCAPE: "a known escape, or single quotes",
  MULTIPLE_DOCS: "one document",
};
