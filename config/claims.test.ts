import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type DriverManifest, defineDriver } from "../gateway/ports/driver.ts";
import { SiteFolder } from "../tests/support/sample-site.ts";

const site = new SiteFolder();
afterAll(() => site.remove());

const nobody = {
  driver: "test",
  title: { en: "a test", zh: "测试" },
  load: () => Promise.reject(new Error("never opened here")),
  silentAfterMs: () => 90_000,
};
const account = z.strictObject({ username: z.string(), password: z.string(), shared: z.boolean().default(true) });
const push = z.strictObject({
  username: z.string().optional(),
  password: z.string().optional(),
  token: z.string().optional(),
  paths: z.array(z.string()).optional(),
});
const serial = z.strictObject({ line: z.string(), unit: z.number().optional() });

const server = (dialect: string): DriverManifest =>
  defineDriver<z.output<typeof account>>({
    ...nobody,
    dialect,
    options: account,
    mqtt: (options) => ({ ...options, publish: [], subscribe: [] }),
  });
const manifests: readonly DriverManifest[] = [
  server("lorawan"),
  server("analysis"),
  defineDriver<z.output<typeof push>>({
    ...nobody,
    dialect: "push",
    options: push,
    http: (options) => options as object,
  }),
  defineDriver<z.output<typeof serial>>({
    ...nobody,
    dialect: "wire",
    options: serial,
    serial: (options) => options as { line: string },
  }),
];

/** The mistakes of a site with these devices, as one line each. */
function mistakes(devices: readonly string[], more = "ingest: { listen: 127.0.0.1:8081 }\n"): readonly string[] {
  const text = `site: { id: a, name: A }
gateway: { id: gw }
serialLines:
  - { id: line-1, path: /dev/ttyS1 }
  - { id: line-2, path: /dev/ttyS2 }
${more}devices:
${devices.map((device, index) => `  - { id: d${index + 1}, name: D, driver: test, ${device} }`).join("\n")}
`;
  const loaded = site.load(text, { manifests });
  return loaded.ok ? [] : loaded.mistakes.map(({ path, found, expected }) => `${path}: ${found} → ${expected}`);
}

describe("devices behind one MQTT client", () => {
  const device = (dialect: string, options: string) => `dialect: ${dialect}, options: { username: server, ${options} }`;

  it("may have one user name where they are of one dialect, share it, and have the same password", () => {
    expect(mistakes([device("lorawan", "password: secret-1"), device("lorawan", "password: secret-1")])).toEqual([]);
  });

  it.each([
    ["another dialect", device("analysis", "password: secret-1"), "the user name of d1 → a user name of its own"],
    [
      "one that does not share",
      device("lorawan", "password: secret-1, shared: false"),
      "the user name of d1 → a user name of its own",
    ],
    [
      "another password",
      device("lorawan", "password: secret-2"),
      "the user name of d1, with another password → the same password",
    ],
  ])("are refused with %s, and no password is shown", (_what, second, expected) => {
    const found = mistakes([device("lorawan", "password: secret-1"), second]);
    expect(found).toEqual([`devices[1].options.username: ${expected}`]);
    expect(found.join()).not.toContain("secret");
  });
});

describe("devices on a serial line", () => {
  const unit = (line: string, address?: number) =>
    `dialect: wire, options: { line: ${line}${address === undefined ? "" : `, unit: ${address}`} }`;

  it("share it by their units, or have one to themselves", () => {
    expect(mistakes([unit("line-1", 1), unit("line-1", 2), unit("line-2")])).toEqual([]);
  });

  it.each([
    ["a unit used twice", [unit("line-1", 1), unit("line-1", 1)], "devices[1].options.unit: unit 1 of line-1, as d1"],
    [
      "a unit on the line of another",
      [unit("line-1"), unit("line-1", 1)],
      "devices[1].options.line: line-1, which d1 uses",
    ],
    [
      "the whole of a line with units",
      [unit("line-1", 1), unit("line-1")],
      "devices[1].options.line: line-1, which d1 uses",
    ],
    [
      "two that have the same line to themselves",
      [unit("line-1"), unit("line-1")],
      "devices[1].options.line: line-1, which d1 uses",
    ],
    ["a line that is not there", [unit("line-3")], 'devices[0].options.line: "line-3", no serial line'],
  ])("are refused with %s", (_what, devices, found) => {
    expect(mistakes(devices).map((each) => each.split(" → ")[0])).toEqual([found]);
  });
});

describe("devices that push over HTTP", () => {
  const cam = (options: string) => `dialect: push, options: { ${options} }`;
  const own = "username: a, password: secret-1";

  it("may have the same user name, since each has its own address", () => {
    expect(mistakes([cam(own), cam(own)])).toEqual([]);
  });

  it("need a listener, and the file says so once and what to add", () => {
    expect(mistakes([cam(own), cam(own)], "")).toEqual([
      "devices[0].dialect: push, a device that pushes over HTTP, and no `ingest` in the file → an `ingest` section that says where to listen",
    ]);
  });

  it("need something to be known by", () => {
    const none = "no credentials of the device → username and password, or a token";
    expect(mistakes([cam("username: a"), cam("token: secret-token"), cam("")])).toEqual([
      `devices[0].options: ${none}`,
      `devices[2].options: ${none}`,
    ]);
  });

  it("may not have the literal path of another", () => {
    expect(mistakes([cam(`${own}, paths: [/x, /y]`), cam(`${own}, paths: [/z, /y]`)])).toEqual([
      "devices[1].options.paths[1]: /y, the path of d1 → a path of its own",
    ]);
  });
});
