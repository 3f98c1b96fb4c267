import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "yaml";
import { type Interpolated, interpolate, type Surroundings } from "./interpolation.ts";
import { type Mistake, type Path, type Position, showPath, type Warning } from "./mistakes.ts";
import { explainSyntax, isHarmless } from "./yaml-errors.ts";

const maxDepth = 64;
const maxNodes = 200_000;

/** A map key whose value must not be shown, whatever it is. */
const secretKey = /pass|secret|token|key$|credential/i;

interface Spot {
  readonly key?: number;
  readonly value: number;
  readonly end: number;
  /** The text of a scalar as it was written, before `${…}` was replaced. */
  readonly written?: string;
}

/**
 * A YAML file as plain values, with the place of every key and value. `${…}` is replaced on the way. An empty value
 * (`zones:`) counts as absent.
 */
export class YamlSource {
  readonly file: string;
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  readonly #mistakes: Mistake[] = [];
  readonly warnings: Warning[] = [];
  /** Nothing behind this offset can be judged, since the text is broken there. */
  readonly brokenFrom: number;
  readonly #spots = new Map<string, Spot>();
  readonly #interpolated = new Set<string>();
  readonly #unresolved = new Set<string>();
  readonly #secrets = new Set<string>();
  readonly #lines = new LineCounter();
  readonly #surroundings: Surroundings | undefined;
  readonly #document: Document.Parsed;
  readonly #targets = new Map<Alias, Node>();
  #nodes = 0;
  #last = 0;

