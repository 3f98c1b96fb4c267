// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a configuration writes its references so
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { SiteFolder, sampleText } from "../tests/support/sample-site.ts";
import { type LoadContext, loadConfig } from "./load.ts";
import type { Mistake } from "./mistakes.ts";
import type { GatewayConfig } from "./schema.ts";

let site: SiteFolder;
beforeEach(() => {
  site = new SiteFolder();
});
afterEach(() => site.remove());

/** The sample with a profile of the site's own, so that nothing hangs on the built-in ones. */
const sample = sampleText.replace("generic-extinguisher", "own.yaml");

function good(text: string, context?: Partial<LoadContext>): GatewayConfig {
  const result = site.load(text, context);
  if (!result.ok) throw new Error(JSON.stringify(result.mistakes, undefined, 1));
  return result.config;
}

function bad(text: string, context?: Partial<LoadContext>): readonly Mistake[] {
  const result = site.load(text, context);
  expect(result.ok).toBe(false);
  return result.ok ? [] : result.mistakes;
}

describe("neighbours and tags", () => {
  const withMore = (neighbours: string) =>
    sample
      .replace("{ id: b3, name: 3栋 }", `{ id: b3, name: 3栋, neighbours: [${neighbours}] }`)
      .replace("driver: face-terminal,", "tags: [exit], driver: face-terminal,");

  it("are handed on to those who ask for them", () => {
    const config = good(withMore("b3-u1"));
    expect(config.zones[0]).toMatchObject({ id: "b3", neighbours: ["b3-u1"] });
    expect(config.devices[0]?.device).toMatchObject({ id: "gate-east", tags: ["exit"] });
    expect(config.devices[1]?.device.tags).toBeUndefined();
  });

  it("are mistakes where the zone does not exist or is the zone itself", () => {
    expect(bad(withMore("b33, b3"))).toMatchObject([
      { path: "zones[0].neighbours[0]", hint: "Did you mean `b3`?" },
      { path: "zones[0].neighbours[1]", found: "the zone itself" },
    ]);
  });
});

describe("the sample configuration", () => {
  it("is accepted as it stands, with the secrets read and the defaults filled in", () => {
    const config = good(sample);
    expect(config.site).toEqual({ id: "jinshuiwan", name: "金水湾小区", kind: "community", timezone: "Asia/Shanghai" });
    expect(config.gateway).toEqual({ id: "gw-01", data: `${site.dir}/data` });
    expect(config.broker.listen).toEqual({ host: "127.0.0.1", port: 1883 });
    expect(config.broker.limits.maxPacket).toBe(4 * 1024 * 1024);
    expect(config.uplink).toMatchObject({
      urls: ["mqtt://127.0.0.1:1884"],
      prefix: "zhian/v1",
      password: "canary-uplink-Zq7",
    });
    expect(config.console.listen.port).toBe(8080);
    expect(config.ingest).toBeUndefined();
    expect(config.zones).toEqual([
      { id: "b3", name: "3栋" },
      { id: "b3-u1", name: "3栋1单元", parent: "b3" },
    ]);
    expect(config.serialLines[0]).toMatchObject({
      id: "rs485-1",
      baudRate: 9600,
      parity: "none",
      dataBits: 8,
      stopBits: 1,
    });
    expect(config.devices.map(({ device }) => device)).toEqual([
      { id: "gate-east", name: "东门人脸机", driver: "face-terminal", dialect: "facesluice-mqtt", zoneId: "b3-u1" },
      { id: "cam-b3", name: "3栋北高抛相机", driver: "throw-camera", dialect: "facesluice-mqtt", zoneId: "b3" },
      {
        id: "ext-b3-2f",
        name: "3栋2层灭火装置",
        driver: "thermal-extinguisher",
        dialect: "modbus-rtu",
        zoneId: "b3-u1",
      },
    ]);
    expect(config.devices[0]?.options).toEqual({
      deviceId: "1026700",
      username: "gate-east",
      password: "canary-gate-east-Zq7",
    });
    expect(config.devices[2]?.profile).toMatchObject({ pollEvery: 1000 });
    expect(config.rules).toEqual({
      fire: { staticThreshold: 57, window: 30_000 },
      "thrown-object": { within: 10_000 },
    });
    expect(config.storage).toEqual({
      budget: 2 * 1024 ** 3,
      keepAlarms: 180 * 86_400_000,
      keepObservations: 30 * 86_400_000,
    });
    expect(config.log.level).toBe("info");
  });

  it("needs no more than a site and a gateway", () => {
    const config = good("site: { id: a, name: A }\ngateway: { id: g }\n");
    expect(config.uplink).toBeUndefined();
    expect(config.devices).toEqual([]);
    expect(config.broker.listen.host).toBe("127.0.0.1");
  });

  it("gives way to ZHIAN_DATA, which is relative to where the gateway was started", () => {
    expect(good(sample, { env: { ZHIAN_DATA: "elsewhere" } }).gateway.data).toBe(`${site.dir}/elsewhere`);
    expect(good(sample, { env: { ZHIAN_DATA: "/var/lib/zhian" } }).gateway.data).toBe("/var/lib/zhian");
    expect(good(sample, { env: { ZHIAN_DATA: "" } }).gateway.data).toBe(`${site.dir}/data`);
  });
});

