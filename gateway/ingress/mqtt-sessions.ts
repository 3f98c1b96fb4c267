import { Readable } from "node:stream";
import { RecentMap } from "./recent-map.ts";

interface ClientRef {
  readonly id: string;
}
interface PacketRef {
  readonly messageId?: number;
}
interface SubscriptionRef {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}

interface Session {
  readonly subscriptions: Map<string, 0 | 1 | 2>;
  /** QoS 2 messages from their arrival to their PUBREL, each with its commit. */
  readonly unreleased: Map<number, Promise<void>>;
}

/**
 * What the broker remembers of an MQTT session (MQTT 3.1.1 §3.1.2.4), in the form in which aedes asks for it: the
 * subscriptions, and the QoS 2 messages whose PUBREL is out. No payload, no will, no retained and no queued message: a
 * device that comes back gets nothing old, and state is bounded by sessions × grants.
 */
export class MqttSessions {
  readonly #sessions: RecentMap<string, Session>;

  constructor(most: number) {
    this.#sessions = new RecentMap(most);
  }

  /** The commit of a QoS 2 message that was received before under this id, and whose PUBREL has not come. */
  unreleased(clientId: string, messageId: number): Promise<void> | undefined {
    return this.#sessions.get(clientId)?.unreleased.get(messageId);
  }

  unreleasedCount(clientId: string): number {
    return this.#sessions.get(clientId)?.unreleased.size ?? 0;
  }

  /** Remembers a QoS 2 message; forgets it again where it could not be stored. */
  receive(clientId: string, messageId: number, commit: Promise<void>): void {
    const { unreleased } = this.#session(clientId);
    unreleased.set(messageId, commit);
    commit.catch(() => {
      if (unreleased.get(messageId) === commit) unreleased.delete(messageId);
    });
  }

  /** A granted subscription of a session that outlives its connection. */
  subscribed(clientId: string, topic: string, qos: 0 | 1 | 2): void {
    this.#session(clientId).subscriptions.set(topic, qos);
  }

  // aedes insists on an async function here.
  async setup(): Promise<void> {}

  subscriptionsByClient(client: ClientRef): Promise<SubscriptionRef[]> {
    const subscriptions = this.#sessions.get(client.id)?.subscriptions ?? new Map<string, 0 | 1 | 2>();
    return Promise.resolve([...subscriptions].map(([topic, qos]) => ({ topic, qos })));
  }

  /** aedes hands over the refused ones too: what counts is `subscribed`. */
  addSubscriptions(): Promise<void> {
    return Promise.resolve();
  }

  removeSubscriptions(client: ClientRef, topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#sessions.get(client.id)?.subscriptions.delete(topic);
    return Promise.resolve();
  }

  cleanSubscriptions(client: ClientRef): Promise<void> {
    this.#sessions.get(client.id)?.subscriptions.clear();
    return Promise.resolve();
  }

  /** At the end of a clean session, and at the begin of the next. */
  cleanIncoming(client: ClientRef): Promise<void> {
    this.#sessions.delete(client.id);
    return Promise.resolve();
  }

  incomingGetPacket(client: ClientRef, packet: PacketRef): Promise<PacketRef> {
    const known = this.#sessions.get(client.id)?.unreleased.has(packet.messageId ?? 0);
    return known === true ? Promise.resolve(packet) : Promise.reject(new Error("no such packet"));
  }

  incomingStorePacket(client: ClientRef, packet: PacketRef): Promise<void> {
    this.#session(client.id).unreleased.set(packet.messageId ?? 0, Promise.resolve());
    return Promise.resolve();
  }

  incomingDelPacket(client: ClientRef, packet: PacketRef): Promise<void> {
    this.#sessions.get(client.id)?.unreleased.delete(packet.messageId ?? 0);
    return Promise.resolve();
  }

  subscriptionsByTopic(): Promise<never[]> {
    return Promise.resolve([]);
  }

  createRetainedStreamCombi(): Readable {
    return Readable.from([]);
  }

  outgoingStream(): Readable {
    return Readable.from([]);
  }

  streamWill(): Readable {
    return Readable.from([]);
  }

  storeRetained(): Promise<void> {
    return Promise.resolve();
  }

  outgoingEnqueue(): Promise<void> {
    return Promise.resolve();
  }

  outgoingEnqueueCombi(): Promise<void> {
    return Promise.resolve();
  }

  outgoingUpdate(): Promise<void> {
    return Promise.resolve();
  }

  outgoingClearMessageId(): Promise<void> {
    return Promise.resolve();
  }

  putWill(): Promise<void> {
    return Promise.resolve();
  }

  delWill(): Promise<void> {
    return Promise.resolve();
  }

  /** The least recently used session goes when there are too many. */
  #session(clientId: string): Session {
    const known = this.#sessions.get(clientId) ?? { subscriptions: new Map(), unreleased: new Map() };
    this.#sessions.put(clientId, known);
    return known;
  }
}

/**
 * Stands where aedes has its topic matcher: nothing that a device publishes can reach another device, since there is no
 * way from one to the other.
 */
export const noRouting = {
  on(_topic: string, _listener: unknown, done?: () => void): void {
    if (done !== undefined) setImmediate(done);
  },
  removeListener(_topic: string, _listener: unknown, done?: () => void): void {
    if (done !== undefined) setImmediate(done);
  },
  emit(_packet: unknown, done?: () => void): void {
    done?.();
  },
  close(done: () => void): void {
    setImmediate(done);
  },
};
