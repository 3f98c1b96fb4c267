import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { GatewayError } from "../domain/errors.ts";
import { type DeviceId, deviceIdSchema } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Stranger } from "../ports/devices.ts";
import type { HttpGrants } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { type DigestResponse, parseAuthorization } from "./authorization.ts";
import { Nonces, UsedNonces } from "./nonces.ts";
import type { PushTarget } from "./push-target.ts";
import { RecentMap } from "./recent-map.ts";
import { SignInBackoff } from "./sign-in-backoff.ts";
import { SparseLog } from "./sparse-log.ts";
import { presentable, Strangers, wrongPassword } from "./strangers.ts";

const realm = "zhian";
/** So many challenges in a row without an answer, and an address is offered only what every device knows. */
const unansweredAtMost = 2;

/** The head of a request, as it knocks. */
export interface HttpKnock {
  readonly address: string;
  readonly method: string;
  /** As it stands in the request line. */
  readonly uri: string;
  readonly target: PushTarget;
  readonly authorization: string | undefined;
}

/** A device on the ingest listener. */
export interface HttpAccount {
  readonly deviceId: DeviceId;
  readonly maxBodyBytes: number | undefined;
}

export type HttpVerdict =
  | {
      readonly admitted: true;
      readonly account: HttpAccount /** Below the device's own address. */;
      readonly path: string;
    }
  | {
      readonly admitted: false;
      readonly reason: "unknown-device" | "no-credentials" | "wrong-credentials" | "stale-nonce" | "backing-off";
      /** Values of `WWW-Authenticate`; the same whether there is such a device or not. */
      readonly challenges: readonly string[];
      /** For `Retry-After`, ms. */
      readonly waitMs?: number;
      /** Nothing of it is known to us: told to the strangers, with the start of what it says where that is heard. */
      readonly stranger: ((said: string) => void) | undefined;
    };

interface Credential extends HttpAccount {
  readonly grants: HttpGrants;
  readonly password: Buffer;
  readonly token: Buffer;
  readonly used: UsedNonces;
}

export interface HttpAdmissionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly nonceMs: number;
}

/** Who may push, as whom, and to which paths. Nobody until `replace` was called. */
export class HttpAdmission {
  readonly #logger: Logger;
  readonly #telemetry: Telemetry;
  readonly #log: SparseLog;
  readonly #strangers: Strangers;
  readonly #nonces: Nonces;
  readonly #backoff: SignInBackoff;
  /** Apart, so that guessing names does not push out what is known of the devices; and just like theirs. */
  readonly #strangersBackoff: SignInBackoff;
  readonly #unanswered = new RecentMap<string, number>(1024);
  readonly #nobody: Credential;
  #byDevice: ReadonlyMap<DeviceId, Credential> = new Map();
  #byPath: ReadonlyMap<string, Credential> = new Map();

  constructor({ clock, logger, telemetry, nonceMs }: HttpAdmissionOptions) {
    this.#logger = logger;
    this.#telemetry = telemetry;
    this.#log = new SparseLog(clock);
    this.#strangers = new Strangers(clock);
    this.#nonces = new Nonces(clock, nonceMs);
    this.#backoff = new SignInBackoff(clock);
    this.#strangersBackoff = new SignInBackoff(clock);
    const secret = randomBytes(32).toString("base64url");
    this.#nobody = credentialOf(deviceIdSchema.parse("nobody"), { username: secret, password: secret, token: secret });
  }

