import type { FakeDriverContext } from "../../support/driver-context.ts";
import type { Rig } from "../rigs.ts";

const account = { username: "cam-1", password: "secret" };
const second = (nth: number) => String(nth).padStart(2, "0");
const at = (nth: number) => `2026-11-24T00:00:${second(nth)}.000Z`;

const nonsense: readonly (string | Uint8Array)[] = [
  "not json",
  "null",
  "[]",
  '"',
  '{"UtcTime":',
  '{"type":{},"after":[]}',
  '{"__proto__":{"UtcTime":"2026-11-24T00:00:00Z"}}',
  new Uint8Array([0xff, 0xfe, 0x00, 0x80]),
  new Uint8Array(100_000).fill(0x22),
];

async function noise(context: FakeDriverContext<unknown>, topic: string): Promise<void> {
  for (const payload of nonsense) await context.mqtt.say(topic, payload);
}

const will = (context: FakeDriverContext<unknown>, topic: string, payload = "") =>
  context.mqtt.say(topic, payload, true).catch(() => undefined);

const thrown = "RuleEngine/ThrowDetector/acme:Thrown";
export const onvifCamera: Rig = {
  options: {
    ...account,
    topicPrefix: "cam/b3",
    events: [{ topic: thrown, as: "throw", record: "ObjectId" }],
  },
  profile: {},
  kind: "throw.detected",
  fact: (context, nth) =>
    context.mqtt.say(`cam/b3/onvif-ej/${thrown}/&1/Facade`, {
      UtcTime: at(nth),
      Source: { VideoSource: "1", Rule: "Facade" },
      Data: { ObjectId: nth },
    }),
  garbage: (context) => noise(context, `cam/b3/onvif-ej/${thrown}/&1/Facade`),
  lose: (context) => will(context, "cam/b3/status"),
};

export const axisCamera: Rig = {
  options: {
    ...account,
    serial: "ACCC8E000001",
    events: [{ topic: "axis:CameraApplicationPlatform/Falling/Thrown", as: "throw" }],
  },
  profile: {},
  kind: "throw.detected",
  fact: (context, nth) =>
    context.mqtt.say("axis/ACCC8E000001/event/tns:axis/CameraApplicationPlatform/Falling/Thrown", {
      topic: "axis:CameraApplicationPlatform/Falling/Thrown",
      timestamp: Date.parse(at(nth)),
      message: { source: {}, key: {}, data: { objectId: String(nth) } },
    }),
  garbage: (context) => noise(context, "axis/ACCC8E000001/event/tns:axis/CameraApplicationPlatform/Falling/Thrown"),
  lose: (context) => will(context, "axis/ACCC8E000001/connection"),
};

export const frigateCamera: Rig = {
  options: { ...account, camera: "facade_b3", labels: ["thrown"], detect: { width: 1280, height: 720 } },
  profile: {},
  kind: "throw.detected",
  fact: (context, nth) => {
    const time = Date.parse(at(nth)) / 1000;
    const after = { id: `${time}-abcdef`, camera: "facade_b3", label: "thrown", top_score: 0.8, start_time: time };
    const rest = { frame_time: time + 0.2, end_time: null, false_positive: false, box: [600, 100, 620, 120] };
    return context.mqtt.say("frigate/events", { type: "new", before: after, after: { ...after, ...rest } });
  },
  garbage: (context) => noise(context, "frigate/events"),
  lose: (context) => will(context, "frigate/available", "offline"),
};

const throwMapping = {
  time: { at: "/time", format: "iso" },
  key: ["/id"],
  events: [
    { when: [{ at: "/kind", is: "thrown" }], as: "throw" },
    { when: [{ at: "/kind", is: "gone" }], as: "offline" },
  ],
};
const accessMapping = {
  time: { at: "/time", format: "iso" },
  key: ["/id"],
  events: [
    { when: [{ at: "/kind", is: "refused" }], as: "denied", reason: "refused" },
    { when: [{ at: "/kind", is: "gone" }], as: "offline" },
  ],
};

function mappedMqtt(mapping: object, kind: Rig["kind"], name: string, profile: { profile?: object }): Rig {
  return {
    options: { ...account, topics: ["maker/events"], mapping },
    ...profile,
    kind,
    fact: (context, nth) => context.mqtt.say("maker/events", { kind: name, id: nth, time: at(nth) }),
    garbage: (context) => noise(context, "maker/events"),
    lose: (context) => will(context, "maker/events"),
  };
}

function mappedHttp(mapping: object, kind: Rig["kind"], name: string, profile: { profile?: object }): Rig {
  const push = async (context: FakeDriverContext<unknown>, body: string | Uint8Array | object) => {
    await context.http.push({ body });
  };
  return {
    options: { ...account, mapping },
    ...profile,
    kind,
    fact: (context, nth) => push(context, { kind: name, id: nth, time: at(nth) }),
    garbage: async (context) => {
      for (const body of nonsense) await push(context, body);
    },
    lose: (context) => push(context, { kind: "gone" }),
  };
}

export const throwCameraMapped = {
  mqtt: mappedMqtt(throwMapping, "throw.detected", "thrown", { profile: {} }),
  http: mappedHttp(throwMapping, "throw.detected", "thrown", { profile: {} }),
};
export const faceTerminalMapped = {
  mqtt: mappedMqtt(accessMapping, "access.denied", "refused", {}),
  http: mappedHttp(accessMapping, "access.denied", "refused", {}),
};
