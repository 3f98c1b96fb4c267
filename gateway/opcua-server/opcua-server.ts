import { MessageSecurityMode, SecurityPolicy, setErrorLogger, setWarningLogger } from "node-opcua-client";
import { OPCUAServer, RegisterServerMethod } from "node-opcua-server";
import type { Zone } from "../domain/device.ts";
import { GatewayError } from "../domain/errors.ts";
import type { AlarmDesk } from "../ports/alarms.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceDirectory } from "../ports/devices.ts";
import type { ObservationLog } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { AlarmNodes } from "./alarm-nodes.ts";
import { SiteNodes } from "./site-nodes.ts";
import { openServerStore } from "./store.ts";

/** The people who may sign in over OPC UA: those of the console. */
export interface OpcUaUsers {
  /** Resolves with false for a wrong name or password, and for one who tried too often. */
  check(name: string, password: string): Promise<boolean>;
  /** May this person acknowledge and close alarms, as of now? */
  mayAct(name: string): boolean;
}

export interface OpcUaServerOptions {
  /** Port 0 is none: clients have to know where it is. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  readonly site: { readonly id: string; readonly name: string };
  /** Of the messages of alarms. */
  readonly language: "zh" | "en";
  readonly places: () => readonly Zone[];
  readonly devices: DeviceDirectory;
  readonly desk: AlarmDesk;
  readonly log: Pick<ObservationLog, "onCommitted">;
  readonly users: OpcUaUsers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly version: string;
}

export interface RunningOpcUaServer {
  readonly url: string;
  /** PEM file of its certificate, for clients to trust. */
  readonly certificateFile: string;
  /** The devices or zones of the configuration have changed. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

const limits = {
  sessions: 20,
  connections: 40,
  subscriptions: 100,
  subscriptionsPerSession: 10,
  monitoredItems: 20_000,
  monitoredItemsPerSubscription: 10_000,
};
/** Figures of the links are written so often. */
const healthEveryMs = 10_000;

/**
 * The site as an OPC UA server for a building-management system: zones, devices with their newest readings, and the open alarms as
 * conditions. Signed and encrypted, for applications whose certificate was trusted and people of the console. Throws PORT_IN_USE
 * or LISTEN_REFUSED.
 */
export async function startOpcUaServer(options: OpcUaServerOptions): Promise<RunningOpcUaServer> {
  const { listen, dataDir, clock, devices, log, users, version } = options;
  const logger = options.logger.child({ part: "opcua-server" });
  // The library writes to the console by itself; what it says is for those who look for it.
  setWarningLogger((...said) => logger.debug({ said: firstLine(said) }, "node-opcua"));
  setErrorLogger((...said) => logger.debug({ said: firstLine(said) }, "node-opcua"));
  const store = await openServerStore(dataDir, listen.host);
  const server = new OPCUAServer({
    port: listen.port,
    host: listen.host,
    ...(listen.host === "0.0.0.0" || listen.host === "::" ? {} : { hostname: listen.host }),
    certificateFile: store.certificateFile,
    serverCertificateManager: store.applications,
    userCertificateManager: store.people,
    serverInfo: { applicationUri: store.applicationUri, productUri: "urn:zhian-gateway" },
    buildInfo: { productName: "zhian-gateway", manufacturerName: "zhian-gateway", softwareVersion: version },
    allowAnonymous: false,
    securityModes: [MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [
      SecurityPolicy.Basic256Sha256,
      SecurityPolicy.Aes128_Sha256_RsaOaep,
      SecurityPolicy.Aes256_Sha256_RsaPss,
    ],
    userManager: {
      isValidUserAsync(name, password, callback) {
        users.check(name, password).then(
          (right) => {
            // The name is not logged: people type their password into the wrong field.
            if (!right) logger.warn({}, "an OPC UA client was refused: wrong name or password");
            callback(null, right);
          },
          () => callback(null, false),
        );
      },
    },
    maxConnectionsPerEndpoint: limits.connections,
    serverCapabilities: {
      maxSessions: limits.sessions,
      maxSubscriptions: limits.subscriptions,
      maxSubscriptionsPerSession: limits.subscriptionsPerSession,
      maxMonitoredItems: limits.monitoredItems,
      maxMonitoredItemsPerSubscription: limits.monitoredItemsPerSubscription,
    },
    registerServerMethod: RegisterServerMethod.HIDDEN,
    isAuditing: false,
  });
  await store.settle();
  await server.initialize();
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("the OPC UA server has no address space");
  addressSpace.installAlarmsAndConditionsService();
  const nodes = new SiteNodes({ addressSpace, site: options.site, places: options.places, devices });
  await nodes.layOut();
  const alarms = new AlarmNodes({
    addressSpace,
    nodes,
    desk: options.desk,
    language: options.language,
    mayAct: (name) => users.mayAct(name),
    logger,
  });
  const stops = [
    () => alarms.close(),
    devices.onChanged((state) => nodes.device(state.deviceId)?.state(state)),
    log.onCommitted((batch) => nodes.observe(batch)),
  ];
  let cancelHealth = () => {};
  const keepHealth = () => {
    nodes.refreshHealth();
    options.telemetry.gauge("zhian_opcua_server_sessions", server.currentSessionCount);
    cancelHealth = clock.after(healthEveryMs, keepHealth);
  };
  const close = async () => {
    cancelHealth();
    for (const stop of stops) stop();
    await server.shutdown(0);
    await store.applications.dispose();
    await store.people.dispose();
  };
  try {
    await server.start();
  } catch (cause) {
    await close().catch(() => {});
    throw listenError(cause, listen);
  }
  server.on("openSecureChannelFailure", ({ remoteAddress }) => {
    logger.warn(
      { address: remoteAddress, rejected: `${store.folder}/rejected` },
      "an OPC UA client was refused; where its certificate is not trusted, it lies in `rejected` now",
    );
    void store.settle();
  });
  keepHealth();
  const url = `opc.tcp://${listen.host}:${listen.port}`;
  logger.info(
    { url, certificate: store.certificateFile, trust: `${store.folder}/trusted/certs` },
    "OPC UA server listening",
  );
  return { url, certificateFile: store.certificateFile, refresh: () => nodes.layOut(), close };
}

function firstLine(said: readonly unknown[]): string {
  return said.map(String).join(" ").split("\n", 1)[0]?.slice(0, 200) ?? "";
}

function listenError(cause: unknown, { host, port }: OpcUaServerOptions["listen"]): GatewayError {
  const message = cause instanceof Error ? cause.message : "";
  const where = `${host}:${port}`;
  return /EADDRINUSE/.test(message)
    ? new GatewayError("PORT_IN_USE", `the OPC UA server cannot listen on ${where}: something else does`, { cause })
    : new GatewayError("LISTEN_REFUSED", `the OPC UA server cannot listen on ${where}`, { cause });
}
