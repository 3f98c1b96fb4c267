/** Where in a file, both from 1; column counts UTF-16 units as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Keys and indices from the top of a YAML file. */
export type Path = readonly (string | number)[];

/** One thing to mend. Neither text ever holds a secret. */
export interface Mistake extends Position {
  /** As it was named by the caller, or the absolute path of a profile. */
  readonly file: string;
  /** For example `devices[2].options.unit`; empty for the file as a whole. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  /** What to do, where more can be said: a near miss, another place. */
  readonly hint?: string;
}

/** Valid, but worth a second look. */
export interface Warning extends Position {
  readonly file: string;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

export function showPath(path: Path): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)).join("");
}

/** For one line of text: `zhian.yaml:3:7 devices[0].zone`. */
export function showPlace({
  file,
  line,
  column,
  path,
}: Position & { readonly file: string; readonly path: string }): string {
  return `${file}:${line}:${column}${path === "" ? "" : ` ${path}`}`;
}

export function inOrder<T extends Position & { readonly file: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column);
}
