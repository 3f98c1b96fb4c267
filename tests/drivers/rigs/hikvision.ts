import { afterAll } from "vitest";
import { AlertServer } from "../../../simulators/hikvision/alert-server.ts";
import type { Values } from "../../../simulators/hikvision/wire.ts";
import type { FakeDriverContext } from "../../support/driver-context.ts";
import type { Rig } from "../rigs.ts";

const account = { username: "gateway", password: "secret" };
const second = (nth: number) => `2026-11-24T08:00:${String(nth).padStart(2, "0")}+08:00`;

const noise = [
  '\r\n--MIME_boundary\r\nContent-Type: application/json\r\n\r\n{"eventType":\r\n',
  '--MIME_boundary\r\nContent-Type: application/json\r\n\r\n{"eventType":{}}\r\n',
  '--MIME_boundary\r\nContent-Type: application/json\r\n\r\n{"eventType":"AccessControllerEvent"}\r\n',
  '--MIME_boundary\r\nContent-Type: application/xml\r\n\r\n<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>\r\n',
  `--MIME_boundary\r\n${"x".repeat(20_000)}\r\n`,
  "--MIME_boundary\r\nContent-Length: 99999999\r\n\r\n\0\u0001\u0002\r\n",
  "--MIME_boundary\r\n\r\n",
];

/** The part of a device that is asked, on a real socket; the clock of the session moves only so that it may try again. */
async function alertRig(rig: Pick<Rig, "kind" | "profile">, event: (nth: number) => Values): Promise<Rig> {
  const server = new AlertServer({ account });
  const address = await server.listen();
  afterAll(() => server.close());
  const until = async (context: FakeDriverContext<unknown>, so: () => boolean): Promise<void> => {
    for (let step = 0; step < 500 && !so() && !context.signal.aborted; step += 1) {
      context.clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const heard = (context: FakeDriverContext<unknown>) => until(context, () => context.seenDetails.length > 0);
  return {
    ...rig,
    options: { device: { address, ...account }, alertStream: true },
    fact: async (context, nth) => {
      await heard(context);
      const before = context.outcomes.length;
      server.tell(event(nth));
      await until(context, () => context.outcomes.length > before);
    },
    garbage: async (context) => {
      await heard(context);
      for (const each of noise) server.say(Buffer.from(each, "latin1"));
      server.say(Buffer.from("--MIME_boundary\r\n"));
      await until(context, () => context.rejections.length >= 4);
    },
    lose: async (context) => {
      await heard(context);
      server.drop("break");
      await until(context, () => context.goneReasons.length > 0);
    },
  };
}

export const hikvisionTerminal = await alertRig({ kind: "access.denied" }, (nth) => ({
  dateTime: second(nth),
  eventType: "AccessControllerEvent",
  eventState: "active",
  AccessControllerEvent: { majorEventType: 5, subEventType: 76, serialNo: nth, currentEvent: true },
}));

export const hikvisionCamera = await alertRig({ kind: "throw.detected", profile: {} }, (nth) => ({
  dateTime: second(nth),
  eventType: "objectsThrownDetection",
  eventState: "active",
  channelID: 1,
}));

const hapiNoise: readonly (string | Uint8Array)[] = [
  "",
  "not json",
  "null",
  "[]",
  "{}",
  '{"AlarmType":',
  new Uint8Array([0xff, 0xfe]),
];

export const hapiCamera: Rig = {
  options: { deviceId: "ANJ000000000001", prefix: "a-secret-of-24-characters" },
  profile: {},
  kind: "throw.detected",
  fact: async ({ http }, nth) => {
    await http.push({
      path: "/HAPI/V1.0/a-secret-of-24-characters/Event/Notification",
      contentType: "application/x-www-form-urlencoded",
      body: {
        AlarmType: "ObjectDetect",
        AlarmSubType: "FallingObjectsDetectionAlarm",
        TimeStamp: 1_795_478_400 + nth,
        OccurFlag: "true",
        DeviceID: "ANJ000000000001",
      },
    });
  },
  garbage: async ({ http }) => {
    for (const body of hapiNoise) await http.push({ body });
  },
};
