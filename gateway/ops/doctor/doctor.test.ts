import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SystemClock } from "../system-clock.ts";
import { checkClock } from "./clock.ts";
import { checkDataDirectory } from "./data-directory.ts";
import { checkGpio } from "./gpio.ts";
import { checkListener, checkUplink, consoleAnswers, tellConsole } from "./network.ts";
import { addons, checkAddon, checkNode, onoffAddon } from "./program.ts";
import { checkSerialLine } from "./serial-lines.ts";

let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zhian-doctor-"));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

describe("the program", () => {
  it("wants Node 24", () => {
    expect(checkNode("24.21.0", "linux x64")).toMatchObject({ result: "ok" });
    expect(checkNode("20.20.0", "linux x64")).toMatchObject({ result: "fail", hint: expect.stringContaining("24") });
  });

  it("has its add-ons, proven by loading them", async () => {
    const findings = await Promise.all(addons.map((addon) => checkAddon(addon, true, import.meta.dirname)));
    expect(findings.map(({ check, result }) => [check, result])).toEqual([
      ["better-sqlite3", "ok"],
      ["serialport", "ok"],
    ]);
    expect(findings[0]?.found).toMatch(/^3\.\d+\.\d+ \(module version \d+\)$/);
  });

  it("without one that is needed fails, without one that is not is warned of, each with what to do", async () => {
    const absent = { ...onoffAddon, name: "not-installed-anywhere" };
    expect(await checkAddon(absent, true, folder)).toMatchObject({
      result: "fail",
      hint: expect.stringContaining("npm ci"),
    });
    expect(await checkAddon(absent, false, folder)).toMatchObject({ result: "warn" });
  });

  it("with one that was built for another Node says so, even where that ends the process", async () => {
    const packages = join(folder, "node_modules");
    mkdirSync(join(packages, "epoch"), { recursive: true });
    mkdirSync(join(packages, "crash"), { recursive: true });
    const words = "The module was compiled against a different Node.js version using NODE_MODULE_VERSION 115.";
    writeFileSync(join(packages, "epoch/index.js"), `throw new Error(${JSON.stringify(words)});`);
    writeFileSync(join(packages, "crash/index.js"), "process.abort();");
    const finding = await checkAddon({ name: "epoch", proof: "1" }, true, folder);
    expect(finding).toMatchObject({ result: "fail", hint: expect.stringContaining("npm rebuild") });
    expect(finding.found).toContain("NODE_MODULE_VERSION 115");
    expect(await checkAddon({ name: "crash", proof: "1" }, true, folder)).toMatchObject({ result: "fail" });
  });
});

describe("the data directory", () => {
  const clock = new SystemClock();

  it("is told with its file system, its syncs a second and its free space, and is left as it was", async () => {
    const findings = await checkDataDirectory(join(folder, "new"), 1_000, clock);
    expect(findings.map(({ check }) => check)).toEqual(["data directory", "disk syncs", "disk space"]);
    expect(findings[1]?.found).toMatch(/^\d+ a second$/);
    expect(findings[2]).toMatchObject({ result: "ok", found: expect.stringContaining("free") });
    expect(readdirSync(join(folder, "new"))).toEqual([]);
  });

  it("that is a file, or for which there is no room, is told", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await checkDataDirectory(join(folder, "file"), 1, clock)).toMatchObject([
      { result: "fail", found: expect.stringContaining("EEXIST") },
    ]);
    const [, , space] = await checkDataDirectory(folder, Number.MAX_SAFE_INTEGER, clock);
    expect(space).toMatchObject({ result: "fail", hint: expect.stringContaining("storage.budget") });
  });
});

it("the clock is good, plausible or wrong", () => {
  const at = Date.parse("2026-11-25T00:00:00Z");
  const results = (["synchronised", "assumed", "unsynchronised"] as const).map(
    (state) => checkClock({ state, steppedMs: 0 }, at).result,
  );
  expect(results).toEqual(["ok", "warn", "fail"]);
});

