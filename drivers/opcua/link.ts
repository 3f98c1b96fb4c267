import { X509Certificate } from "node:crypto";
import {
  AttributeIds,
  ClientMonitoredItem,
  type ClientSession,
  ClientSubscription,
  constructEventFilter,
  DataType,
  type DataValue,
  makeNodeId,
  type NodeId,
  OPCUAClient,
  type OPCUAClientOptions,
  setErrorLogger,
  setWarningLogger,
  TimestampsToReturn,
  type UserIdentityInfo,
  UserTokenType,
  Variant,
  VariantArrayType,
} from "node-opcua-client";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { eventFields } from "./event-fields.ts";
import { refusalOf } from "./link-errors.ts";
import { needsNamespaces, resolvedNode } from "./nodes.ts";
import { keepAliveCount, type OpcUaOptions } from "./options.ts";
import type { Pki } from "./pki.ts";
import { durationMs, type OpcUaProfile, type PanelMethod } from "./profile.ts";
import { statusName } from "./quality.ts";
import type { HeardValue } from "./variables.ts";

// It writes to the console by itself; what matters of it is told by the session.
setWarningLogger(() => {});
setErrorLogger(() => {});

/** The standard nodes (OPC UA Part 6, NodeIds.csv). */
const serverTime = makeNodeId(2258);
const softwareVersion = makeNodeId(2264);
const conditionType = makeNodeId(2782);
const conditionRefresh = makeNodeId(3875);
const acknowledge = makeNodeId(9111);
const confirm = makeNodeId(9113);
/** Events that the server keeps between two publishings; pulses of a contact likewise. */
const eventsKept = 1000;
const valuesKept = 16;

export interface LinkListener {
  /** A value of the variable at this place of the profile. */
  value(index: number, heard: HeardValue): void;
  /** The server does not have it, or does not let it be read. */
  missing(index: number | "events", status: string): void;
  event(fields: readonly unknown[]): void;
  /** The server is there, with what its clock says (epoch ms). */
  alive(serverTimeMs: number | undefined): void;
  lost(error: GatewayError): void;
}

/** Absent: it was done. Else the name of the status by which the server refuses. */
export type Refusal = string | undefined;

/** An open session with its subscription. It is not repaired: when anything of it is lost, all of it is, and is opened anew. */
export interface Link {
  readonly firmware?: string;
  /** What the server's clock reads, epoch ms; absent where it does not say. */
  currentTime(): Promise<number | undefined>;
  /** Makes the server send its retained conditions again (Part 9 §5.5.7). */
  refresh(): Promise<Refusal>;
  acknowledge(conditionId: string, eventId: Buffer, comment: string): Promise<Refusal>;
  confirm(conditionId: string, eventId: Buffer, comment: string): Promise<Refusal>;
  call(method: PanelMethod): Promise<Refusal>;
  close(): Promise<void>;
}

export interface LinkPlan {
  readonly options: OpcUaOptions;
  readonly profile: OpcUaProfile;
  readonly pki: Pki;
}

