import { hash, randomUUID, timingSafeEqual } from "node:crypto";
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
import { presentable, Strangers } from "./strangers.ts";

/** A CONNECT as it knocks. */
export interface Knock {
  readonly address: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly clientId: string;
  /** Without it an empty client id is refused (MQTT 3.1.1 §3.1.3.1). */
  readonly clean: boolean;
  readonly will: { readonly topic: string; readonly qos: number } | undefined;
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
      readonly deviceId: DeviceId;
      /** As the device said it; `sessionId` is the one that the broker works with, in a namespace of the device's own. */
      readonly clientId: string;
      readonly sessionId: string;
      /** The credential that it was admitted by. */
      readonly by: object;
    }
  | {
      readonly admitted: false;
      readonly reason: RefusedBecause;
      /** CONNACK return code, MQTT 3.1.1 §3.2.2.3. */
      readonly returnCode: 2 | 3 | 4 | 5;
    };

interface Credential {
  readonly deviceId: DeviceId;
  readonly grants: MqttGrants;
  readonly secret: Buffer;
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
  readonly #backoff: SignInBackoff;
  readonly #clientIds: ClientIds;
  readonly #nobody = digest(randomUUID());
  #byUser: ReadonlyMap<string, Credential> = new Map();
  #byDevice: ReadonlyMap<DeviceId, Credential> = new Map();

  constructor({ clock, logger, telemetry, limits }: AdmissionOptions) {
    this.#limits = { ...defaultLimits, ...limits };
    this.#logger = logger;
    this.#telemetry = telemetry;
    this.#log = new SparseLog(clock);
    this.#strangers = new Strangers(clock);
    this.#backoff = new SignInBackoff(clock);
    this.#clientIds = new ClientIds(clock, this.#limits.clientIdHeldMs, this.#limits.connectionsPerDevice);
  }

