import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeChip } from "../../simulators/gpio/fake-chip.ts";
import { zhian } from "../../tests/support/command-line.ts";
import { freePort } from "../../tests/support/free-port.ts";
import { SiteFolder } from "../../tests/support/sample-site.ts";

let site: SiteFolder;
let chip: FakeChip;
beforeEach(() => {
  site = new SiteFolder();
  chip = new FakeChip({ label: "pinctrl-fake", gpiod: "2.2.1", names: ["", "DOOR_E"] });
});
afterEach(() => {
  site.remove();
  chip.close();
});

async function configuration(more: string): Promise<string> {
  const [broker, console] = [await freePort(), await freePort()];
  return site.write(
    "doctor.yaml",
    `site:    { id: s, name: 小区 }
gateway: { id: gw, data: ${site.dir}/data }
broker:  { listen: 127.0.0.1:${broker} }
console: { listen: 127.0.0.1:${console} }
storage: { budget: 64MiB }
${more}`,
  );
}

const contact = (id: string, line: string) =>
  `  - { id: ${id}, name: ${id}, driver: dry-contact, dialect: gpio,
      options: { chip: pinctrl-fake, line: ${line}, direction: in, role: door, root: ${chip.root} } }`;

describe("zhian doctor", () => {
  it("without a configuration looks at the machine", async () => {
    const { code, out, err } = await zhian(["doctor"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^✓ node +Node 24/m);
    expect(out).toMatch(/^✓ better-sqlite3/m);
    expect(out).not.toContain("\u001b");
  });

  it("with one looks at all that it needs, as JSON if asked", async () => {
    const file = await configuration(`devices:\n${contact("door-e", "DOOR_E")}`);
    const { code, out } = await zhian(["doctor", "--config", file, "--json"]);
    const findings: { check: string; result: string; found: string }[] = JSON.parse(out);
    const of = (check: string) => findings.find((finding) => finding.check === check);
    expect(code).toBe(0);
    expect(of("data directory")?.found).toContain(`${site.dir}/data`);
    expect(of("disk syncs")?.found).toMatch(/\d/);
    expect(of("broker address")).toMatchObject({ result: "ok" });
    expect(of("gpio")?.found).toContain("chardev is taken: gpiod tools 2.2.1, 1 chip");
    expect(of("gpio chip pinctrl-fake")?.found).toBe("gpiochip0, lines 0 to 7; 1 DOOR_E");
    expect(of("gpio line of door-e")?.found).toBe("line 1 of pinctrl-fake (gpiochip0) by chardev");
    expect(Object.keys(findings[0] ?? {})).toEqual(["check", "result", "found"]);
  });

  it("exits with 1 where something fails, with what was found and what to do", async () => {
    const devices = `devices:\n${contact("door-e", "9")}`;
    const lines = `serialLines:\n  - { id: rs485-1, path: ${site.dir}/ttyS9 }\n`;
    const file = await configuration(`uplink: { urls: [mqtt://127.0.0.1:1] }\n${lines}${devices}`);
    const { code, out } = await zhian(["doctor", "--config", file]);
    expect(code).toBe(1);
    expect(out).toMatch(/^✗ uplink +127\.0\.0\.1:1: ECONNREFUSED\n +→ /m);
    expect(out).toMatch(/^✗ serial line rs485-1 /m);
    expect(out).toMatch(/^✗ gpio line of door-e +chip pinctrl-fake \(gpiochip0\) has the lines 0 to 7, and no 9$/m);
  });

  it("exits with 2 on a bad configuration", async () => {
    const { code, out, err } = await zhian(["doctor", "--config", await configuration("sites: 1")]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("CONFIG_INVALID");
  });
});
