import { createHash, randomBytes } from "node:crypto";

export interface Account {
  readonly username: string;
  readonly password: string;
}

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

/** The server's side of Digest as these devices have it: MD5, qop=auth, a nonce of their own that grows stale (RFC 7616). */
export class DigestGuard {
  readonly #account: Account;
  readonly #realm: string;
  #nonce = randomBytes(16).toString("hex");
  #counts = new Set<string>();
  /** How often somebody came with wrong credentials. */
  refused = 0;

  constructor(account: Account, realm = "DS-K1T341") {
    this.#account = account;
    this.#realm = realm;
  }

  /** Value of `WWW-Authenticate`. */
  challenge(stale = false): string {
    return `Digest realm="${this.#realm}", nonce="${this.#nonce}", qop="auth", stale="${stale ? "TRUE" : "FALSE"}"`;
  }

  /** From now on another nonce: what was signed with the old one is stale. */
  renew(): void {
    this.#nonce = randomBytes(16).toString("hex");
    this.#counts = new Set();
  }

  admits(method: string, uri: string, authorization: string | undefined): "yes" | "no" | "stale" {
    if (authorization === undefined || !/^digest /i.test(authorization)) return "no";
    const said = new Map<string, string>();
    for (const [, key = "", quoted, bare] of authorization.slice(7).matchAll(/([a-z]+)=(?:"([^"]*)"|([^\s,]*))/gi)) {
      said.set(key.toLowerCase(), quoted ?? bare ?? "");
    }
    const get = (name: string) => said.get(name) ?? "";
    const a1 = md5(`${this.#account.username}:${this.#realm}:${this.#account.password}`);
    const expected = md5(
      `${a1}:${get("nonce")}:${get("nc")}:${get("cnonce")}:${get("qop")}:${md5(`${method}:${get("uri")}`)}`,
    );
    const count = `${get("nc")}:${get("cnonce")}`;
    const right = get("username") === this.#account.username && get("uri") === uri && get("response") === expected;
    if (!right) this.refused += 1;
    if (!right || this.#counts.has(count)) return "no";
    if (get("nonce") !== this.#nonce) return "stale";
    this.#counts.add(count);
    return "yes";
  }
}