  /**
   * From now on these and no others. Answers with the devices that may no longer do what they could: their connections
   * have to be cut. Throws CONFIG_INVALID, and changes nothing, for a user name that is used twice, an empty password or a
   * topic that cannot be granted.
   */
  replace(devices: ReadonlyMap<DeviceId, MqttGrants>): readonly DeviceId[] {
    const byUser = new Map<string, Credential>();
    const byDevice = new Map<DeviceId, Credential>();
    for (const [deviceId, grants] of devices) {
      const known = this.#byDevice.get(deviceId);
      const credential = known !== undefined && same(known.grants, grants) ? known : this.#credential(deviceId, grants);
      const other = byUser.get(grants.username);
      if (other !== undefined) {
        const who = `${other.deviceId} and ${deviceId}`;
        throw new GatewayError("CONFIG_INVALID", `${who} have the same broker user name "${grants.username}"`);
      }
      byUser.set(grants.username, credential);
      byDevice.set(deviceId, credential);
    }
    const changed = [...this.#byDevice.values()].filter((old) => byDevice.get(old.deviceId) !== old);
    for (const { deviceId } of changed) if (!byDevice.has(deviceId)) this.#clientIds.forget(deviceId);
    this.#byUser = byUser;
    this.#byDevice = byDevice;
    return changed.map(({ deviceId }) => deviceId);
  }

  /** Judges a CONNECT. An admitted one holds its client id until `leave`. */
  judge(knock: Knock): Verdict {
    const verdict = this.#judge(knock);
    if (verdict.admitted) {
      this.#clientIds.take(verdict.clientId, verdict.deviceId);
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

  /** False where the device's rights have changed since it was admitted. */
  stillAdmits({ deviceId, by }: { readonly deviceId: DeviceId; readonly by: object }): boolean {
    return this.#byDevice.get(deviceId) === by;
  }

  /** A connection that was admitted is gone. */
  leave(clientId: string, deviceId: DeviceId): void {
    this.#clientIds.leave(clientId, deviceId);
  }

  mayPublish(deviceId: DeviceId, topic: string): boolean {
    return this.#byDevice.get(deviceId)?.publish.has(topic) === true;
  }

  /** A filter is allowed where it is granted to the letter: a wildcard covers nothing that is granted otherwise. */
  maySubscribe(deviceId: DeviceId, filter: string): boolean {
    return this.#byDevice.get(deviceId)?.subscribe.has(filter) === true;
  }

  strangers(): readonly Stranger[] {
    return this.#strangers.list();
  }

  #judge({ address, username, password, clientId, clean, will }: Knock): Verdict {
    const credential = username === undefined ? undefined : this.#byUser.get(username);
    if (credential === undefined) {
      const topic = will === undefined ? {} : { topic: will.topic };
      this.#strangers.knock({ via: "mqtt", username: username ?? "", clientId, address, ...topic });
    }
    if (!this.#clientIdAllowed(clientId, clean)) return refused("client-id-invalid", 2);
    const user = credential === undefined ? undefined : username;
    if (this.#backoff.waitMs(address, user) > 0) return refused("backing-off", 3);
    // An unknown user takes as long as a known one: nobody learns from the time which names exist.
    const right = timingSafeEqual(digest(password ?? new Uint8Array()), credential?.secret ?? this.#nobody);
    if (credential === undefined || !right) {
      this.#backoff.failed(address, user);
      return refused(credential === undefined ? "unknown-user" : "wrong-password", 4);
    }
    this.#backoff.succeeded(address, credential.grants.username);
    const { deviceId } = credential;
    // aedes does not authorise a will before it is due.
    if (will !== undefined && (will.qos > 2 || !credential.publish.has(will.topic)))
      return refused("will-forbidden", 5);
    const own = clientId === "" ? `~${randomUUID()}` : clientId;
    if (this.#clientIds.heldByOther(own, deviceId) !== undefined) return refused("client-id-taken", 2);
    // A device id has no slash: no credential can name a session of another.
    return { admitted: true, deviceId, clientId: own, sessionId: `${deviceId}/${own}`, by: credential };
  }

  #clientIdAllowed(clientId: string, clean: boolean): boolean {
    if (clientId === "") return clean;
    return Buffer.byteLength(clientId) <= this.#limits.clientIdBytes && presentable(clientId, Infinity) === clientId;
  }

  #credential(deviceId: DeviceId, grants: MqttGrants): Credential {
    const wrong = (what: string) => new GatewayError("CONFIG_INVALID", `${deviceId}: ${what}`);
    if (grants.username === "") throw wrong("the broker user name is empty");
    if (grants.password === "") throw wrong("the broker password is empty");
    for (const topic of grants.publish) {
      if (/[+#]/.test(topic) || !this.#topicAllowed(topic))
        throw wrong(`no topic to publish on: ${presentable(topic)}`);
    }
    for (const filter of grants.subscribe) {
      if (!this.#topicAllowed(filter)) throw wrong(`no topic to subscribe to: ${presentable(filter)}`);
    }
    return {
      deviceId,
      grants,
      secret: digest(grants.password),
      publish: new Set(grants.publish),
      subscribe: new Set(grants.subscribe),
    };
  }

  /** What the wire brings is compared to the letter with what passed here, so these bounds hold for it too. */
  #topicAllowed(topic: string): boolean {
    const { topicBytes, topicLevels } = this.#limits;
    if (topic === "" || topic.startsWith("$") || presentable(topic, Infinity) !== topic) return false;
    return Buffer.byteLength(topic) <= topicBytes && topic.split("/").length <= topicLevels;
  }
}

function refused(reason: RefusedBecause, returnCode: 2 | 3 | 4 | 5): Verdict {
  return { admitted: false, reason, returnCode };
}

function digest(secret: string | Uint8Array): Buffer {
  return hash("sha256", secret, "buffer");
}

function same(a: MqttGrants, b: MqttGrants): boolean {
  return (
    a.username === b.username &&
    a.password === b.password &&
    a.publish.join("\n") === b.publish.join("\n") &&
    a.subscribe.join("\n") === b.subscribe.join("\n")
  );
}
