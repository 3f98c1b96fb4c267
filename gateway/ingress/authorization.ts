/** What a request says of who sends it. */
export type Authorization =
  | { readonly scheme: "basic"; readonly username: string; readonly password: string }
  | ({ readonly scheme: "digest" } & DigestResponse);

/** RFC 7616 §3.4. */
export interface DigestResponse {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly algorithm: string;
  readonly qop: string;
  readonly nc: string;
  readonly cnonce: string;
}

/** Absent where there is none, or none of a form that could be right. */
export function parseAuthorization(header: string | undefined): Authorization | undefined {
  const match = /^\s*(basic|digest)\s+(.+)$/is.exec(header ?? "");
  const [, scheme = "", rest = ""] = match ?? [];
  if (scheme.toLowerCase() === "basic") return parseBasic(rest.trim());
  return scheme === "" ? undefined : parseDigest(rest);
}

/** RFC 7617 §2: the user name ends at the first colon. */
function parseBasic(encoded: string): Authorization | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  return { scheme: "basic", username: text.slice(0, colon), password: text.slice(colon + 1) };
}

const parameter = /\s*([A-Za-z0-9*_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)/gy;

function parseDigest(text: string): Authorization | undefined {
  const found = new Map<string, string>();
  parameter.lastIndex = 0;
  for (let at = 0; at < text.length; at = parameter.lastIndex) {
    const match = parameter.exec(text);
    if (match === null) return undefined;
    const [, name = "", quoted, plain = ""] = match;
    const key = name.toLowerCase();
    // Said twice, it says nothing.
    if (found.has(key)) return undefined;
    found.set(key, quoted === undefined ? plain : quoted.replace(/\\(.)/g, "$1"));
  }
  const of = (name: string): string => found.get(name) ?? "";
  const [username, realm, nonce, uri, response] = ["username", "realm", "nonce", "uri", "response"].map(of);
  if (!username || realm === undefined || !nonce || !uri || !response) return undefined;
  return {
    scheme: "digest",
    ...{ username, realm, nonce, uri, response: response.toLowerCase() },
    algorithm: (found.get("algorithm") ?? "MD5").toUpperCase(),
    qop: of("qop").toLowerCase(),
    nc: of("nc").toLowerCase(),
    cnonce: of("cnonce"),
  };
}