/** Connects, signs in and subscribes. Rejects with what an operator can do about it. */
export async function openLink(plan: LinkPlan, signal: AbortSignal, listener: LinkListener): Promise<Link> {
  const { options, profile, pki } = plan;
  const client = OPCUAClient.create(clientOptions(options, pki));
  let closed = false;
  const lose = (why: string) => {
    if (!closed) listener.lost(new GatewayError("LINK_LOST", `${options.endpoint}: ${why}`));
  };
  const close = async () => {
    if (closed) return;
    closed = true;
    client.removeAllListeners();
    await client.disconnect().catch(() => {});
  };
  const abort = () => void close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await client.connect(options.endpoint);
    client.on("connection_lost", () => lose("the connection was lost"));
    client.on("close", () => lose("the connection was closed"));
    const session = await client.createSession2(identityOf(options));
    session.on("session_closed", () => lose("the server closed the session"));
    const currentTime = async () => {
      const time = await readNode(session, serverTime);
      return time instanceof Date ? time.getTime() : undefined;
    };
    // Before any news, so that their times can be judged.
    listener.alive(await currentTime());
    const version = await readNode(session, softwareVersion);
    const firmware = typeof version === "string" && /^[\x21-\x7e]{1,64}$/.test(version) ? version : undefined;
    const subscription = await subscribe(session, options);
    watch(subscription, listener, lose);
    const nodes = [...profile.variables.map(({ node }) => node), ...otherNodes(profile)];
    const namespaces = needsNamespaces(nodes) ? await session.readNamespaceArray() : [];
    if (signal.aborted) throw new GatewayError("LINK_LOST", "the session was ended");
    monitorVariables(subscription, plan, namespaces, listener);
    await monitorEvents(subscription, plan, namespaces, listener);
    return {
      ...(firmware === undefined ? {} : { firmware }),
      ...calls(session, subscription, namespaces),
      currentTime,
      close,
    };
  } catch (error) {
    await close();
    const { endpoint, serverCertificate } = options;
    const { folder: pkiFolder, certificateFile } = pki;
    throw refusalOf(error, { endpoint, pkiFolder, certificateFile, pinned: serverCertificate !== undefined });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** How the library is to connect. */
export function clientOptions(
  options: OpcUaOptions,
  pki: Pick<Pki, "applicationUri" | "store" | "certificateFile" | "privateKeyFile">,
): OPCUAClientOptions {
  const { securityMode, securityPolicy, serverCertificate, keepAlive } = options;
  return {
    applicationName: "zhian-gateway",
    applicationUri: pki.applicationUri,
    clientName: "zhian-gateway",
    clientCertificateManager: pki.store,
    certificateFile: pki.certificateFile,
    privateKeyFile: pki.privateKeyFile,
    securityMode,
    securityPolicy: securityMode === "None" ? "None" : securityPolicy,
    ...(serverCertificate === undefined ? {} : { serverCertificate: derOf(serverCertificate) }),
    // The addresses in its endpoints are often those of another network card.
    endpointMustExist: false,
    // Its own repair leaves subscriptions behind (node-opcua#1059): the supervisor opens a new session instead.
    connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 1000 },
    // Short, since a session that was cut off takes up one of the few that a panel has until then.
    requestedSessionTimeout: Math.max(20_000, 4 * keepAlive),
    // It gives up a socket on which nothing came for so long, and a healthy server is silent for a whole keep-alive. Three of them
    // in silence end the session before that, by our own clock.
    transportTimeout: Math.max(10_000, 4 * keepAlive),
    defaultTransactionTimeout: 15_000,
  };
}

function derOf(pem: string): Buffer {
  return new X509Certificate(pem).raw;
}

function identityOf({ user, password, certificate, key }: OpcUaOptions): UserIdentityInfo {
  if (user !== undefined && password !== undefined) return { type: UserTokenType.UserName, userName: user, password };
  if (certificate !== undefined && key !== undefined) {
    return { type: UserTokenType.Certificate, certificateData: derOf(certificate), privateKey: key };
  }
  return { type: UserTokenType.Anonymous };
}

function subscribe(session: ClientSession, options: OpcUaOptions): Promise<ClientSubscription> {
  const count = keepAliveCount(options);
  // Not by the session's own method: its handler throws, where nobody can catch it, when the session has ended meanwhile.
  const subscription = ClientSubscription.create(session, {
    requestedPublishingInterval: options.publishEvery,
    requestedMaxKeepAliveCount: count,
    // Part 4 §5.14.2: at least three times the keep-alive count.
    requestedLifetimeCount: 6 * count,
    maxNotificationsPerPublish: 1000,
    publishingEnabled: true,
    priority: 10,
  });
  return new Promise((resolve, reject) => {
    subscription.on("started", () => resolve(subscription));
    subscription.on("error", reject);
    session.on("session_closed", () => reject(new Error("the session was closed")));
  });
}

/** Every sign of the subscription, and every one of its end. */
function watch(subscription: ClientSubscription, listener: LinkListener, lose: (why: string) => void): void {
  let expected: number | undefined;
  subscription.on("raw_notification", ({ sequenceNumber, publishTime, notificationData }) => {
    const at = publishTime?.getTime() ?? 0;
    // Servers that do not say when they published send the first of 1601.
    listener.alive(at > 0 ? at : undefined);
    const news = (notificationData?.length ?? 0) > 0;
    // A keep-alive carries the number of the next message without using it up (Part 4 §5.14.1.1).
    if (expected !== undefined && sequenceNumber !== expected && news) lose("a notification was lost on the way");
    expected = news ? nextSequence(sequenceNumber) : sequenceNumber;
  });
  subscription.on("status_changed", (status) => {
    if (status.isNotGood()) lose(`the server ended the subscription (${statusName(status)})`);
  });
  subscription.on("terminated", () => lose("the subscription ended"));
  subscription.on("internal_error", () => lose("the subscription failed"));
  subscription.on("error", () => lose("the subscription failed"));
}

/** It wraps to 1, not to 0 (Part 4 §7.8). */
function nextSequence(sequence: number): number {
  return sequence >= 0xffff_ffff ? 1 : sequence + 1;
}

