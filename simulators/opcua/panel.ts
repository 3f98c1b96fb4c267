import { existsSync } from "node:fs";
import { join } from "node:path";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import { DataType, MessageSecurityMode, SecurityPolicy, type StatusCode, StatusCodes } from "node-opcua-client";
import { OPCUAServer } from "node-opcua-server";

export interface PanelOptions {
  /** Of the loopback. */
  readonly port: number;
  /** Where it keeps its key and what it trusts. */
  readonly pkiFolder: string;
  readonly zones: readonly string[];
  /** Without encryption and for anybody: a panel on a network of its own. Else signed, encrypted and by this user. */
  readonly user?: { readonly name: string; readonly password: string };
  /** A certificate that is over, or not yet. */
  readonly certificateFrom?: Date;
  readonly certificateDays?: number;
}

type AddressSpace = NonNullable<OPCUAServer["engine"]["addressSpace"]>;
type Namespace = ReturnType<AddressSpace["getOwnNamespace"]>;
type Variable = ReturnType<Namespace["addVariable"]>;
type Alarm = ReturnType<Namespace["instantiateOffNormalAlarm"]>;

interface Zone {
  readonly alarm: Alarm;
  readonly variables: ReadonlyMap<string, Variable>;
}

export const namespaceUri = "urn:zhian:simulators:fire-panel";
const productName = "simulated fire panel";

/**
 * A fire panel that speaks OPC UA by the library's own server: a folder a zone with `Temperature` (°C), `Pressure` (bar), `Contact`,
 * `State` (0 normal, 1 fire, 2 fault) and `Bits` (0 discharged, 1 low pressure, 2 tamper), and a smoke alarm (OffNormalAlarmType)
 * of which it keeps the state as OPC UA Part 9 asks. Node ids are `s=ZONE.NAME` in the namespace `namespaceUri`.
 */
export class FirePanel {
  readonly certificateFile: string;
  readonly #server: OPCUAServer;
  readonly #zones: ReadonlyMap<string, Zone>;
  /** Methods that were called, in order. */
  readonly calls: string[] = [];

  private constructor(server: OPCUAServer, certificateFile: string, options: PanelOptions) {
    this.#server = server;
    this.certificateFile = certificateFile;
    const { addressSpace } = server.engine;
    if (addressSpace === null) throw new Error("the server has no address space");
    addressSpace.installAlarmsAndConditionsService();
    const namespace = addressSpace.getOwnNamespace();
    const panel = namespace.addObject({
      browseName: "Panel",
      nodeId: "s=Panel",
      organizedBy: addressSpace.rootFolder.objects,
      eventNotifier: 1,
    });
    panel.addReference({
      referenceType: "HasNotifier",
      isForward: false,
      nodeId: addressSpace.rootFolder.objects.server,
    });
    const silence = namespace.addMethod(panel, {
      browseName: "Silence",
      nodeId: "s=Panel.Silence",
      inputArguments: [],
      outputArguments: [],
    });
    silence.bindMethod((_args, _context, callback) => {
      this.calls.push("Silence");
      callback(null, { statusCode: StatusCodes.Good, outputArguments: [] });
    });
    this.#zones = new Map(options.zones.map((name) => [name, addZone(namespace, panel, name)]));
  }

  static async start(options: PanelOptions): Promise<FirePanel> {
    const { port, pkiFolder, user } = options;
    const store = new OPCUACertificateManager({
      rootFolder: pkiFolder,
      automaticallyAcceptUnknownCertificate: false,
      disableFileWatchers: true,
    });
    await store.initialize();
    const applicationUri = namespaceUri;
    const certificateFile = join(pkiFolder, "own", "certs", "panel.pem");
    if (!existsSync(certificateFile)) {
      await store.createSelfSignedCertificate({
        applicationUri,
        dns: ["localhost"],
        outputFile: certificateFile,
        subject: "/CN=panel",
        startDate: options.certificateFrom ?? new Date(0),
        validity: options.certificateDays ?? 100 * 365,
      });
    }
    const server = new OPCUAServer({
      port,
      hostname: "127.0.0.1",
      host: "127.0.0.1",
      certificateFile,
      serverCertificateManager: store,
      serverInfo: { applicationUri },
      buildInfo: { productName, softwareVersion: "7.1" },
      serverCapabilities: { maxSessions: 100 },
      allowAnonymous: user === undefined,
      securityModes: [user === undefined ? MessageSecurityMode.None : MessageSecurityMode.SignAndEncrypt],
      securityPolicies: [user === undefined ? SecurityPolicy.None : SecurityPolicy.Basic256Sha256],
      userManager: {
        isValidUser: (name: string, password: string) => name === user?.name && password === user.password,
      },
      ...(user === undefined ? {} : { userCertificateManager: store }),
    });
    await server.initialize();
    const panel = new FirePanel(server, certificateFile, options);
    await server.start();
    return panel;
  }

