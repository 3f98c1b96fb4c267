import type { ObservationKind } from "../../../gateway/domain/observation.ts";
import type { FakeDriverContext } from "../../support/driver-context.ts";
import type { Rig } from "../rigs.ts";

const nonsense: readonly (string | Uint8Array)[] = [
  "",
  "not json",
  "null",
  '{"operator":',
  '{"operator":{},"info":[]}',
  '{"operator":"VerifyPush"}',
  '{"operator":"ParabolicSnapPush","info":[]}',
  new Uint8Array([0xff, 0xfe, 0x00, 0x80]),
  new Uint8Array(100_000).fill(0x22),
];

/** The device's own server is a port on which nobody listens, so that it cannot be subscribed once it has fallen silent. */
function rig(id: string, kind: ObservationKind, report: (nth: number) => object, more: object = {}): Rig {
  const server = { address: "http://127.0.0.1:1", username: "admin", password: "p", callback: "http://127.0.0.1:8090" };
  return {
    options: { deviceId: id, username: "device-1", password: "secret", server },
    ...more,
    kind,
    fact: async ({ http }, nth) => {
      await http.push({ path: "/Snap", body: report(nth) });
    },
    garbage: async ({ http }) => {
      for (const body of nonsense) await http.push({ body });
      await http.push({ parts: [{ name: "file", filename: "a.mp4", contentType: "video/mp4", dropped: true }] });
      await http.push({ method: "GET", path: "/x" });
    },
    lose: (context) => silence(context),
  };
}

async function silence(context: FakeDriverContext<unknown>): Promise<void> {
  for (let step = 0; step < 100 && context.goneReasons.length === 0; step += 1) {
    context.clock.advance(2000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const second = (nth: number) => `2026-11-24T08:00:${String(nth).padStart(2, "0")}`;

export const faceTerminalHttp = rig("1299517", "access.denied", (nth) => ({
  operator: "VerifyPush",
  info: {
    DeviceID: 1299517,
    PersonID: 105,
    PersonType: 0,
    VerifyStatus: 2,
    CreateTime: second(nth),
    Sendintime: 1,
    PushType: 0,
    nRecordIndex: nth,
  },
}));

export const throwCameraHttp = rig(
  "005a213b000b93cc",
  "throw.detected",
  (nth) => ({
    operator: "ParabolicSnapPush",
    info: { DeviceID: "005a213b000b93cc", ID: nth, StartTime: second(nth), EndTime: second(nth + 1) },
  }),
  { profile: {} },
);
