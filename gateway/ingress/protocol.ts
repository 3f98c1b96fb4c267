import { EventEmitter } from "node:events";
import { Aedes, type Client } from "aedes";
import type { Knock, Verdict } from "./admission.ts";
import type { DeviceConnection, StoredWill } from "./device-connection.ts";
import type { GuardedConnection } from "./guarded-connection.ts";
import type { IngressLimits } from "./limits.ts";
import { type MqttSessions, noRouting } from "./mqtt-sessions.ts";
import { presentable } from "./strangers.ts";

type Admitted = Extract<Verdict, { admitted: true }>;

/** What is known of a TCP connection before and after its CONNECT. */
export interface Arrival {
  readonly guarded: GuardedConnection;
  readonly address: string;
  verdict?: Verdict;
  will?: StoredWill;
  connection?: DeviceConnection;
}

export interface ProtocolOptions {
  readonly limits: IngressLimits;
  readonly sessions: MqttSessions;
  /** Whose socket is it? */
  readonly arrivalOf: (conn: object) => Arrival | undefined;
  readonly judge: (knock: Knock) => Verdict;
  /** Resolves with the connection when its device's session is there; without one where it is not or may not be any more. */
  readonly open: (arrival: Arrival, client: Client, verdict: Admitted) => Promise<DeviceConnection | undefined>;
  /** A client broke the protocol; its connection is closed. */
  readonly onFault: (arrival: Arrival, detail: string) => void;
}

/** Ends of a connection that aedes reports as errors although nothing wrong was sent. */
const silences: ReadonlySet<string> = new Set(["keep alive timeout", "drain timeout", "connection closed"]);

/**
 * aedes, reduced to the protocol: whom it admits, what it acknowledges and when is decided by its hooks. `authorizePublish` is
 * the only one of them that runs before a PUBACK is written.
 */
export function createProtocol({ limits, sessions, arrivalOf, judge, open, onFault }: ProtocolOptions): Aedes {
  const connectionOf = (client: Client | null) => (client === null ? undefined : arrivalOf(client.conn)?.connection);
  const aedes = new Aedes({
    persistence: sessions,
    mq: noRouting,
    // The guard has its own, shorter one.
    connectTimeout: limits.connectWithinMs * 2,
    // Ours are longer than MQTT 3.1 allows, by the namespace; what the device says is judged before.
    maxClientsIdLength: limits.clientIdBytes * 2,
    maxTopicLevels: limits.topicLevels,
    preConnect(client, packet, done) {
      const arrival = arrivalOf(client.conn);
      if (arrival === undefined) return done(new Error("no such connection"), false);
      const { address } = arrival;
      const { username, password, clientId, clean = false, will } = packet;
      const left =
        will === undefined ? undefined : { topic: will.topic, qos: will.qos ?? 0, payload: Buffer.from(will.payload) };
      const verdict = judge({ address, username, password, clientId, clean, will: left });
      arrival.verdict = verdict;
      if (verdict.admitted) packet.clientId = verdict.sessionId;
      // Kept here, since aedes would store it without having it authorised, and publish it for any kind of end.
      if (will !== undefined)
        arrival.will = { topic: will.topic, payload: Buffer.from(will.payload), retained: will.retain === true };
      delete packet.will;
      done(null, true);
    },
    authenticate(client, _username, _password, done) {
      const arrival = arrivalOf(client.conn);
      const verdict = arrival?.verdict;
      if (arrival === undefined || verdict === undefined) return;
      if (!verdict.admitted) return done(refusal(verdict.reason, verdict.returnCode), false);
      void open(arrival, client, verdict).then((connection) => {
        if (arrival.guarded.destroyed) return;
        if (connection === undefined) return done(refusal("not-served", 3), false);
        arrival.connection = connection;
        done(null, true);
      });
    },
    authorizePublish(client, packet, done) {
      connectionOf(client)?.receive(packet, () => done(null));
    },
    authorizeSubscribe(client, subscription, done) {
      const granted = connectionOf(client)?.subscribe(subscription.topic, subscription.qos) === true;
      done(null, granted ? subscription : null);
    },
  });
  const broken = (client: Client, error: Error) => {
    const arrival = arrivalOf(client.conn);
    // Refused sign-ins are reported by the admission, broken sockets (their errors have a code) by their absence.
    if (arrival === undefined || "errorCode" in error || "code" in error || silences.has(error.message)) return;
    onFault(arrival, presentable(error.message));
  };
  aedes.on("clientReady", (client) => connectionOf(client)?.ready());
  aedes.on("ping", (_packet, client) => connectionOf(client)?.sign());
  aedes.on("unsubscribe", (topics, client) => {
    for (const topic of topics) connectionOf(client)?.unsubscribe(topic);
  });
  aedes.on("clientError", broken);
  aedes.on("connectionError", broken);
  // It emits one where its storage fails, which ours cannot; unheard, it would end the process.
  EventEmitter.prototype.on.call(aedes, "error", () => {});
  return aedes;
}

function refusal(reason: string, returnCode: 2 | 3 | 4 | 5): Error & { returnCode: 2 | 3 | 4 | 5 } {
  return Object.assign(new Error(reason), { returnCode });
}
