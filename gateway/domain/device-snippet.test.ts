import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { interpolate } from "../../config/interpolation.ts";
import { type Heard, snippetFor } from "./device-snippet.ts";

const nothing: Heard = { via: "mqtt", username: "", clientId: "", address: "192.168.1.20" };

/** What YAML makes of it: one entry of a list. */
function entryOf(heard: Partial<Heard>): Record<string, unknown> & { options: Record<string, unknown> } {
  const parsed = parse(snippetFor({ ...nothing, ...heard }));
  expect(parsed).toHaveLength(1);
  return parsed[0];
}

describe("the entry for a device that knocked", () => {
  it("fills in what is a fact and marks what is to be decided", () => {
    expect(snippetFor({ ...nothing, username: "gate-west", topic: "mqtt/face/basic", said: "" })).toBe(
      `- { id: gate-west, name: "?", driver: "?", dialect: facesluice-mqtt, zone: "?",
    options: { deviceId: "?", username: gate-west, password: "\${file:secrets/gate-west}" } }`,
    );
  });

  it.each<[string, Partial<Heard>, string, string, Record<string, unknown>]>([
    ["its topic", { topic: "mqtt/face/1026700/Rec" }, "?", "facesluice-mqtt", { deviceId: "1026700" }],
    [
      "the topic of a LoRaWAN server",
      { topic: "application/5c/device/0011223344556677/event/up" },
      "thermal-extinguisher",
      "chirpstack-mqtt",
      { devEui: "0011223344556677" },
    ],
    [
      "an ONVIF topic",
      { topic: "E4:30:22:F3:31:AA/onvif-ej/Device/x" },
      "throw-camera",
      "onvif-mqtt",
      { topicPrefix: "E4:30:22:F3:31:AA" },
    ],
    ["an Axis topic", { topic: "axis/ACCC8E112233/event/x" }, "throw-camera", "axis-mqtt", { serial: "ACCC8E112233" }],
    ["a Frigate topic", { topic: "frigate/available" }, "throw-camera", "frigate-mqtt", {}],
    [
      "a HAPI path",
      { via: "http", clientId: "/HAPI/V1.0/Event/Notification", said: '{"DeviceID":"SN1"}' },
      "throw-camera",
      "hapi",
      { deviceId: "SN1" },
    ],
    [
      "the name of a message",
      { via: "http", clientId: "/x", said: '{"operator":"ParabolicSnapPush","info":{"DeviceID":"7"' },
      "throw-camera",
      "facesluice-http",
      { deviceId: "7" },
    ],
    [
      "an ISAPI event of a door",
      { via: "http", clientId: "/x", said: '"eventType":"AccessControllerEvent"' },
      "face-terminal",
      "hikvision-isapi",
      { push: { username: "u-1" } },
    ],
    [
      "a thrown object",
      { via: "http", clientId: "/x", said: '"objectsThrownDetection"' },
      "throw-camera",
      "hikvision-isapi",
      { push: { username: "u-1" } },
    ],
    ["nothing that is known", { via: "http", clientId: "/x", said: "hello" }, "?", "?", {}],
  ])("knows driver and dialect by %s", (_what, heard, driver, dialect, options) => {
    expect(entryOf({ username: "u-1", ...heard })).toMatchObject({
      driver,
      dialect,
      options,
    });
    expect(snippetFor({ ...nothing, username: "u-1", ...heard })).toContain("username: u-1,");
  });

  it("of a slave that answered on a line names line and unit", () => {
    expect(entryOf({ via: "serial", clientId: "17", address: "rs485-1" })).toEqual({
      id: "rs485-1-17",
      name: "?",
      driver: "thermal-extinguisher",
      dialect: "modbus-rtu",
      zone: "?",
      options: { line: "rs485-1", unit: 17, profile: "?" },
    });
  });

  it.each([
    ["a number", "0042"],
    ["true", "true"],
    ["no", "no"],
    ["a comment", "a # b"],
    ["an end of the list", "a }, { b: 1 }]"],
    ["a quote", 'a"b'],
    ["a file of the gateway", `$${"{file:/etc/shadow}"}`],
    ["an escaped reference", `$$${"{HOME}"}`],
    ["a variable", `$${"{HOME}"}`],
    ["Chinese", "东门"],
    ["nothing but dots", "..."],
    ["spaces", " a b "],
  ])("is what was said and no more, where the user name is %s", (_what, username) => {
    const { id, options } = entryOf({ username });
    const read = interpolate(String(options["username"]), { env: { HOME: "leaked" }, dir: "/" });
    expect(read).toMatchObject({ ok: true, value: username });
    expect(id).toMatch(/^([a-z0-9][a-z0-9._-]{0,63}|\?)$/i);
    expect(options["password"]).toMatch(/^\$\{file:secrets\/[A-Za-z0-9._-]+\}$/);
  });
});
