import { afterAll, beforeAll, expect, it } from "vitest";
import { gstPanel, models } from "../../simulators/thermal-extinguisher/models.ts";
import { TcpSlaves } from "../../simulators/thermal-extinguisher/tcp-slaves.ts";
import { ExtinguisherUnit } from "../../simulators/thermal-extinguisher/unit.ts";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { MetricsReader } from "../support/metrics-reader.ts";
import { waitFor } from "../support/wait-for.ts";

const slaves = new TcpSlaves();
const unit = new ExtinguisherUnit({ ambientC: 25 });
let panel: (0 | 1 | 2 | 3)[] = Array.from({ length: 22 }, () => 0);
let site: SiteFiles;
let gateway: GatewayProcess;
let metrics: MetricsReader;

beforeAll(async () => {
  slaves.attach(1, () => models["generic-extinguisher"]?.(unit) ?? {});
  slaves.attach(2, () => gstPanel(panel));
  const port = await slaves.listen();
  const options = (id: number, profile: string) =>
    `options: { host: 127.0.0.1, port: ${port}, unit: ${id}, profile: ${profile} }`;
  site = await writeSite({
    uplinkPort: await freePort(),
    devices: `  - { id: ext-1, name: 灭火装置, driver: thermal-extinguisher, dialect: modbus-tcp, zone: b3-u1,
      ${options(1, "generic-extinguisher")} }
  - { id: panel-1, name: 主机, driver: fire-panel, dialect: modbus-tcp, zone: b3, ${options(2, "gst-panel")} }`,
  });
  metrics = new MetricsReader(site);
  gateway = await startGatewayProcess(site);
});
afterAll(async () => {
  await gateway?.stop();
  await slaves.close();
  site?.remove();
});

const stored = (device: string) => metrics.value("zhian_ingress_stored_total", { device });
const online = (device: string) => metrics.value("zhian_ingress_device_online", { device });

it("an extinguisher and a panel behind one Modbus TCP address are observed by a running gateway, over one connection", async () => {
  await waitFor("the extinguisher", async () => (await stored("ext-1").catch(() => 0)) >= 3);
  // Every point once, and that all of them can be believed.
  await waitFor("the panel", async () => (await stored("panel-1").catch(() => 0)) >= 22);
  const before = await stored("panel-1");
  panel = panel.with(6, 1);
  await waitFor("the fire", async () => (await stored("panel-1")) > before);
  expect(await metrics.value("zhian_modbus_tcp_connects_total")).toBe(1);
  expect(await metrics.value("zhian_telemetry_undeclared_total").catch(() => 0)).toBe(0);
});

it("is back by itself after the connection was cut, and a unit that the gateway misses is offline alone", async () => {
  slaves.cut();
  await waitFor("another connection", async () => (await metrics.value("zhian_modbus_tcp_connects_total")) >= 2);
  await waitFor("the extinguisher to be back", async () => (await online("ext-1")) === 1);
  slaves.setFault(2, { mode: "absent" });
  await waitFor("the panel to be missed", async () => (await online("panel-1")) === 0, 25_000);
  expect(await online("ext-1")).toBe(1);
});
