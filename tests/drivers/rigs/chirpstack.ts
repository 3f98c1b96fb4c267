import type { Rig } from "../rigs.ts";

const devEui = "0101010101010101";
const topic = `application/17c82e96-be03-4f38-aef3-f83d48582d97/device/${devEui}/event/up`;

const nonsense: readonly (string | Uint8Array)[] = [
  "",
  "not json",
  "null",
  "[]",
  '{"deviceInfo":',
  '{"fPort":1,"data":{}}',
  '{"fPort":1,"data":"AQ=="}',
  '{"fPort":99,"data":"AQID"}',
  '{"__proto__":{"data":"AQID"}}',
  new Uint8Array([0xff, 0xfe, 0x00, 0x80]),
  new Uint8Array(100_000).fill(0x22),
];

/** A LoRaWAN server that speaks for one device. */
export const loraExtinguisher: Rig = {
  options: {
    applicationId: "17c82e96-be03-4f38-aef3-f83d48582d97",
    devEui,
    username: "chirpstack",
    password: "secret",
    profile: "lorawan-extinguisher-example",
  },
  profile: {
    uplinks: [
      {
        fPort: 1,
        where: [{ at: 0, equals: 1 }],
        fields: [
          { name: "temperature", at: 1, type: "int16", scale: 0.1 },
          { name: "status", at: 3, bits: { 0: "discharged", 1: "lowPressure", 2: "tamper" } },
        ],
      },
    ],
  },
  kind: "thermal.reading",
  fact: (context, nth) =>
    context.mqtt.say(topic, {
      deduplicationId: `3ac7e3c4-4401-4b8d-9386-${String(nth).padStart(12, "0")}`,
      time: "2026-11-24T00:00:00.000000000+00:00",
      deviceInfo: { devEui },
      fCnt: nth,
      fPort: 1,
      data: Buffer.from([1, 0, 200 + nth, 0]).toString("base64"),
      rxInfo: [{ rssi: -90, snr: 5 }],
    }),
  garbage: async (context) => {
    for (const payload of nonsense) await context.mqtt.say(topic, payload);
  },
  lose: (context) => context.mqtt.say(topic, "", true).catch(() => undefined),
};