  /** Throws CONFIG_INVALID for a device that could not be told from others, or a path that cannot be its own. */
  check(devices: ReadonlyMap<DeviceId, HttpGrants>): void {
    const owners = new Map<string, DeviceId>();
    for (const [deviceId, grants] of devices) {
      const wrong = (what: string) => new GatewayError("CONFIG_INVALID", `${deviceId}: ${what}`);
      const { username, password, token, paths = [] } = grants;
      if ((username === undefined) !== (password === undefined)) throw wrong("user name and password go together");
      if (username === undefined && token === undefined) throw wrong("it needs a user name and password, or a token");
      if (username === "" || username?.includes(":") === true) throw wrong("a user name is some text without a colon");
      if (password === "") throw wrong("the password is empty");
      if (token !== undefined && token.length < 8) throw wrong("the token is shorter than 8 characters");
      for (const path of paths) {
        if (!/^\/[^\s?#%\\]{1,255}$/.test(path) || /^\/ingest(\/|$)|\/\.{1,2}(\/|$)|\/\//.test(path))
          throw wrong(`no path of its own: ${presentable(path)}`);
        const owner = owners.get(path);
        if (owner !== undefined) throw wrong(`the path ${path} is that of ${owner}`);
        owners.set(path, deviceId);
      }
    }
  }

  /** From now on these and no others; counters of nonces go on where nothing changed. Throws as `check`, and changes nothing. */
  replace(devices: ReadonlyMap<DeviceId, HttpGrants>): void {
    this.check(devices);
    const byDevice = new Map<DeviceId, Credential>();
    for (const [deviceId, grants] of devices) {
      const known = this.#byDevice.get(deviceId);
      const kept = known !== undefined && isDeepStrictEqual(known.grants, grants) ? known : undefined;
      byDevice.set(deviceId, kept ?? credentialOf(deviceId, grants));
    }
    const all = [...byDevice.values()];
    this.#byDevice = byDevice;
    const key = (path: string) => sha256(path).toString("base64");
    this.#byPath = new Map(all.flatMap((each) => (each.grants.paths ?? []).map((path) => [key(path), each] as const)));
  }

  stillAdmits(account: HttpAccount): boolean {
    return this.#byDevice.get(account.deviceId) === account;
  }

  judge(knock: HttpKnock): HttpVerdict {
    if (knock.authorization !== undefined) this.#unanswered.delete(knock.address);
    const verdict = this.#judge(knock);
    if (verdict.admitted) return verdict;
    const { reason } = verdict;
    this.#telemetry.count("zhian_ingest_sign_ins_refused_total", { reason });
    // The first request of every Digest exchange has none.
    if (reason === "no-credentials" || reason === "stale-nonce") return verdict;
    const path = presentable(knock.target.shown);
    this.#log.note(`${reason}\n${knock.address}\n${path}`, (count) =>
      this.#logger.warn({ reason, address: knock.address, path, count }, "sign-in of a device over HTTP refused"),
    );
    return verdict;
  }

  /** Newest first. */
  strangers(): readonly Stranger[] {
    return this.#strangers.list();
  }

  #judge(knock: HttpKnock): HttpVerdict {
    const { address, target } = knock;
    const own = target.deviceId === undefined ? undefined : this.#byDevice.get(target.deviceId);
    // By its hash, so that the time of the search tells nothing of a path that is a secret.
    const literal = this.#byPath.get(sha256(target.path).toString("base64"));
    const known = literal ?? own;
    const credential = known ?? this.#nobody;
    const said = parseAuthorization(knock.authorization);
    const token = (literal === undefined ? target.pathToken : levelToken(literal, target.path)) ?? target.queryToken;
    const challenges = this.#challenges(address, false);
    const stranger = (snippet?: string) => {
      const heard = { via: "http" as const, username: said?.username ?? "", clientId: target.shown, address };
      return (text: string) => this.#strangers.knock({ ...heard, said: text }, snippet);
    };
    if (knock.authorization === undefined && token === undefined) {
      const unanswered = (this.#unanswered.get(address) ?? 0) + 1;
      this.#unanswered.put(address, unanswered);
      if (known === undefined) return { admitted: false, reason: "unknown-device", challenges, stranger: stranger() };
      const silent = unanswered > unansweredAtMost ? stranger(withoutCredentials(known.deviceId)) : undefined;
      return { admitted: false, reason: "no-credentials", challenges, stranger: silent };
    }
    const backoff = known === undefined ? this.#strangersBackoff : this.#backoff;
    const name = known?.deviceId ?? target.path;
    const waitMs = backoff.waitMs(address, name);
    if (waitMs > 0) return { admitted: false, reason: "backing-off", challenges: [], waitMs, stranger: undefined };
    // What belongs to nobody takes as long as what belongs to a device.
    const right = isRight(credential, said, token, knock);
    if (known !== undefined && right) {
      const counted = said?.scheme === "digest" ? this.#counted(known, said) : true;
      if (!counted)
        return {
          admitted: false,
          reason: "stale-nonce",
          challenges: this.#challenges(address, true),
          stranger: undefined,
        };
      backoff.succeeded(address, name);
      return { admitted: true, account: known, path: literal === undefined ? target.below : target.path };
    }
    backoff.failed(address, name);
    const reason = known === undefined ? "unknown-device" : "wrong-credentials";
    const snippet = known === undefined ? undefined : wrongPassword([known.deviceId]);
    return { admitted: false, reason, challenges, stranger: stranger(snippet) };
  }

  /** RFC 7616 §3.4: each counter value once, with a nonce of ours that is not too old. */
  #counted({ used }: Credential, { nonce, nc }: DigestResponse): boolean {
    const issuedAt = this.#nonces.issuedAt(nonce);
    return issuedAt !== undefined && used.use(nonce, Number.parseInt(nc, 16), issuedAt);
  }

