import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { accepts } from "../support/mosquitto.ts";
import { waitFor } from "../support/wait-for.ts";

let site: SiteFiles;
let gateway: GatewayProcess | undefined;
beforeEach(async () => {
  site = await writeSite({ uplinkPort: await freePort() });
});
afterEach(async () => {
  await gateway?.kill();
  gateway = undefined;
  site.remove();
});

describe("a running gateway", () => {
  it("stops cleanly within five seconds of SIGTERM, though the city is away", async () => {
    gateway = await startGatewayProcess(site);
    const asked = performance.now();
    expect(await gateway.stop()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
  });

  it("keeps the good configuration when it is told to read a bad one, says so, and takes a good one afterwards", async () => {
    const running = await startGatewayProcess(site);
    gateway = running;
    const good = readFileSync(site.configFile, "utf8");
    writeFileSync(site.configFile, good.replace("kind: community", "kind: comunity"));
    running.child.kill("SIGHUP");
    await waitFor("word of the mistake", () => running.log().includes("the one in force stays"));
    expect(running.log()).toContain("expected one of community, unit, campus");
    expect(await accepts(site.brokerPort)).toBe(true);
    writeFileSync(site.configFile, good);
    running.child.kill("SIGHUP");
    await waitFor("the next reload", () => running.log().includes("the configuration was read anew"));
  });

  it("refuses to share its port, and says which", async () => {
    gateway = await startGatewayProcess(site);
    const other = await writeSite({ uplinkPort: await freePort() });
    writeFileSync(
      other.configFile,
      readFileSync(other.configFile, "utf8").replace(`:${other.brokerPort}"`, `:${site.brokerPort}"`),
    );
    const second = await startGatewayProcess(other, { wait: false });
    const code = await new Promise<number | null>((done) => second.child.once("exit", done));
    other.remove();
    expect(code).toBe(1);
    expect(second.log()).toContain("PORT_IN_USE");
    expect(second.log()).toContain(String(site.brokerPort));
  });
});
