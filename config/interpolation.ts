import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory that `${file:…}` is relative to. */
  readonly dir: string;
}

export type Interpolated =
  | { readonly ok: true; readonly value: string; readonly changed: boolean; readonly readableByAll: readonly string[] }
  | { readonly ok: false; readonly found: string; readonly expected: string; readonly hint?: string };

const maxSecretBytes = 64 * 1024;
const forms = `\${NAME}, \${NAME:-default} or \${file:path}`;
const literally = `A literal \`\${\` is written \`$\${\`.`;
const reference = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const variable = /^([A-Za-z_][A-Za-z0-9_]*)(:-([\s\S]*))?$/;

class Unresolved extends Error {
  readonly found: string;
  readonly expected: string;
  readonly hint: string | undefined;

  constructor(found: string, expected: string, hint?: string) {
    super(found);
    this.found = found;
    this.expected = expected;
    this.hint = hint;
  }
}

/**
 * Puts the environment's values and the files' contents in the place of `${NAME}`, `${NAME:-default}` (also where NAME
 * is empty) and `${file:path}` (without the newline at its end); `$${` stands for `${` itself. One pass: what was put
 * in is not looked at again.
 */
export function interpolate(text: string, surroundings: Surroundings): Interpolated {
  if (!text.includes("${")) return { ok: true, value: text, changed: false, readableByAll: [] };
  const readableByAll: string[] = [];
  try {
    const value = text.replace(reference, (whole: string, inner: string | undefined) => {
      if (whole === "$${") return "${";
      if (inner === undefined) throw new Unresolved("`$` and `{` without their `}`", forms, literally);
      if (inner.startsWith("file:")) return readSecret(inner.slice("file:".length), surroundings.dir, readableByAll);
      return fromEnvironment(inner, surroundings.env);
    });
    return { ok: true, value, changed: true, readableByAll };
  } catch (error) {
    if (!(error instanceof Unresolved)) throw error;
    const { found, expected, hint } = error;
    return hint === undefined ? { ok: false, found, expected } : { ok: false, found, expected, hint };
  }
}

function fromEnvironment(inner: string, env: Surroundings["env"]): string {
  const match = variable.exec(inner);
  // The text itself may be a part of a password: it is not shown.
  if (match === null) throw new Unresolved("a reference of no known form", forms, literally);
  const name = match[1] ?? "";
  const value = env[name];
  if (match[2] !== undefined) return value === undefined || value === "" ? (match[3] ?? "") : value;
  if (value !== undefined) return value;
  throw new Unresolved(
    `\`\${${name}}\`, and no ${name} in the environment`,
    `a value for ${name}`,
    `Set ${name} where the gateway is started, or give a default: \${${name}:-default}.`,
  );
}

function readSecret(path: string, dir: string, readableByAll: string[]): string {
  const file = resolve(dir, path);
  const refuse = (why: string): never => {
    throw new Unresolved(
      `\`\${file:${path}}\`: ${why}`,
      "a readable text file with the value",
      `It was looked for at ${file}.`,
    );
  };
  if (path === "") refuse("no path");
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    return refuse(why(error));
  }
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) refuse("not a file");
    if (stat.size > maxSecretBytes) refuse(`larger than ${maxSecretBytes} bytes`);
    if ((stat.mode & 0o004) !== 0) readableByAll.push(file);
    const value = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(handle)).replace(/[\r\n]+$/, "");
    return value === "" ? refuse("empty") : value;
  } catch (error) {
    if (error instanceof Unresolved) throw error;
    return refuse(error instanceof TypeError ? "not UTF-8 text" : why(error));
  } finally {
    closeSync(handle);
  }
}

/** An operating system's refusal in words that hold no more than its kind. */
export function why(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "no permission to read it";
  if (code === "EISDIR") return "a directory";
  if (code === "ENOTDIR") return "a part of the path is not a directory";
  return typeof code === "string" ? code : "cannot be read";
}