describe("addresses", () => {
  it("are free, held by the running gateway, taken by another program, or none of this machine", async () => {
    const port = await listening(createTcpServer());
    const broker = { name: "broker", host: "127.0.0.1", port };
    expect(await checkListener({ ...broker, port: 0 }, false)).toMatchObject({ result: "ok" });
    expect(await checkListener(broker, true)).toMatchObject({
      result: "ok",
      found: expect.stringContaining("running"),
    });
    expect(await checkListener(broker, false)).toMatchObject({
      result: "fail",
      hint: expect.stringContaining("broker.listen"),
    });
    expect(await checkListener({ ...broker, host: "192.0.2.1" }, false)).toMatchObject({ result: "fail" });
  });

  it("the console answers where a gateway runs, and not where another program does", async () => {
    const health = await listening(
      createServer((request, response) => {
        response.statusCode = request.url === "/healthz" ? 200 : 404;
        response.end();
      }),
    );
    const other = await listening(createServer((_, response) => response.writeHead(404).end()));
    const at = (port: number) => ({ name: "console", host: "0.0.0.0", port });
    expect(await consoleAnswers(at(health))).toBe(true);
    expect(await consoleAnswers(at(other))).toBe(false);
    expect(tellConsole(at(health), true)).toMatchObject({ result: "ok", found: expect.stringContaining("127.0.0.1") });
    expect(tellConsole(at(other), false)).toMatchObject({ result: "warn" });
  });

  it("the city is reached, or not", async () => {
    const port = await listening(createTcpServer());
    expect(await checkUplink(`mqtt://127.0.0.1:${port}`)).toMatchObject({ result: "ok" });
    servers.pop()?.close();
    expect(await checkUplink(`mqtt://127.0.0.1:${port}`)).toMatchObject({
      result: "fail",
      found: expect.stringContaining("ECONNREFUSED"),
    });
  });
});

describe("a serial line", () => {
  it("that is not there is told with those that are", async () => {
    mkdirSync(join(folder, "by-id"));
    symlinkSync("/dev/null", join(folder, "by-id/usb-FTDI-if00"));
    const finding = await checkSerialLine("rs485-1", join(folder, "ttyS9"), join(folder, "by-id"));
    expect(finding).toMatchObject({ result: "fail", hint: expect.stringContaining("usb-FTDI-if00") });
  });

  it("by a lasting name is fine, and a file is none", async () => {
    symlinkSync("/dev/null", join(folder, "usb-FTDI-if00"));
    expect(await checkSerialLine("rs485-1", join(folder, "usb-FTDI-if00"), folder)).toMatchObject({ result: "ok" });
    writeFileSync(join(folder, "file"), "");
    expect(await checkSerialLine("rs485-1", join(folder, "file"), folder)).toMatchObject({ result: "fail" });
  });
});

describe("GPIO", () => {
  const chip = {
    name: "gpiochip0",
    label: "pinctrl-bcm2835",
    lines: 54,
    described: [
      { offset: 17, name: "GPIO17", usedBy: "gpiomon" },
      { offset: 4, usedBy: "kernel" },
    ],
  };
  const no = { backend: "chardev", usable: false, why: "no chip" };

  it("says which way is taken and why, why not the others, and what chips and lines there are", () => {
    const ways = [no, { backend: "sysfs", usable: true, why: "sysfs GPIO with onoff" }];
    const [way, found, line, lost] = checkGpio({ ways, chips: [chip] }, [
      { deviceId: "door-1", found: "line 17 of pinctrl-bcm2835" },
      { deviceId: "door-2", problem: "there is no GPIO chip x" },
    ]);
    expect(way).toMatchObject({ result: "ok", found: "sysfs is taken: sysfs GPIO with onoff; chardev: no chip" });
    expect(found?.found).toBe("gpiochip0, lines 0 to 53; 17 GPIO17 (in use: gpiomon); 4 (in use: kernel)");
    expect(line).toMatchObject({ result: "ok" });
    expect(lost).toMatchObject({ check: "gpio line of door-2", result: "fail" });
  });

  it("warns where inputs are only read at intervals, and fails only where it is needed", () => {
    const polled = { backend: "sysfs-polled", usable: true, why: "sysfs GPIO" };
    expect(checkGpio({ ways: [no, polled], chips: [] }, [])[0]).toMatchObject({ result: "warn" });
    expect(checkGpio({ ways: [no], chips: [] }, [])).toMatchObject([{ result: "ok" }]);
    expect(checkGpio({ ways: [no], chips: [] }, [{ deviceId: "d", problem: "x" }])).toMatchObject([{ result: "fail" }]);
  });
});
