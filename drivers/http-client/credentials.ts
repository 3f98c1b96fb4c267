import { createHash, randomBytes } from "node:crypto";
import type { Challenge } from "./challenge.ts";

/** What a device's own accounts are called. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The request that is to be signed; `uri` as it stands in the request line. */
export interface SignedRequest {
  readonly method: string;
  readonly uri: string;
}

/** RFC 7617, user name and password in UTF-8. */
export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

/**
 * The `Authorization` that answers the strongest challenge: Digest with SHA-256, then Digest with MD5 (RFC 7616, and RFC 2069
 * where no qop is offered), then Basic. Undefined where none can be answered. `cnonce` is given by tests alone.
 */
export function answerChallenge(
  challenges: readonly Challenge[],
  credentials: Credentials,
  request: SignedRequest,
  cnonce = randomBytes(16).toString("hex"),
): string | undefined {
  const digests = challenges.filter(({ scheme }) => scheme === "digest");
  for (const wanted of ["sha-256", "md5"] as const) {
    for (const { params } of digests) {
      const answer = digestAuthorization(params, wanted, credentials, request, cnonce);
      if (answer !== undefined) return answer;
    }
  }
  return challenges.some(({ scheme }) => scheme === "basic") ? basicAuthorization(credentials) : undefined;
}

const hashes = { "sha-256": "sha256", md5: "md5" } as const;

function digestAuthorization(
  params: ReadonlyMap<string, string>,
  wanted: keyof typeof hashes,
  credentials: Credentials,
  { method, uri }: SignedRequest,
  cnonce: string,
): string | undefined {
  const realm = params.get("realm");
  const nonce = params.get("nonce");
  const algorithm = params.get("algorithm");
  if (realm === undefined || nonce === undefined) return undefined;
  const name = (algorithm ?? "md5").toLowerCase();
  const session = name.endsWith("-sess");
  if ((session ? name.slice(0, -5) : name) !== wanted) return undefined;
  const offered = params.get("qop");
  const qop = offered === undefined ? undefined : offered.split(",").map((each) => each.trim().toLowerCase());
  if (qop !== undefined && !qop.includes("auth")) return undefined;

  const hash = (text: string) => createHash(hashes[wanted]).update(text, "utf8").digest("hex");
  const { username, password } = credentials;
  const secret = hash(`${username}:${realm}:${password}`);
  const a1 = session ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
  const a2 = hash(`${method}:${uri}`);
  const response = qop === undefined ? hash(`${a1}:${nonce}:${a2}`) : hash(`${a1}:${nonce}:${nc}:${cnonce}:auth:${a2}`);
  const opaque = params.get("opaque");
  return [
    `Digest ${userParameter(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
    `response="${response}"`,
    ...(qop === undefined ? [] : ["qop=auth", `nc=${nc}`]),
    ...(qop === undefined && !session ? [] : [`cnonce="${cnonce}"`]),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
  ].join(", ");
}

/** Each nonce is used once: a device is asked seldom, and a challenge for each request spares the counting. */
const nc = "00000001";

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** RFC 7616 §3.4.4: a name beyond ASCII goes as `username*` (RFC 8187), since a header is no UTF-8. */
function userParameter(username: string): string {
  if (/^[\x20-\x7e]*$/.test(username)) return `username=${quote(username)}`;
  const encoded = encodeURIComponent(username).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `username*=UTF-8''${encoded}`;
}