  /** Without surroundings `${…}` is left as it is. */
  constructor(file: string, text: string, surroundings?: Surroundings) {
    this.file = file;
    this.#surroundings = surroundings;
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      schema: "core",
      logLevel: "silent",
    });
    let brokenFrom = Number.POSITIVE_INFINITY;
    const lines = new Set<number>();
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      if (!isHarmless(error.code)) brokenFrom = Math.min(brokenFrom, error.pos[0]);
      const position = this.#position(error.pos[0]);
      // A second error of the same line follows from the first.
      if (lines.has(position.line)) continue;
      lines.add(position.line);
      this.#mistakes.push({ file, ...position, path: "", ...explainSyntax(error.code) });
    }
    this.brokenFrom = brokenFrom;
    const root = this.#document.contents;
    this.value = root === null ? undefined : this.#plain(root, [], undefined, 0);
    this.mistakes = this.#mistakes.map((mistake) => this.#sayWhatIsOpen(mistake, text));
  }

  /** The place of a value, else that of the nearest thing around it. */
  at(path: Path): Position {
    return this.#position(this.#offset(path, "value"));
  }

  /** The place of a key, else that of the value. */
  keyAt(path: Path): Position {
    return this.#position(this.#offset(path, "key"));
  }

  /** Is the text unbroken up to the end of this value, so that a finding there can be believed? */
  reliable(path: Path): boolean {
    return (this.#spots.get(idOf(path))?.end ?? this.#offset(path, "value")) < this.brokenFrom;
  }

  /** A `${…}` in it was replaced. */
  interpolated(path: Path): boolean {
    return this.#interpolated.has(idOf(path));
  }

  /** A `${…}` in it could not be replaced: that was reported, and no more can be said of the value. */
  unresolved(path: Path): boolean {
    return this.#unresolved.has(idOf(path));
  }

  /** What stands there, for a person: as written, never a secret. */
  describe(path: Path, value: unknown): string {
    if (value === undefined) return "nothing";
    if (Array.isArray(value)) return "a list";
    if (typeof value === "object") return "a map";
    if (path.some((part) => typeof part === "string" && secretKey.test(part))) return `a ${typeof value} (hidden)`;
    const written = this.#spots.get(idOf(path))?.written ?? String(value);
    const clipped = written.length > 60 ? `${written.slice(0, 57)}...` : written;
    const shown = clipped.replace(/:\/\/[^/@\s]*@/, "://…@");
    return typeof value === "string" ? JSON.stringify(shown) : `the ${typeof value} ${shown}`;
  }

  /** Takes out of a text of foreign making every value that was read as a secret. */
  redact(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, "…");
    return clean;
  }

  #offset(path: Path, part: "key" | "value"): number {
    for (let length = path.length; length >= 0; length--) {
      const spot = this.#spots.get(idOf(path.slice(0, length)));
      if (spot === undefined) continue;
      if (length === path.length) return part === "key" ? (spot.key ?? spot.value) : spot.value;
      return spot.key ?? spot.value;
    }
    return 0;
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return line === 0 ? { line: 1, column: 1 } : { line, column: col };
  }

  #plain(node: Node, path: Path, key: number | undefined, depth: number): unknown {
    const value = node.range?.[0] ?? key ?? 0;
    const end = node.range?.[1] ?? value;
    const spot = key === undefined ? { value, end } : { key, value, end };
    const id = idOf(path);
    this.#spots.set(id, spot);
    this.#last = Math.max(this.#last, value);
    if (depth > maxDepth || ++this.#nodes > maxNodes) {
      if (this.#nodes <= maxNodes + 1) this.#refuse(path, "a nest too deep or too large", "a plain configuration");
      this.#nodes = Math.max(this.#nodes, maxNodes + 2);
      return undefined;
    }
    if (isAlias(node)) return this.#plainAlias(node, path, spot, depth);
    if (isSeq<Node>(node))
      return node.items.map((item, index) => this.#plain(item, [...path, index], undefined, depth + 1));
    if (isMap<Node, Node | null>(node)) {
      const entries: [string, unknown][] = [];
      for (const pair of node.items) {
        if (!isScalar(pair.key)) {
          this.#refuse(path, "a key that is not plain text", "a plain key", pair.key.range?.[0]);
          continue;
        }
        const name = String(pair.key.value);
        const child = [...path, name];
        const at = pair.key.range?.[0] ?? value;
        if (pair.value === null || (isScalar(pair.value) && pair.value.value === null))
          this.#spots.set(idOf(child), { key: at, value: at, end: at });
        else entries.push([name, this.#plain(pair.value, child, at, depth + 1)]);
      }
      return Object.fromEntries(entries);
    }
    if (!isScalar(node)) return undefined;
    const scalar: unknown = node.value;
    if (typeof scalar !== "string") {
      this.#spots.set(id, { ...spot, written: node.source ?? String(scalar) });
      return scalar ?? undefined;
    }
    this.#spots.set(id, { ...spot, written: scalar });
    return this.#text(scalar, path, id);
  }

  #plainAlias(node: Alias, path: Path, spot: Spot, depth: number): unknown {
    const target = this.#targets.get(node) ?? node.resolve(this.#document);
    if (target === undefined) {
      this.#refuse(path, `the alias \`*${node.source}\` of no anchor`, "an anchor before it");
      return undefined;
    }
    // Resolving walks the whole document.
    this.#targets.set(node, target);
    const value = this.#plain(target, path, spot.key, depth + 1);
    this.#spots.set(idOf(path), { ...this.#spots.get(idOf(path)), ...spot });
    return value;
  }

  #text(text: string, path: Path, id: string): string {
    const secret = path.some((part) => typeof part === "string" && secretKey.test(part));
    const result: Interpolated =
      this.#surroundings === undefined
        ? { ok: true, value: text, changed: false, readableByAll: [] }
        : interpolate(text, this.#surroundings);
    if (!result.ok) {
      this.#unresolved.add(id);
      const { found, expected, hint } = result;
      this.#mistakes.push({
        file: this.file,
        ...this.at(path),
        path: showPath(path),
        found,
        expected,
        ...(hint === undefined ? {} : { hint }),
      });
      return text;
    }
    if (result.changed) this.#interpolated.add(id);
    if (secret ? result.value.length >= 4 : result.changed && result.value.length >= 8) this.#secrets.add(result.value);
    for (const file of result.readableByAll)
      this.#warn(path, `everybody on this machine can read ${file}`, `chmod 600 ${file}`);
    return result.value;
  }

  /** What is not closed is noticed at the end of the file, far from where it began. */
  #sayWhatIsOpen(mistake: Mistake, text: string): Mistake {
    const end = this.#position(text.length);
    if (mistake.path !== "" || mistake.line < end.line) return mistake;
    const { line, column } = this.#position(this.#last);
    return { ...mistake, hint: `Is the value closed that begins on line ${line}, column ${column}?` };
  }

  #refuse(path: Path, found: string, expected: string, offset?: number): void {
    const position = offset === undefined ? this.at(path) : this.#position(offset);
    this.#mistakes.push({ file: this.file, ...position, path: showPath(path), found, expected });
  }

  #warn(path: Path, message: string, hint: string): void {
    this.warnings.push({ file: this.file, ...this.at(path), path: showPath(path), message, hint });
  }
}

function idOf(path: Path): string {
  return path.join("\0");
}
