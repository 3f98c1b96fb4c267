import { type DeviceId, deviceIdSchema } from "../domain/ids.ts";

const own = "/ingest/";

/** Where a request wants to go. */
export interface PushTarget {
  /** As it stands in the request line, without its query. */
  readonly path: string;
  /** The device whose own address it is. */
  readonly deviceId: DeviceId | undefined;
  /** Below it, decoded: empty, or with a leading slash. */
  readonly below: string;
  readonly pathToken: string | undefined;
  readonly queryToken: string | undefined;
  /** Without the token. Of a name that is given twice the first counts. */
  readonly query: Readonly<Record<string, string>>;
  /** The path as it may be shown: without what may be a secret. */
  readonly shown: string;
}

/** Absent where the request target is of no form that we serve: another form than a path, dots, control characters, wrong escapes. */
export function parseTarget(uri: string): PushTarget | undefined {
  const [path = "", ...rest] = uri.split("?");
  if (!path.startsWith("/")) return undefined;
  const segments = decoded(path.slice(1).split("/"));
  if (segments === undefined) return undefined;
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(rest.join("?")))
    if (!parameters.has(name)) parameters.set(name, value);
  const queryToken = parameters.get("token");
  parameters.delete("token");
  const query = Object.fromEntries(parameters);
  const common = { path, queryToken, query, shown: shownOf(segments) };
  const id = path.startsWith(own) ? deviceIdSchema.safeParse(segments[1]) : undefined;
  if (id?.success !== true) return { ...common, deviceId: undefined, below: path, pathToken: undefined };
  const withToken = segments[2] === "token" && segments.length > 3;
  const below = segments.slice(withToken ? 4 : 2).map((segment) => `/${segment}`);
  const pathToken = withToken ? segments[3] : undefined;
  return { ...common, deviceId: id.data, below: below.join("") === "/" ? "" : below.join(""), pathToken };
}

/** Tokens are left out, and long levels below the first two: a path may be somebody's only secret. */
function shownOf(segments: readonly string[]): string {
  const secret = (segment: string, at: number): boolean =>
    segments[at - 1]?.toLowerCase() === "token" || (at >= 2 && segment.length >= 16);
  return segments.map((segment, at) => `/${secret(segment, at) ? "…" : segment}`).join("");
}

function decoded(segments: readonly string[]): readonly string[] | undefined {
  try {
    const plain = segments.map((segment) => decodeURIComponent(segment));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    return plain.some((segment) => /^\.{1,2}$|[/\\\u0000-\u001f\u007f]/.test(segment)) ? undefined : plain;
  } catch {
    return undefined;
  }
}
