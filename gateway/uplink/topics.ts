/** The topics of one gateway, below `{prefix}/{siteId}/{gatewayId}`. */
export interface Topics {
  readonly root: string;
  readonly alarms: string;
  readonly events: string;
  readonly gateway: string;
  readonly gaps: string;
  readonly responses: string;
  /** Filter under which commands come in. */
  readonly commands: string;
  active(alarmId: string): string;
  device(deviceId: string): string;
  zone(zoneId: string): string;
}

export function topicsOf(prefix: string, siteId: string, gatewayId: string): Topics {
  const root = `${prefix}/${siteId}/${gatewayId}`;
  return {
    root,
    alarms: `${root}/alarms`,
    events: `${root}/events`,
    gateway: `${root}/gateway`,
    gaps: `${root}/gaps`,
    responses: `${root}/responses`,
    commands: `${root}/commands/+`,
    active: (alarmId) => `${root}/active/${alarmId}`,
    device: (deviceId) => `${root}/devices/${deviceId}`,
    zone: (zoneId) => `${root}/zones/${zoneId}`,
  };
}

/** Levels below a gateway's root to which the contract gives a meaning, `responses` aside. */
const spoken = /^(alarms|events|gateway|gaps|(active|devices|zones|commands)(\/.*)?)$/;
const longestResponseTopic = 512;

/**
 * May an answer go there? Whoever may command this gateway could otherwise make it speak, with its own credentials, as
 * another gateway or on a topic on which the city takes alarms. `allowed`: prefixes to which answers are confined; none
 * given, any topic that the contract does not use.
 */
export function mayAnswerOn(topic: string, prefix: string, allowed: readonly string[] | undefined): boolean {
  if (topic.length === 0 || topic.length > longestResponseTopic || /[+#\0]|^\$/.test(topic)) return false;
  if (allowed !== undefined && !allowed.some((start) => topic.startsWith(start))) return false;
  if (!topic.startsWith(`${prefix}/`)) return true;
  const [, , ...below] = topic.slice(prefix.length + 1).split("/");
  return !spoken.test(below.join("/"));
}