function monitorVariables(
  subscription: ClientSubscription,
  { options, profile }: LinkPlan,
  namespaces: readonly string[],
  listener: LinkListener,
): void {
  for (const [index, variable] of profile.variables.entries()) {
    const nodeId = resolvedNode(variable.node, namespaces);
    if (nodeId === undefined) {
      listener.missing(index, "unknown namespace");
      continue;
    }
    const measured = variable.is === "temperature" || variable.is === "pressure";
    const item = ClientMonitoredItem.create(
      subscription,
      { nodeId, attributeId: AttributeIds.Value },
      {
        samplingInterval: variable.every === undefined ? options.publishEvery : durationMs(variable.every),
        queueSize: measured ? 1 : valuesKept,
        discardOldest: true,
      },
      TimestampsToReturn.Both,
    );
    item.on("changed", (value: DataValue) => listener.value(index, heardOf(value)));
    item.on("err", (message: string) => listener.missing(index, statusIn(message)));
  }
}

/** Resolves when the server listens, or refuses: only then may it be asked to repeat its conditions. */
async function monitorEvents(
  subscription: ClientSubscription,
  { profile }: LinkPlan,
  namespaces: readonly string[],
  listener: LinkListener,
): Promise<void> {
  if (profile.conditions === undefined) return;
  const nodeId = resolvedNode(profile.conditions.notifier, namespaces);
  if (nodeId === undefined) return listener.missing("events", "unknown namespace");
  const item = ClientMonitoredItem.create(
    subscription,
    { nodeId, attributeId: AttributeIds.EventNotifier },
    // No where clause: many servers take none, and the events of a refresh must not be left out by one.
    { samplingInterval: 0, queueSize: eventsKept, discardOldest: true, filter: constructEventFilter([...eventFields]) },
    TimestampsToReturn.Both,
  );
  item.on("changed", (fields: Variant[]) => listener.event(fields));
  await new Promise<void>((resolve) => {
    item.on("initialized", resolve);
    item.on("err", (message: string) => {
      listener.missing("events", statusIn(message));
      resolve();
    });
  });
}

function statusIn(message: string): string {
  return /\b(?:Bad|Uncertain)[A-Z][A-Za-z]+/.exec(message)?.[0] ?? "refused";
}

function heardOf({ value, statusCode, sourceTimestamp }: DataValue): HeardValue {
  const array = value?.arrayType !== undefined && value.arrayType !== VariantArrayType.Scalar;
  return {
    value: array ? ["array"] : value?.value,
    status: statusCode,
    ...(sourceTimestamp instanceof Date ? { sourceTimeMs: sourceTimestamp.getTime() } : {}),
  };
}

async function readNode(session: ClientSession, nodeId: NodeId): Promise<unknown> {
  try {
    const { value } = await session.read({ nodeId, attributeId: AttributeIds.Value });
    return value.value;
  } catch {
    return undefined;
  }
}

function calls(
  session: ClientSession,
  subscription: ClientSubscription,
  namespaces: readonly string[],
): Omit<Link, "close" | "firmware" | "currentTime"> {
  const call = async (
    objectId: NodeId | undefined,
    methodId: NodeId | undefined,
    args: readonly Variant[],
  ): Promise<Refusal> => {
    if (objectId === undefined || methodId === undefined) return "BadNodeIdUnknown";
    const { statusCode } = await session.call({ objectId, methodId, inputArguments: [...args] });
    return statusCode.isNotGood() ? statusName(statusCode) : undefined;
  };
  const withComment = (methodId: NodeId) => (conditionId: string, eventId: Buffer, comment: string) =>
    call(resolvedNode(conditionId, namespaces), methodId, [
      new Variant({ dataType: DataType.ByteString, value: eventId }),
      new Variant({ dataType: DataType.LocalizedText, value: { text: comment } }),
    ]);
  return {
    refresh: () =>
      call(conditionType, conditionRefresh, [
        new Variant({ dataType: DataType.UInt32, value: subscription.subscriptionId }),
      ]),
    acknowledge: withComment(acknowledge),
    confirm: withComment(confirm),
    call: ({ object, method, args }) =>
      call(
        resolvedNode(object, namespaces),
        resolvedNode(method, namespaces),
        args.map(({ type, value }) => new Variant({ dataType: DataType[type], value })),
      ),
  };
}

function otherNodes({ conditions, commands }: OpcUaProfile): string[] {
  const named = commands.flatMap(({ object, method }) => [object, method]);
  return conditions === undefined ? named : [conditions.notifier, ...named];
}
