import type { ObservationKind } from "../../gateway/domain/observation.ts";
import type { FakeDriverContext } from "../support/driver-context.ts";
import { axisCamera, faceTerminalMapped, frigateCamera, onvifCamera, throwCameraMapped } from "./rigs/cameras.ts";
import { loraExtinguisher } from "./rigs/chirpstack.ts";
import { dryContact } from "./rigs/dry-contact.ts";
import { faceTerminalHttp, throwCameraHttp } from "./rigs/facesluice-http.ts";
import { gstPrinter } from "./rigs/gst-printer.ts";
import { hapiCamera, hikvisionCamera, hikvisionTerminal } from "./rigs/hikvision.ts";
import { modbusRigs } from "./rigs/modbus.ts";
import { opcUaClientRig } from "./rigs/opcua.ts";

/** What the contract has to know of a dialect to play the device's part. One for each manifest. */
export interface Rig {
  /** `options` as the configuration would give them. */
  readonly options: object;
  /** The profile's YAML value, where the dialect has profiles. */
  readonly profile?: object;
  /** Before the session opens. */
  prepare?(context: FakeDriverContext<unknown>): void;
  /** The kind that `fact` leads to. */
  readonly kind: ObservationKind;
  /** Makes the device report one fact, a new one at each call. */
  fact(context: FakeDriverContext<unknown>, nth: number): Promise<void>;
  /** Noise and nonsense on the wire. */
  garbage(context: FakeDriverContext<unknown>): Promise<void>;
  /** Cuts the link. Absent where the device only pushes: it has none, and its silence is watched outside of the session. */
  lose?(context: FakeDriverContext<unknown>): Promise<void>;
}

const nonsense: readonly (string | Uint8Array)[] = [
  "",
  "not json",
  "null",
  "[]",
  '{"operator":',
  '{"operator":{},"info":[]}',
  '{"__proto__":{"operator":"Online"}}',
  new Uint8Array([0xff, 0xfe, 0x00, 0x80]),
  new Uint8Array(100_000).fill(0x22),
];

function faceSluice(id: string, topic: string, kind: ObservationKind, report: (nth: number) => object): Rig {
  return {
    options: { deviceId: id, username: "device-1", password: "secret" },
    profile: {},
    kind,
    fact: (context, nth) => context.mqtt.say(`mqtt/face/${id}/${topic}`, report(nth)),
    garbage: async (context) => {
      for (const payload of nonsense) await context.mqtt.say(`mqtt/face/${id}/${topic}`, payload);
    },
    // A connection that ends without a will is told by whoever owns the connections.
    lose: (context) => {
      const will = { operator: "Offline", info: { facesluiceId: id } };
      return context.mqtt.say("mqtt/face/basic", will, true).catch(() => undefined);
    },
  };
}

const twoDigits = (nth: number) => String(nth).padStart(2, "0");

export const rigs: ReadonlyMap<string, Rig> = new Map([
  ["thermal-extinguisher/chirpstack-mqtt", loraExtinguisher],
  ["fire-panel/gst-printer", gstPrinter],
  ["face-terminal/hikvision-isapi", hikvisionTerminal],
  ["throw-camera/hikvision-isapi", hikvisionCamera],
  ["throw-camera/hapi", hapiCamera],
  ["throw-camera/onvif-mqtt", onvifCamera],
  ["throw-camera/axis-mqtt", axisCamera],
  ["throw-camera/frigate-mqtt", frigateCamera],
  ["throw-camera/mapped-mqtt", throwCameraMapped.mqtt],
  ["throw-camera/mapped-http", throwCameraMapped.http],
  ["face-terminal/mapped-mqtt", faceTerminalMapped.mqtt],
  ["face-terminal/mapped-http", faceTerminalMapped.http],
  ["dry-contact/gpio", dryContact],
  ...modbusRigs,
  ["face-terminal/facesluice-http", faceTerminalHttp],
  ["opcua/client", opcUaClientRig],
  ["throw-camera/facesluice-http", throwCameraHttp],
  [
    "face-terminal/facesluice-mqtt",
    faceSluice("1026700", "Rec", "access.denied", (nth) => ({
      operator: "RecPush",
      info: {
        facesluiceId: "1026700",
        RecordID: String(nth),
        VerifyStatus: "2",
        PersonType: "0",
        Sendintime: 1,
        PushType: 0,
        time: `2026-11-24 08:00:${twoDigits(nth)}`,
      },
    })),
  ],
  [
    "throw-camera/facesluice-mqtt",
    faceSluice("005a213b000b93cc", "Snap", "throw.detected", (nth) => ({
      operator: "ParabolicSnapPush",
      info: {
        deviceId: "005a213b000b93cc",
        SnapOrRecordID: nth,
        snapTime: `2026-11-24 08:00:${twoDigits(nth)}`,
        startTime: `2026-11-24 08:00:${twoDigits(nth)}`,
        endTime: `2026-11-24 08:00:${twoDigits(nth)}`,
      },
    })),
  ],
]);
