/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1): a scheme with its parameters, all names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
const blanks = /[ \t]*/y;
const separators = /[ \t,]*/y;

/**
 * The challenges of all `WWW-Authenticate` headers of a reply, in order. Several may stand in one header, separated by the same
 * comma that separates parameters. Reading ends where a header is broken; what was read before it counts.
 */
export function parseChallenges(headers: readonly string[]): readonly Challenge[] {
  return headers.flatMap(parseHeader);
}

function parseHeader(header: string): Challenge[] {
  const found: { scheme: string; params: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(separators);
    const name = take(token)?.[0];
    if (name === undefined) return found;
    take(blanks);
    if (header[at] !== "=") {
      found.push({ scheme: name.toLowerCase(), params: new Map() });
      continue;
    }
    at += 1;
    take(blanks);
    const text = take(quoted);
    const value = text === null ? take(token)?.[0] : text[1]?.replace(/\\(.)/g, "$1");
    const last = found.at(-1);
    if (value === undefined || last === undefined) return found;
    if (!last.params.has(name.toLowerCase())) last.params.set(name.toLowerCase(), value);
  }
}
