import type { ObservationKind } from "../../gateway/domain/observation.ts";
import type { FakeDriverContext } from "../support/driver-context.ts";
import { faceTerminalHttp, throwCameraHttp } from "./rigs/facesluice-http.ts";

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
  /** Cuts the link. */
  lose(context: FakeDriverContext<unknown>): Promise<void>;
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

const genericExtinguisher = {
  registers: [
    { name: "temperature", function: 3, address: 0, type: "int16", scale: 0.1, unit: "degC" },
    { name: "pressure", function: 3, address: 1, type: "uint16", scale: 0.001, unit: "MPa" },
    {
      name: "status",
      function: 3,
      address: 2,
      type: "uint16",
      bits: { 0: "discharged", 1: "lowPressure", 2: "tamper" },
    },
  ],
  pollEvery: "1s",
};

/** Lets time pass in steps that no poll outruns, until it is so, or for 30 s. */
async function pass(context: FakeDriverContext<unknown>, until: () => boolean): Promise<void> {
  for (let step = 0; step < 120 && !until(); step += 1) {
    context.clock.advance(250);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const extinguisher: Rig = {
  options: { line: "rs485-1", unit: 17, profile: "generic-extinguisher" },
  profile: genericExtinguisher,
  kind: "thermal.reading",
  prepare: ({ line }) => {
    line.state = "silent";
  },
  fact: async (context, nth) => {
    const { line, observed } = context;
    line.set(17, 0, 200 + 50 * nth);
    line.set(17, 1, 1200);
    line.set(17, 2, 0);
    line.state = "answering";
    const before = observed.length;
    await pass(context, () => observed.length > before);
  },
  garbage: async (context) => {
    context.line.state = "noisy";
    await pass(context, () => context.rejections.length > 3);
  },
  lose: async (context) => {
    context.line.state = "unplugged";
    await pass(context, () => context.goneReasons.length > 0);
  },
};

const twoDigits = (nth: number) => String(nth).padStart(2, "0");

export const rigs: ReadonlyMap<string, Rig> = new Map([
  ["thermal-extinguisher/modbus-rtu", extinguisher],
  ["face-terminal/facesluice-http", faceTerminalHttp],
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