  /** What the sensor says now, or that it says nothing that can be believed. */
  set(
    zone: string,
    name: string,
    value: number | boolean,
    status: StatusCode = StatusCodes.Good,
    at = new Date(),
  ): void {
    const variable = this.#zone(zone).variables.get(name);
    if (variable === undefined) throw new Error(`no variable ${name}`);
    const dataType = typeOf(name);
    variable.setValueFromSource(
      { dataType, value: dataType === DataType.Boolean ? Boolean(value) : value },
      status,
      at,
    );
  }

  /** No number at all. */
  babble(zone: string, name: string): void {
    this.set(zone, name, Number.NaN);
  }

  /** Raises the zone's smoke alarm, or lets it go. Acknowledged or not is kept, as Part 9 asks. */
  alarm(zone: string, active: boolean, severity = 900, message = active ? "smoke" : "no smoke any more"): void {
    const { alarm } = this.#zone(zone);
    const branch = alarm.currentBranch();
    branch.setActiveState(active);
    if (active) branch.setAckedState(false);
    alarm.raiseNewCondition({
      message,
      severity,
      quality: StatusCodes.Good,
      retain: active || !branch.getAckedState(),
    });
  }

  /** Raised and gone, as if it had never been; nobody is told. */
  forget(zone: string): void {
    const branch = this.#zone(zone).alarm.currentBranch();
    branch.setActiveState(false);
    branch.setAckedState(true);
    branch.setRetain(false);
  }

  enable(zone: string, enabled: boolean): void {
    this.#zone(zone).alarm.setEnabledState(enabled);
  }

  acknowledged(zone: string): boolean {
    return this.#zone(zone).alarm.currentBranch().getAckedState();
  }

  commentOf(zone: string): string {
    return this.#zone(zone).alarm.currentBranch().getComment().text ?? "";
  }

  /** It has lost track itself and asks its clients to ask anew (Part 9 §5.11.4). */
  askForRefresh(): void {
    this.#server.engine.addressSpace?.rootFolder.objects.server.raiseEvent("RefreshRequiredEventType", {});
  }

  /** Sessions that are open now. */
  sessions(): number {
    return this.#server.currentSessionCount;
  }

  subscriptions(): number {
    return this.#server.currentSubscriptionCount;
  }

  stop(): Promise<void> {
    return this.#server.shutdown(0);
  }

  #zone(name: string): Zone {
    const zone = this.#zones.get(name);
    if (zone === undefined) throw new Error(`no zone ${name}`);
    return zone;
  }
}

function typeOf(name: string): DataType {
  if (name === "Contact" || name === "Smoke") return DataType.Boolean;
  if (name === "State") return DataType.Int32;
  return name === "Bits" ? DataType.UInt16 : DataType.Double;
}

function addZone(namespace: Namespace, panel: ReturnType<Namespace["addObject"]>, name: string): Zone {
  const folder = namespace.addObject({
    browseName: name,
    nodeId: `s=${name}`,
    componentOf: panel,
    eventSourceOf: panel,
  });
  const variables = new Map(
    ["Temperature", "Pressure", "Contact", "State", "Bits"].map((each): [string, Variable] => {
      const variable = namespace.addVariable({
        browseName: each,
        nodeId: `s=${name}.${each}`,
        componentOf: folder,
        dataType: DataType[typeOf(each)],
        minimumSamplingInterval: 0,
      });
      variable.setValueFromSource(
        { dataType: typeOf(each), value: each === "Contact" ? false : 0 },
        StatusCodes.BadWaitingForInitialData,
      );
      return [each, variable];
    }),
  );
  const input = namespace.addVariable({
    browseName: "SmokeInput",
    nodeId: `s=${name}.SmokeInput`,
    componentOf: folder,
    dataType: "Boolean",
  });
  const normal = namespace.addVariable({
    browseName: "SmokeNormal",
    nodeId: `s=${name}.SmokeNormal`,
    componentOf: folder,
    dataType: "Boolean",
  });
  const alarm = namespace.instantiateOffNormalAlarm({
    browseName: "Smoke",
    nodeId: `s=${name}.Smoke`,
    componentOf: folder,
    conditionSource: folder,
    conditionName: "Smoke",
    inputNode: input,
    normalState: normal,
  });
  alarm.currentBranch().setAckedState(true);
  return { alarm, variables };
}
