import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { openPki } from "../../drivers/opcua/pki.ts";
import { PrinterPort } from "../../simulators/fire-panel/panel.ts";
import { FakeChip } from "../../simulators/gpio/fake-chip.ts";
import { LoraNode } from "../../simulators/lorawan/node.ts";
import { LoraServer } from "../../simulators/lorawan/server.ts";
import { openPty } from "../../simulators/serial/pty.ts";
import { SlaveLine } from "../../simulators/thermal-extinguisher/line.ts";
import { genericExtinguisher, gstPanel } from "../../simulators/thermal-extinguisher/models.ts";
import { TcpSlaves } from "../../simulators/thermal-extinguisher/tcp-slaves.ts";
import { ExtinguisherUnit } from "../../simulators/thermal-extinguisher/unit.ts";
import type { EverySite } from "./every-dialect-site.ts";
import type { Fact, Peers } from "./every-dialect-terminals.ts";
import { freePort } from "./free-port.ts";
import { ended } from "./mosquitto.ts";

/**
 * Extinguishers, panels and contacts of the example. What they tell are states, of which each stands until the next round or for
 * good: a gateway that starts hears them again.
 */
export async function openWired(
  site: EverySite,
): Promise<Peers & { readonly lines: Readonly<Record<string, string>> }> {
  const [rs485, rs232, tcpPort] = await Promise.all([openPty(), openPty(), freePort()]);
  const units = [1, 2, 3].map((seed) => new ExtinguisherUnit({ seed }));
  const [onLine = new ExtinguisherUnit(), behindTcp = onLine, byRadio = onLine] = units;
  const points: (0 | 1 | 2 | 3)[] = Array.from({ length: 22 }, () => 0);
  const line = new SlaveLine(rs485.stream);
  line.attach(17, () => genericExtinguisher(onLine));
  line.attach(1, () => gstPanel(points));
  const slaves = new TcpSlaves();
  slaves.attach(18, () => genericExtinguisher(behindTcp));
  slaves.attach(2, () => gstPanel(points));
  await slaves.listen(tcpPort);
  const printer = new PrinterPort(rs232.stream, () => 0.5);
  const chip = new FakeChip({ label: "pinctrl-bcm2711", lines: 28, gpiod: "1.6.3" });
  // The contact connects its line to ground: a closed door is low.
  chip.set(17, true);
  const node = new LoraNode({ devEui: "0101010101010101", unit: byRadio });
  const applicationId = "17c82e96-be03-4f38-aef3-f83d48582d97";
  let radio: LoraServer | undefined;
  const panel = await OpcUaPanel.start(site);

  return {
    quiet: ["ext-garage", "panel-main"],
    lines: { "rs485-1": rs485.path, "rs232-1": rs232.path },
    options: {
      "ext-b3-9f": { host: "127.0.0.1", port: tcpPort },
      "panel-b4": { host: "127.0.0.1", port: tcpPort },
      "panel-garage": { endpoint: `opc.tcp://127.0.0.1:${panel.port}`, profile: "panel.yaml" },
      "door-roof": { root: chip.root },
    },
    start() {
      radio ??= new LoraServer({ url: site.brokerUrl, ...site.account("lns"), applicationId });
      radio.faults = { copies: 2 };
    },
    report(round) {
      const odd = round % 2 === 1;
      for (const unit of units) unit.tamper = odd;
      const state = { discharged: false, lowPressure: false, tamper: odd };
      points[round] = 1;
      chip.set(17, !odd);
      radio?.hear(node);
      printer.print({ event: "fire", loop: 4, number: round, place: "地下车库", detector: "点型感烟" });
      panel.alarm(`Z${round}`, true);
      const fire = (deviceId: string, point: string): Fact => {
        return { deviceId, kind: "panel.event", body: { event: "fire", point } };
      };
      const point = `001-${String(round + 1).padStart(3, "0")}`;
      return Promise.resolve([
        ...["ext-b3-2f", "ext-b3-9f", "ext-garage"].map((deviceId) => {
          return { deviceId, kind: "extinguisher.state", body: state };
        }),
        fire("panel-b3", point),
        fire("panel-b4", point),
        fire("panel-main", `004-${String(round).padStart(3, "0")}`),
        fire("panel-garage", `1:Z${round}/Smoke`),
        { deviceId: "door-roof", kind: "contact.state", body: { active: odd, role: "door" } },
      ]);
    },
    async stop() {
      printer.rest();
      await Promise.all([radio?.stop(), slaves.close(), rs485.close(), rs232.close(), panel.stop()]);
      chip.close();
    },
  };
}

/** A fire panel that speaks OPC UA, signed and encrypted, in a process of its own. */
class OpcUaPanel {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** Both have been shown each other's certificate, and said that they trust it. */
  static async start(site: EverySite): Promise<OpcUaPanel> {
    const port = await freePort();
    const pkiFolder = join(site.dir, "panel");
    const gateway = await openPki(join(site.dataDir, "opcua/client"));
    mkdirSync(join(pkiFolder, "trusted/certs"), { recursive: true });
    cpSync(gateway.certificateFile, join(pkiFolder, "trusted/certs/gateway.pem"));
    const user = { name: "zhian", password: site.secret("panel-garage") };
    site.put("panel.json", JSON.stringify({ port, pkiFolder, zones: ["Z1", "Z2"], user }));
    site.put("panel.yaml", "conditions: { map: [{ severity: { min: 800 }, event: fire }] }\n");
    const program = resolve(import.meta.dirname, "../../simulators/opcua/main.ts");
    const child = spawn(process.execPath, [program, "--settings", join(site.dir, "panel.json"), "--json"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const certificateFile = await new Promise<string>((ready, failed) => {
      child.once("exit", (code) => failed(new Error(`the panel ended with ${code}`)));
      createInterface({ input: child.stdout }).on("line", (said) => {
        if (said.includes('"ready"')) ready(JSON.parse(said).info.certificateFile);
      });
    });
    site.putSecret("panel-garage.pem", readFileSync(certificateFile, "utf8"));
    return new OpcUaPanel(port, child);
  }

  alarm(zone: string, active: boolean): void {
    this.#child.stdin?.write(`${JSON.stringify({ do: "alarm", zone, active })}\n`);
  }

  stop(): Promise<void> {
    return ended(this.#child);
  }
}
