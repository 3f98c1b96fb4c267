import { hash, randomUUID, timingSafeEqual } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { GatewayError } from "../domain/errors.ts";
import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Stranger } from "../ports/devices.ts";
import type { MqttGrants } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { ClientIds } from "./client-ids.ts";
import { defaultLimits, type IngressLimits } from "./limits.ts";
import { SignInBackoff } from "./sign-in-backoff.ts";
import { SparseLog } from "./sparse-log.ts";
import { presentable, Strangers, wrongPassword } from "./strangers.ts";

/** A CONNECT as it knocks. */
export interface Knock {
  readonly address: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly clientId: string;
  /** Without it an empty client id is refused (MQTT 3.1.1 §3.1.3.1). */
  readonly clean: boolean;
  readonly will: { readonly topic: string; readonly qos: number; readonly payload?: Uint8Array } | undefined;
}

export type RefusedBecause =
  | "client-id-invalid"
  | "client-id-taken"
  | "unknown-user"
  | "wrong-password"
  | "backing-off"
  | "will-forbidden";

export type Verdict =
  | {
      readonly admitted: true;
      /** The credential that it was admitted by. */
      readonly by: Account;
      /** As the device said it; `sessionId` is the one that the broker works with, in a namespace of the account's own. */
      readonly clientId: string;
      readonly sessionId: string;
    }
  | {
      readonly admitted: false;
      readonly reason: RefusedBecause;
      /** CONNACK return code, MQTT 3.1.1 §3.2.2.3. */
      readonly returnCode: 2 | 3 | 4 | 5;
    };

/** A user name on the broker with the devices that its client speaks for: one, or those that share it. */
export interface Account {
  /** Namespace of its client ids: the device's id, or for a shared account a name that no device can have. */
  readonly owner: string;
  readonly username: string;
  readonly shared: boolean;
  readonly devices: readonly DeviceId[];
}

interface Credential extends Account {
  readonly secret: Buffer;
}

interface Rights {
  readonly grants: MqttGrants;
  readonly credential: Credential;
  readonly publish: ReadonlySet<string>;
  readonly subscribe: ReadonlySet<string>;
}

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly limits?: Partial<IngressLimits>;
}

/** Who may connect, as whom, and what each may publish and subscribe. Nobody until `replace` was called. */
export class Admission {
  readonly #limits: IngressLimits;
  readonly #logger: Logger;
  readonly #telemetry: Telemetry;
  readonly #log: SparseLog;
  readonly #strangers: Strangers;
  readonly #unclaimed: Strangers;
  readonly #backoff: SignInBackoff;
  readonly #clientIds: ClientIds;
  readonly #nobody = digest(randomUUID());
  #byUser: ReadonlyMap<string, Credential> = new Map();
  #byDevice: ReadonlyMap<DeviceId, Rights> = new Map();

  constructor({ clock, logger, telemetry, limits }: AdmissionOptions) {
    this.#limits = { ...defaultLimits, ...limits };
    this.#logger = logger;
    this.#telemetry = telemetry;
    this.#log = new SparseLog(clock);
    this.#strangers = new Strangers(clock);
    this.#unclaimed = new Strangers(clock);
    this.#backoff = new SignInBackoff(clock);
    this.#clientIds = new ClientIds(clock, this.#limits.clientIdHeldMs, this.#limits.connectionsPerDevice);
  }