describe("a configuration with mistakes", () => {
  const wrong = `site: { id: jinshuiwan, name: 金水湾小区, kind: comunity }
gateway: { id: "gw/01", data: ./data }
broker:
  listen: 127.0.0.1
  limts: { maxPacket: 1MiB }
uplink: { urls: [http://city], username: gw-01, password: "\${file:secrets/nowhere}" }
storage: { keepAlarms: 180, budget: lots }
zones:
  - { id: b3, name: 3栋, parent: b3-u1 }
  - { id: b3-u1, name: 3栋1单元, parent: b3 }
  - { id: b4, name: 4栋, parent: b5 }
serialLines:
  - { id: rs485-1, path: /dev/ttyS1, baudRate: fast }
devices:
  - { id: gate-east, name: 东门, driver: face-terminl, dialect: facesluice-mqtt, zone: b3 }
  - id: gate-east
    name: 西门
    driver: face-terminal
    dialect: facesluice-mqt
    zone: b33
  - { id: a, name: a, driver: face-terminal, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: 1026700, username: one, password: "\${GATE_PW}" } }
  - { id: b, name: b, driver: face-terminal, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: x, username: same, pasword: hunter2hunter2 } }
  - { id: c, name: c, driver: throw-camera, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: y, username: twin, password: longenough1 } }
  - { id: d, name: d, driver: throw-camera, dialect: facesluice-mqtt, zone: b3,
      options: { deviceId: z, username: twin, password: longenough2 } }
  - { id: e, name: e, driver: thermal-extinguisher, dialect: modbus-rtu, options: { line: rs485-1, unit: 17, profile: own.yaml } }
  - { id: f, name: f, driver: thermal-extinguisher, dialect: modbus-rtu, options: { line: rs485-1, unit: 17, profile: own.yaml } }
  - { id: g, name: g, driver: thermal-extinguisher, dialect: modbus-rtu, options: { line: rs485-2, unit: 0018, profile: gone.yaml } }
rules:
  fire: { staticThreshold: 680 }
  thrown-objects: {}
log: { level: loud }
`;

  it.each([
    [
      "an unknown word where a few are allowed",
      "site.kind",
      "comunity",
      '"comunity"',
      "one of community, unit, campus",
      "community",
    ],
    ["an id that could not stand in a topic", "gateway.id", '"gw/01"', '"gw/01"', "1 to 64 letters", undefined],
    ["an address without a port", "broker.listen", "127.0.0.1\n", '"127.0.0.1"', "HOST:PORT", undefined],
    ["a misspelt key", "broker.limts", "limts", "the key `limts`", "listen, limits", "limits"],
    ["a city that speaks no MQTT", "uplink.urls[0]", "http://city", '"http://city"', "mqtts://", undefined],
    [
      "a secret that is not there",
      "uplink.password",
      '"${file:secrets/nowhere}"',
      "no such file",
      "readable",
      undefined,
    ],
    ["a duration without a unit", "storage.keepAlarms", "180,", "the number 180", "90s or 5m", undefined],
    ["a size that is none", "storage.budget", "lots", '"lots"', "2GiB", undefined],
    ["zones in a circle", "zones[0].parent", "b3-u1 }", "b3 → b3-u1 → b3", "one way", undefined],
    ["an unknown parent", "zones[2].parent", "b5 }", '"b5", no zone', "b3", "b3"],
    ["a word where a number belongs", "serialLines[0].baudRate", "fast", '"fast"', "a number", undefined],
    ["an unknown driver", "devices[0].driver", "face-terminl", "no driver", "face-terminal", "face-terminal"],
    ["an id used twice", "devices[1].id", "gate-east\n", "as on line 15", "used once", undefined],
    [
      "an unknown dialect",
      "devices[1].dialect",
      "facesluice-mqt\n",
      "no dialect of face-terminal",
      "facesluice-mqtt",
      "facesluice-mqtt",
    ],
    ["an unknown zone", "devices[1].zone", "b33", "no zone", "b3", "b3"],
    ["a number where text belongs", "devices[2].options.deviceId", "1026700", "the number 1026700", "text", undefined],
    [
      "a variable that is not set",
      "devices[2].options.password",
      '"${GATE_PW}"',
      "no GATE_PW",
      "a value for GATE_PW",
      undefined,
    ],
    ["a misspelt option", "devices[3].options.pasword", "pasword", "the key `pasword`", "password", "password"],
    [
      "a user name used twice",
      "devices[5].options.username",
      "twin, password: longenough2",
      "user name of c",
      "of its own",
      undefined,
    ],
    [
      "a unit used twice on a line",
      "devices[7].options.unit",
      "17, profile: own.yaml } }\n  - { id: g",
      "as e",
      "used once",
      undefined,
    ],
    ["an unknown line", "devices[8].options.line", "rs485-2", "no serial line", "rs485-1", "rs485-1"],
    [
      "a profile that is not there",
      "devices[8].options.profile",
      "gone.yaml",
      "no such file",
      "path of a profile",
      undefined,
    ],
    ["a parameter out of its range", "rules.fire.staticThreshold", "680", "the number 680", "at most 120", undefined],
    ["an unknown rule", "rules.thrown-objects", "thrown-objects", "no rule", "fire, thrown-object", "thrown-object"],
    ["an unknown log level", "log.level", "loud", '"loud"', "debug, info, warn, error", undefined],
  ])("names %s, with its place", (_, path, marker, found, expected, meant) => {
    const mistakes = bad(wrong).filter((mistake) => mistake.path === path);
    expect(mistakes).toHaveLength(1);
    const [mistake] = mistakes;
    const offset = wrong.indexOf(marker);
    const before = wrong.slice(0, offset).split("\n");
    expect(`${mistake?.line}:${mistake?.column}`).toBe(`${before.length}:${(before.at(-1)?.length ?? 0) + 1}`);
    expect(mistake?.found).toContain(found);
    expect(mistake?.expected).toContain(expected);
    if (meant !== undefined) expect(mistake?.hint).toContain(`\`${meant}\``);
  });

  it("names each mistake once, in the order of the file, and nothing else", () => {
    const mistakes = bad(wrong);
    expect(mistakes).toHaveLength(25);
    expect(mistakes.map(({ line }) => line)).toEqual(mistakes.map(({ line }) => line).sort((a, b) => a - b));
  });

  it("shows no secret, whatever is wrong around it", () => {
    const text = sample
      .replace('"${file:secrets/gate-east}" }', '["${file:secrets/gate-east}"] }')
      .replace(
        'password: "${file:secrets/cam-b3}"',
        'password: "${file:secrets/cam-b3}", user: "${file:secrets/cam-b3}"',
      )
      .replace("mqtt://127.0.0.1:1884", "ftp://gw:hunter2hunter2@127.0.0.1");
    const told = JSON.stringify(bad(text));
    expect(told).not.toMatch(/canary|hunter2/);
  });

  it("says of a broken line where it is, and what is wrong before it, and does not guess about the rest", () => {
    const mistakes = bad('site: { id: a, name: A, kind: house }\ngateway: { id: "g }\nbroker: { lissten: x }\n');
    expect(mistakes.map(({ line, path }) => `${line} ${path}`)).toEqual(["1 site.kind", "4 "]);
    expect(mistakes[1]?.found).toBe("a missing quote, bracket, colon, comma or space");
    expect(mistakes[1]?.hint).toContain("line 2, column 16");
  });

  it("finds a key that stands twice and goes on reading", () => {
    const text = "site: { id: a, name: A, id: b }\ngateway: { id: g }\nlog: { level: loud }\n";
    const mistakes = bad(text);
    expect(mistakes.map(({ found }) => found)).toEqual(["a key that stands twice in the same map", '"loud"']);
    expect(`${mistakes[0]?.line}:${mistakes[0]?.column}`).toBe("1:25");
  });

  it("names a missing part once, at what should hold it", () => {
    const text = "site: { id: a }\ndevices:\n  - { id: x, name: x, driver: face-terminal, dialect: facesluice-mqtt }\n";
    expect(bad(text).map(({ path, line, found }) => [path, line, found])).toEqual([
      ["site.name", 1, "nothing"],
      ["gateway", 1, "nothing"],
      ["devices[0].options.deviceId", 3, "nothing"],
      ["devices[0].options.username", 3, "nothing"],
      ["devices[0].options.password", 3, "nothing"],
    ]);
  });

  it("points into a profile that is wrong", () => {
    const profile = site.write(
      "own.yaml",
      "registers:\n  - { name: temperature, function: three, address: 0 }\npollEvry: 1s\n",
    );
    expect(bad(sample).map(({ file, line, column, path }) => [file, line, column, path])).toEqual([
      [profile, 2, 36, "registers[0].function"],
      [profile, 3, 1, "pollEvry"],
    ]);
  });

  it("that is no file, a folder, no text or no map is refused with the reason", () => {
    site.writeBytes("binary.yaml", [0xff, 0xfe, 0x41]);
    const of = (file: string): string | undefined => {
      const result = loadConfig(file, {
        manifests: [],
        ruleSchemas: {},
        channelSchema: z.never(),
        env: {},
        cwd: site.dir,
      });
      return result.ok ? undefined : result.mistakes[0]?.found;
    };
    expect(of("nowhere.yaml")).toBe("no such file");
    expect(of("secrets")).toBe("a directory");
    expect(of("binary.yaml")).toBe("not UTF-8 text");
    expect(bad("- just\n- a list\n")[0]?.found).toBe("a list");
    expect(bad("")[0]?.found).toBe("nothing");
  });
});