  /**
   * RFC 7616 §3.7: the preferred one first. Some devices understand only the first challenge, and of Digest only MD5: where
   * an address leaves them unanswered, MD5 comes first for a while. All have one nonce, for clients that mix them up.
   */
  #challenges(address: string, stale: boolean): readonly string[] {
    const plain = (this.#unanswered.get(address) ?? 0) % (2 * unansweredAtMost) >= unansweredAtMost;
    const nonce = this.#nonces.issue();
    const digest = (algorithm: string) =>
      `Digest realm="${realm}", qop="auth", algorithm=${algorithm}, nonce="${nonce}"${stale ? ", stale=true" : ""}`;
    const digests = plain ? [digest("MD5")] : [digest("SHA-256"), digest("MD5")];
    return [...digests, `Basic realm="${realm}", charset="UTF-8"`];
  }
}

function credentialOf(deviceId: DeviceId, grants: HttpGrants): Credential {
  // What is not granted is a secret that nobody knows.
  const { password, token, maxBodyBytes } = grants;
  const secret = (text: string | undefined) => sha256(text ?? randomBytes(32));
  return { deviceId, grants, maxBodyBytes, password: secret(password), token: secret(token), used: new UsedNonces() };
}

/** A path of its own that has the token for one of its levels says it, for firmware that can send nothing else. */
function levelToken({ grants: { token } }: Credential, path: string): string | undefined {
  return token !== undefined && path.split("/").includes(token) ? token : undefined;
}

function withoutCredentials(deviceId: DeviceId): string {
  return `# ${deviceId}: the device pushes without user name and password.`;
}

function isRight(
  { grants, password, token }: Credential,
  said: ReturnType<typeof parseAuthorization>,
  saidToken: string | undefined,
  knock: HttpKnock,
): boolean {
  if (saidToken !== undefined && timingSafeEqual(sha256(saidToken), token)) return true;
  if (said === undefined) return false;
  const named = equal(said.username, grants.username ?? randomBytes(8).toString("hex"));
  if (said.scheme === "basic") return timingSafeEqual(sha256(said.password), password) && named;
  return digestRight(said, grants.password ?? randomBytes(32).toString("hex"), knock) && named;
}

/** RFC 7616 §3.4.1–3.4.3 with qop=auth. Some devices leave out the query of the address, some begin it with the host. */
function digestRight(said: DigestResponse, password: string, { method, uri }: HttpKnock): boolean {
  const algorithm = ({ MD5: "md5", "SHA-256": "sha256" } as const)[said.algorithm];
  if (algorithm === undefined || said.qop !== "auth" || said.realm !== realm) return false;
  if (!/^[0-9a-f]{8}$/.test(said.nc) || said.cnonce === "") return false;
  const named = said.uri.replace(/^https?:\/\/[^/]*/i, "");
  if (named !== uri && named !== uri.split("?")[0]) return false;
  const h = (text: string) => hash(algorithm, text, "hex");
  const secret = h(`${said.username}:${realm}:${password}`);
  const expected = h(`${secret}:${said.nonce}:${said.nc}:${said.cnonce}:auth:${h(`${method}:${said.uri}`)}`);
  return equal(said.response, expected);
}

function equal(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

function sha256(secret: string | Uint8Array): Buffer {
  return hash("sha256", secret, "buffer");
}