  /**
   * From now on these and no others. Answers with the devices that may no longer do what they could: their connections
   * have to be cut. Throws CONFIG_INVALID, and changes nothing, for a user name that is used twice and not shared, an empty
   * password or a topic that cannot be granted.
   */
  replace(devices: ReadonlyMap<DeviceId, MqttGrants>): readonly DeviceId[] {
    const members = new Map<string, [DeviceId, MqttGrants][]>();
    for (const [deviceId, grants] of devices) {
      this.#check(deviceId, grants);
      const others = members.get(grants.username) ?? [];
      const [first] = others;
      if (first !== undefined && !mayShare(first[1], grants)) {
        const who = `${first[0]} and ${deviceId}`;
        throw new GatewayError("CONFIG_INVALID", `${who} have the same broker user name "${grants.username}"`);
      }
      members.set(grants.username, [...others, [deviceId, grants]]);
    }
    const byUser = new Map<string, Credential>();
    const byDevice = new Map<DeviceId, Rights>();
    for (const [username, group] of members) {
      const known = this.#byUser.get(username);
      const kept = known !== undefined && this.#unchanged(known, group) ? known : credentialOf(username, group);
      byUser.set(username, kept);
      for (const [deviceId, grants] of group) byDevice.set(deviceId, rightsOf(grants, kept));
    }
    const gone = [...this.#byUser.values()].filter((old) => byUser.get(old.username) !== old);
    const owners = new Set([...byUser.values()].map(({ owner }) => owner));
    for (const { owner } of gone) if (!owners.has(owner)) this.#clientIds.forget(owner);
    this.#byUser = byUser;
    this.#byDevice = byDevice;
    return gone.flatMap(({ devices: ids }) => ids);
  }

  /** Judges a CONNECT. An admitted one holds its client id until `leave`. */
  judge(knock: Knock): Verdict {
    const verdict = this.#judge(knock);
    if (verdict.admitted) {
      this.#clientIds.take(verdict.clientId, verdict.by.owner);
      return verdict;
    }
    const { reason } = verdict;
    const username = presentable(knock.username ?? "");
    const clientId = presentable(knock.clientId);
    this.#telemetry.count("zhian_ingress_sign_ins_refused_total", { reason });
    this.#log.note(`${reason}\n${knock.address}\n${username}`, (count) =>
      this.#logger.warn({ reason, address: knock.address, username, clientId, count }, "sign-in of a device refused"),
    );
    return verdict;
  }