describe("certificates for the city", () => {
  const withTls = (extra: string): string =>
    `site: { id: a, name: A }\ngateway: { id: g }\nuplink: { urls: [mqtts://city.example], ${extra} }\n`;

  it("come in with their contents, from paths relative to the configuration", () => {
    const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    site.write("ca.pem", pem);
    const { uplink } = good(withTls("ca: ca.pem"));
    expect(uplink?.tls).toEqual({ ca: pem });
    expect(uplink).not.toHaveProperty("ca");
  });

  it("that are absent, no PEM, or without their other half are mistakes", () => {
    site.write("ca.pem", "nothing of the kind");
    expect(
      bad(withTls("ca: ca.pem, cert: gone.pem")).map(({ path, found, expected }) => [path, found, expected]),
    ).toEqual([
      ["uplink.ca", "a file that cannot be used: it has no PEM block", "a readable PEM file"],
      ["uplink.cert", '"gone.pem"', "cert and key together"],
      ["uplink.cert", "a file that cannot be used: no such file", "a readable PEM file"],
    ]);
  });
});

describe("a value with a reference", () => {
  const minimal = (extra: string): string => `site: { id: a, name: A }\ngateway: { id: g }\n${extra}\n`;

  it("takes the type that its place wants", () => {
    const text = minimal('serialLines:\n  - { id: l, path: /dev/ttyS1, baudRate: "${BAUD:-19200}" }');
    expect(good(text).serialLines[0]?.baudRate).toBe(19_200);
    expect(good(text, { env: { BAUD: "4800" } }).serialLines[0]?.baudRate).toBe(4800);
    expect(bad(text, { env: { BAUD: "fast" } })[0]?.found).toBe('"${BAUD:-19200}"');
  });

  it("stays text where text is wanted, even if it is all digits", () => {
    const text = minimal('uplink: { urls: [mqtt://127.0.0.1], username: u, password: "${PW}" }');
    expect(good(text, { env: { PW: "12345678" } }).uplink?.password).toBe("12345678");
  });
});

describe("a second look", () => {
  const warnings = (text: string): string[] => {
    const result = site.load(text);
    return result.ok ? result.warnings.map(({ path, message }) => `${path}: ${message}`) : ["refused"];
  };

  it("finds nothing in the sample", () => {
    expect(warnings(sample)).toEqual([]);
  });

  it("warns of listeners and links that anybody can read, of secrets in the file, and of open secret files", () => {
    site.write("secrets/open", "canary-open", 0o644);
    const text = sample
      .replace("127.0.0.1:1883", "0.0.0.0:1883")
      .replace("mqtt://127.0.0.1:1884", "mqtt://city.example")
      .replace('"${file:secrets/gate-east}"', "in-the-file-itself")
      .replace("secrets/cam-b3", "secrets/open");
    expect(warnings(text)).toEqual([
      "broker.listen: MQTT without encryption beyond this machine",
      "uplink.urls[0]: to the city without encryption",
      "devices[0].options.password: a secret in the configuration itself",
      `devices[1].options.password: everybody on this machine can read ${site.dir}/secrets/open`,
    ]);
  });
});
