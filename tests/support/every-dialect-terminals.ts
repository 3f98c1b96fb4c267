import { FaceTerminal } from "../../simulators/face-terminal/terminal.ts";
import { jpegDataUrl } from "../../simulators/facesluice/picture.ts";
import { IsapiTerminal, people } from "../../simulators/hikvision/terminal.ts";
import { jpeg } from "../../simulators/hikvision/wire.ts";
import { MosquittoDevice, pushByCurl } from "./every-dialect-clients.ts";
import type { EverySite } from "./every-dialect-site.ts";
import { freePort } from "./free-port.ts";

/** What one device said, as it has to arrive. */
export interface Fact {
  readonly deviceId: string;
  readonly kind: string;
  /** Its `sourceRecordId`; absent where the dialect has none. */
  readonly record?: string;
  readonly occurredAt?: string;
  /** Part of its body; a key that is undefined here has to be absent there. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Does an observation, as the city got it, say this? */
export function tells(data: Readonly<Record<string, unknown>> | undefined, fact: Fact): boolean {
  const { deviceId, kind, record, occurredAt, body = {} } = fact;
  const wanted = { deviceId, kind, body };
  return (
    isPart(wanted, data) &&
    (record === undefined || data?.["sourceRecordId"] === record) &&
    (occurredAt === undefined || data?.["occurredAt"] === occurredAt)
  );
}

function isPart(part: unknown, whole: unknown): boolean {
  if (typeof part !== "object" || part === null) return part === whole;
  if (typeof whole !== "object" || whole === null) return false;
  return Object.entries(part).every(([key, each]) => isPart(each, Reflect.get(whole, key)));
}

/** Devices that were set up for a site. */
export interface Peers {
  /** Options in place of the example's: addresses. */
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Devices of which nobody hears before they have something to tell. */
  readonly quiet: readonly string[];
  /** They connect, and go on trying. */
  start(): void;
  /** Each says one fact, most of them twice. `round` counts from 1, and no two rounds say the same. */
  report(round: number): Promise<readonly Fact[]>;
  stop(): Promise<unknown>;
}

/** Of each, before base64. */
export const pictureBytes = 20_000;

/** Names, numbers and slices of pictures that the devices send and that may be found nowhere. */
export const canaries = {
  name: "欧阳金丝雀",
  idCard: "990101199003074477",
  phone: "19900004477",
  card: "canary-card-7781",
  picture: jpegDataUrl(pictureBytes, 4477),
};

/** A slice of a picture's text is enough to find it. */
const needleOf = (picture: string): string => picture.slice(400, 440);

export interface Terminals extends Peers {
  readonly needles: readonly string[];
  /** From now on the clock of gate-east is off by so much, ms. */
  skewClock(ms: number): void;
}

/** The five face-access terminals of the example. All of them send persons and pictures. */
export async function openTerminals(site: EverySite): Promise<Terminals> {
  const west = { port: await freePort(), account: site.account("admin", "gate-west-own") };
  const overMqtt = new FaceTerminal({
    url: site.brokerUrl,
    deviceId: "1026700",
    ...site.account("gate-east"),
    pictureBytes,
    reconnectEveryMs: 200,
    heartbeatEveryMs: 500,
  });
  // Nothing but its own server is set up in it: where to push it is told by the gateway.
  const overHttp = new FaceTerminal({
    transport: "http",
    deviceId: "1299517",
    ...west,
    pictureBytes,
    heartbeatEveryMs: 1000,
    resendAfterMs: 1000,
  });
  for (const { station } of [overMqtt, overHttp]) station.trouble({ duplicates: true });
  overHttp.station.start();
  const isapi = new IsapiTerminal({
    account: site.account("gateway", "gate-south-own"),
    push: { url: `${site.ingestUrl}/ingest/gate-south`, account: site.account("gate-south") },
    format: "multipart",
    pictureBytes,
  });
  const southAddress = await isapi.server?.listen();
  const controller = new MosquittoDevice(site.brokerPort, site.account("gate-north"), "acs/gate-north/events");
  const garage = `${site.ingestUrl}/ingest/gate-garage/token/${site.secret("gate-garage")}`;
  const { card, ...shown } = canaries;

  return {
    options: {
      "gate-west": { server: { address: `http://127.0.0.1:${west.port}`, callback: site.ingestUrl } },
      "gate-south": { device: { address: southAddress } },
    },
    quiet: ["gate-north", "gate-garage"],
    needles: [
      ...Object.values({ ...canaries, picture: needleOf(canaries.picture) }),
      ...[overMqtt, overHttp].flatMap(({ people: [person] }) => (person === undefined ? [] : wordsOf(person))),
      ...Object.values(people[0]),
      ...[1, 2, 3].map((id) => needleOf(jpegDataUrl(pictureBytes, id))),
      ...[1, 2].map((seed) => jpeg(pictureBytes, seed).toString("latin1", 400, 430)),
    ],
    skewClock: (clockSkewMs) => overMqtt.station.trouble({ duplicates: true, clockSkewMs }),
    start: () => overMqtt.station.start(),
    async report(round) {
      const east = overMqtt.recognise(round === 1 ? "refused" : "allowed", 0);
      const westId = overHttp.recognise("allowed", 0);
      const south = await isapi.pass(75);
      await isapi.repeat();
      const north = { at: Date.now(), nr: `n-${round}`, what: "pass", card, ...shown };
      await controller.say(north);
      const seqnum = 100 + round;
      const bashi = { seqnum, timestamp: Math.floor(Date.now() / 1000), event: "face", state: 4, uid: card, ...shown };
      for (let times = 0; times < 2; times++) {
        const answer = await pushByCurl([], { "device-id": "WALOS-0001", ...bashi }, garage);
        if (answer !== '{"code":0} 200') throw new Error(`gate-garage was answered by ${answer}`);
      }
      return [
        { deviceId: "gate-east", kind: round === 1 ? "access.denied" : "access.granted", record: String(east) },
        { deviceId: "gate-west", kind: "access.granted", record: String(westId) },
        { deviceId: "gate-south", kind: "access.granted", record: String(south), body: { method: "face" } },
        { deviceId: "gate-north", kind: "access.granted", record: `n-${round}`, body: { method: "card" } },
        { deviceId: "gate-garage", kind: "access.granted", record: String(seqnum), body: { method: "face" } },
      ];
    },
    stop: () => Promise.all([overMqtt.station.stop(), overHttp.station.stop(), isapi.stop(), controller.stop()]),
  };
}

/** Of a simulated person what is long enough to be nothing else. */
function wordsOf({ name, idCard, phone }: { name: string; idCard: string; phone: string }): readonly string[] {
  return [name, idCard, phone];
}
