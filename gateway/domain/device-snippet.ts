import { deviceIdSchema } from "./ids.ts";

/** What was heard of a device that is not configured. Nothing of it is a secret that it tried. */
export interface Heard {
  readonly via: "mqtt" | "http" | "serial";
  /** Empty where it gave none. */
  readonly username: string;
  /** MQTT client id, path of the request, or unit number. */
  readonly clientId: string;
  /** Network address, or the id of the serial line. */
  readonly address: string;
  /** A topic that it named before it was refused: that of its last will. */
  readonly topic?: string;
  /** The start of what it said, where that was heard at all. */
  readonly said?: string;
}

/** Stands where the installer has to decide; the check of the configuration does not let it pass. */
const blank = "?";

interface Guess {
  readonly driver: string;
  readonly dialect: string;
  /** Options that it named itself by. */
  readonly deviceId?: string;
  readonly devEui?: string;
  readonly serial?: string;
  readonly topicPrefix?: string;
}

/**
 * The entry of `devices` for it, as one item of a YAML list: what is a fact is filled in, all else is `"?"`. A password is a
 * reference to a file that the installer makes.
 */
export function snippetFor(heard: Heard): string {
  if (heard.via === "serial") return serialSnippet(heard);
  const { driver, dialect, ...named } = guess(heard);
  const { deviceId = "", devEui = "" } = named;
  const id = firstName(devEui, heard.username, deviceId, heard.via === "mqtt" ? heard.clientId : "");
  const username = heard.username === "" ? id : heard.username;
  const unnamed = deviceId === "" && /^(facesluice|hapi)/.test(dialect);
  const account = [
    `username: ${scalar(username)}`,
    `password: ${quoted(`\${file:secrets/${firstName(username, "NAME")}}`, true)}`,
  ].join(", ");
  const options = [
    ...Object.entries(named).map(([key, value]) => `${key}: ${quoted(value)}`),
    ...(unnamed ? [`deviceId: ${quoted(blank)}`] : []),
    dialect === "hikvision-isapi" ? `push: { ${account} }` : account,
  ];
  return entry(id, driver, dialect, options);
}

function serialSnippet({ clientId, address }: Heard): string {
  const options = [`line: ${scalar(address)}`, `unit: ${scalar(clientId)}`, `profile: ${quoted(blank)}`];
  return entry(firstName(`${address}-${clientId}`), "thermal-extinguisher", "modbus-rtu", options);
}

function entry(id: string, driver: string, dialect: string, options: readonly string[]): string {
  const head = [
    `id: ${scalar(id)}`,
    `name: ${quoted(blank)}`,
    `driver: ${scalar(driver)}`,
    `dialect: ${scalar(dialect)}`,
    `zone: ${quoted(blank)}`,
  ];
  return `- { ${head.join(", ")},\n    options: { ${options.join(", ")} } }`;
}

/** Only what a public document gives: topics, paths and names of messages of a dialect. The family stays open where many speak it. */
function guess({ via, clientId, topic = "", said = "" }: Heard): Guess {
  const named = /"(?:facesluiceId|DeviceID|deviceId)"\s*:\s*"([A-Za-z0-9._:@=-]{1,64})"/.exec(said)?.[1];
  const deviceId = named ?? /^mqtt\/face\/([^/]{1,64})\//.exec(topic)?.[1];
  const own = deviceId === undefined ? {} : { deviceId };
  const operator = /"operator"\s*:\s*"(\w{1,40})"/.exec(said)?.[1];
  if (via === "mqtt") {
    if (topic.startsWith("mqtt/face/") || operator === "Offline")
      return { driver: blank, dialect: "facesluice-mqtt", ...own };
    const devEui = /^application\/[^/]+\/device\/([0-9a-f]{16})\/event\//i.exec(topic)?.[1];
    if (devEui !== undefined) return { driver: "thermal-extinguisher", dialect: "chirpstack-mqtt", devEui };
    const topicPrefix = /^(.+)\/onvif-ej\//.exec(topic)?.[1];
    if (topicPrefix !== undefined) return { driver: "throw-camera", dialect: "onvif-mqtt", topicPrefix };
    const serial = /^axis\/([0-9A-F]{12})\//i.exec(topic)?.[1];
    if (serial !== undefined) return { driver: "throw-camera", dialect: "axis-mqtt", serial };
    if (topic === "frigate/available") return { driver: "throw-camera", dialect: "frigate-mqtt" };
    return { driver: blank, dialect: blank };
  }
  if (clientId.startsWith("/HAPI/")) return { driver: "throw-camera", dialect: "hapi", ...own };
  if (operator === "ParabolicSnapPush") return { driver: "throw-camera", dialect: "facesluice-http", ...own };
  if (operator === "VerifyPush") return { driver: "face-terminal", dialect: "facesluice-http", ...own };
  if (operator !== undefined && /^(SnapPush|HeartBeat)$/.test(operator))
    return { driver: blank, dialect: "facesluice-http", ...own };
  if (said.includes("AccessControllerEvent")) return { driver: "face-terminal", dialect: "hikvision-isapi" };
  if (/ObjectsThrownDetection/i.test(said)) return { driver: "throw-camera", dialect: "hikvision-isapi" };
  return { driver: blank, dialect: blank };
}

/** The first of them that can be an id once what an id may not hold is replaced. */
function firstName(...candidates: readonly string[]): string {
  for (const candidate of candidates) {
    const name = candidate.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
    const id = deviceIdSchema.safeParse(name.slice(0, 64));
    if (id.success && id.data !== "gateway") return id.data;
  }
  return blank;
}

/** Plain where YAML reads it back as the same text, or as the number that it is. */
function scalar(text: string): string {
  return /^[a-z][a-z0-9.-]*$/i.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : /^[1-9]\d{0,2}$/.test(text)
      ? text
      : quoted(text);
}

/** JSON strings are YAML's double-quoted ones; what looks like a reference of the configuration is none. */
function quoted(text: string, reference = false): string {
  return JSON.stringify(reference ? text : text.replaceAll("${", () => "$${"));
}