  /** False where the rights of one of its devices have changed since it was admitted. */
  stillAdmits({ by }: { readonly by: Account }): boolean {
    return by.devices.every((deviceId) => this.#byDevice.get(deviceId)?.credential === by);
  }

  /** A connection that was admitted is gone. */
  leave(clientId: string, { owner }: Account): void {
    this.#clientIds.leave(clientId, owner);
  }

  mayPublish(deviceId: DeviceId, topic: string): boolean {
    const rights = this.#byDevice.get(deviceId);
    if (rights === undefined) return false;
    if (rights.publish.has(topic)) return true;
    const below = rights.grants.publishBelow ?? [];
    return below.some((start) => topic.length > start.length && topic.startsWith(start)) && this.#publishable(topic);
  }

  /** A filter is allowed where it is granted to the letter: a wildcard covers nothing that is granted otherwise. */
  maySubscribe(deviceId: DeviceId, filter: string): boolean {
    return this.#byDevice.get(deviceId)?.subscribe.has(filter) === true;
  }

  /** A shared client reports something that belongs to none of its devices: one that is not configured yet. */
  unclaimed({ username }: Account, topic: string, address: string): void {
    this.#unclaimed.knock({ via: "mqtt", username, clientId: topic, address, topic });
  }

  /** Newest first. */
  strangers(): readonly Stranger[] {
    return [...this.#strangers.list(), ...this.#unclaimed.list()].sort((a, b) => b.lastAt - a.lastAt);
  }

  #judge({ address, username, password, clientId, clean, will }: Knock): Verdict {
    const credential = username === undefined ? undefined : this.#byUser.get(username);
    const mqtt = { via: "mqtt" as const, username: username ?? "", clientId, address, ...heardIn(will) };
    if (credential === undefined) this.#strangers.knock(mqtt);
    if (!this.#clientIdAllowed(clientId, clean)) return refused("client-id-invalid", 2);
    const user = credential === undefined ? undefined : username;
    if (this.#backoff.waitMs(address, user) > 0) return refused("backing-off", 3);
    // An unknown user takes as long as a known one: nobody learns from the time which names exist.
    const right = timingSafeEqual(digest(password ?? new Uint8Array()), credential?.secret ?? this.#nobody);
    if (credential === undefined || !right) {
      if (credential !== undefined) this.#strangers.knock(mqtt, wrongPassword(credential.devices));
      this.#backoff.failed(address, user);
      return refused(credential === undefined ? "unknown-user" : "wrong-password", 4);
    }
    this.#backoff.succeeded(address, credential.username);
    const { owner, devices } = credential;
    // aedes does not authorise a will before it is due.
    if (will !== undefined && (will.qos > 2 || !devices.some((deviceId) => this.mayPublish(deviceId, will.topic))))
      return refused("will-forbidden", 5);
    const own = clientId === "" ? `~${randomUUID()}` : clientId;
    if (this.#clientIds.heldByOther(own, owner) !== undefined) return refused("client-id-taken", 2);
    // An owner has no slash: no credential can name a session of another.
    return { admitted: true, clientId: own, sessionId: `${owner}/${own}`, by: credential };
  }

  #clientIdAllowed(clientId: string, clean: boolean): boolean {
    if (clientId === "") return clean;
    return Buffer.byteLength(clientId) <= this.#limits.clientIdBytes && presentable(clientId, Infinity) === clientId;
  }

  #unchanged(known: Credential, group: readonly [DeviceId, MqttGrants][]): boolean {
    return isDeepStrictEqual(
      known.devices.map((deviceId) => [deviceId, this.#byDevice.get(deviceId)?.grants]),
      group,
    );
  }

  #check(deviceId: DeviceId, grants: MqttGrants): void {
    const wrong = (what: string) => new GatewayError("CONFIG_INVALID", `${deviceId}: ${what}`);
    if (grants.username === "") throw wrong("the broker user name is empty");
    if (grants.password === "") throw wrong("the broker password is empty");
    for (const topic of grants.publish) {
      if (!this.#publishable(topic)) throw wrong(`no topic to publish on: ${presentable(topic)}`);
    }
    for (const below of grants.publishBelow ?? []) {
      if (!below.endsWith("/") || !this.#publishable(below.slice(0, -1)))
        throw wrong(`no subtree to publish in: ${presentable(below)}`);
    }
    for (const filter of grants.subscribe) {
      if (!this.#topicAllowed(filter)) throw wrong(`no topic to subscribe to: ${presentable(filter)}`);
    }
  }

  /** What the wire brings is held against these bounds too, since in a subtree the device names the topic. */
  #publishable(topic: string): boolean {
    return !/[+#]/.test(topic) && this.#topicAllowed(topic);
  }

  #topicAllowed(topic: string): boolean {
    const { topicBytes, topicLevels } = this.#limits;
    if (topic === "" || topic.startsWith("$") || presentable(topic, Infinity) !== topic) return false;
    return Buffer.byteLength(topic) <= topicBytes && topic.split("/").length <= topicLevels;
  }
}

/** What a last will tells of the device that left it: the start of it is enough to be named by. */
function heardIn(will: Knock["will"]): { topic?: string; said?: string } {
  if (will === undefined) return {};
  return { topic: will.topic, said: Buffer.from((will.payload ?? new Uint8Array()).subarray(0, 2048)).toString() };
}

function refused(reason: RefusedBecause, returnCode: 2 | 3 | 4 | 5): Verdict {
  return { admitted: false, reason, returnCode };
}

function digest(secret: string | Uint8Array): Buffer {
  return hash("sha256", secret, "buffer");
}

function mayShare(a: MqttGrants, b: MqttGrants): boolean {
  return a.shared === true && b.shared === true && a.password === b.password;
}

function credentialOf(username: string, group: readonly [DeviceId, MqttGrants][]): Credential {
  const devices = group.map(([deviceId]) => deviceId);
  const shared = group.some(([, grants]) => grants.shared === true);
  const password = group[0]?.[1].password ?? randomUUID();
  // A user name may hold a slash, and a client id too: by the hash no two accounts come to the same session id.
  const owner = shared ? `~${hash("sha256", username, "hex").slice(0, 32)}` : devices.join();
  return { owner, shared, devices, username, secret: digest(password) };
}

function rightsOf(grants: MqttGrants, credential: Credential): Rights {
  return { grants, credential, publish: new Set(grants.publish), subscribe: new Set(grants.subscribe) };
}
