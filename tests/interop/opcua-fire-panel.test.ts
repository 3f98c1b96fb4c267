import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { opcUaClient } from "../../drivers/opcua/manifest.ts";
import { isGatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession } from "../../gateway/ports/driver.ts";
import { FirePanel } from "../../simulators/opcua/panel.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { freePort } from "../support/free-port.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

/** A panel as a process of its own: node-opcua's server, since neither Debian nor npm has an independent one. */
class Panel {
  readonly certificateFile: string;
  readonly line: FaultProxy;
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #reports: { [key: string]: unknown }[];

  private constructor(parts: {
    child: ChildProcess;
    certificateFile: string;
    line: FaultProxy;
    folder: string;
    reports: { [key: string]: unknown }[];
  }) {
    this.certificateFile = parts.certificateFile;
    this.line = parts.line;
    this.folder = parts.folder;
    this.#child = parts.child;
    this.#reports = parts.reports;
  }

  static async start(name: string, settings: object): Promise<Panel> {
    const port = await freePort();
    const pkiFolder = join(folder, name);
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ port, pkiFolder, zones: ["Z1", "Z2"], ...settings }));
    const child = spawn(process.execPath, ["simulators/opcua/main.ts", "--settings", file, "--json"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const reports: { [key: string]: unknown }[] = [];
    const certificateFile = await new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        if (!line.startsWith("{")) return;
        const said = JSON.parse(line);
        if (said.type === "ready") resolve(said.info.certificateFile);
        if (said.type === "report") reports.push(said.report);
      });
    });
    return new Panel({ child, certificateFile, line: await startFaultProxy(port), folder: pkiFolder, reports });
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.line.close();
  }

  act(step: object): void {
    this.#child.stdin?.write(`${JSON.stringify(step)}\n`);
  }

  async report(step: object = { do: "report" }): Promise<{ [key: string]: unknown }> {
    const before = this.#reports.length;
    this.act(step);
    return waitFor("the panel's report", () => this.#reports[before]);
  }
}

const folder = mkdtempSync(join(tmpdir(), "zhian-opcua-"));
const closing: (() => Promise<unknown>)[] = [];
/** In a process of its own, by a clock that is two hours ahead. */
let plain: Panel;
/** Signed, encrypted and with a password; one of them with a certificate that is over. */
let guarded: Guarded;
let outdated: Guarded;

interface Guarded {
  readonly line: FaultProxy;
  readonly folder: string;
  panel: FirePanel;
  restart(): Promise<void>;
}

async function guard(name: string, certificate: object): Promise<Guarded> {
  const port = await freePort();
  const user = { name: "zhian", password: secured.password };
  const options = { port, pkiFolder: join(folder, name), zones: ["Z1"], user, ...certificate };
  const made: Guarded = {
    panel: await FirePanel.start(options),
    line: await startFaultProxy(port),
    folder: options.pkiFolder,
    async restart() {
      await made.panel.stop();
      made.panel = await FirePanel.start(options);
    },
  };
  return made;
}

beforeAll(async () => {
  const starting = Panel.start("plain", { skewMs: 2 * 3_600_000 });
  guarded = await guard("guarded", {});
  outdated = await guard("outdated", { certificateFrom: new Date("2020-01-01T00:00:00Z"), certificateDays: 30 });
  plain = await starting;
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(async () => {
  await plain.stop();
  for (const { panel, line } of [guarded, outdated]) {
    await panel.stop();
    await line.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

const uri = "nsu=urn:zhian:simulators:fire-panel";
const profile = {
  variables: [
    { is: "temperature", node: `${uri};s=Z1.Temperature` },
    { is: "contact", node: `${uri};s=Z1.Contact`, role: "manual-call-point" },
  ],
  conditions: { acknowledge: true, map: [{ event: "fire" }] },
};
const secured = { user: "zhian", password: "open sesame, panel", publishEvery: "50ms", keepAlive: "1s" };
const open = { securityMode: "None", publishEvery: "50ms", keepAlive: "1s" };

const optionsFor = ({ line }: { readonly line: FaultProxy }, rest: object) =>
  opcUaClient.options.parse({ endpoint: `opc.tcp://127.0.0.1:${line.port}`, profile: "panel", ...rest });

interface Conversation {
  readonly context: FakeDriverContext<unknown>;
  readonly session: DeviceSession;
  readonly end: Promise<unknown>;
}

/** As the supervisor opens it; with the same options object, as it opens it again. */
async function converse(options: unknown, clock = new ManualClock(Date.now())): Promise<Conversation> {
  const parsed = opcUaClient.profileSchema?.parse(profile);
  const context = new FakeDriverContext<unknown>({ options, profile: parsed, clock, dataDir: join(folder, "gateway") });
  const session = (await opcUaClient.load()).open(context);
  const end = session.done.then(
    () => undefined,
    (error: unknown) => error,
  );
  closing.push(async () => {
    context.abort();
    await end;
  });
  return { context, session, end };
}

const connected = ({ context }: Conversation) => waitFor("the session", () => context.seenDetails.length > 0);
const bodies = ({ context }: Conversation, kind: string) =>
  context.observed.filter((draft) => draft.kind === kind).map(({ body }) => body);

/** What somebody does who has compared the thumbprints. */
function trustGateway(panel: Guarded): void {
  const rejected = join(panel.folder, "rejected");
  for (const name of readdirSync(rejected)) renameSync(join(rejected, name), join(panel.folder, "trusted/certs", name));
}

describe("a fire panel that speaks OPC UA", () => {
  const store = join(folder, "gateway/opcua/client");

  test("is refused while its certificate is not trusted, and heard once somebody has trusted it on both sides", async () => {
    const options = optionsFor(guarded, secured);
    const first = await (await converse(options)).end;
    expect(isGatewayError(first, "CERTIFICATE_REFUSED") && first.message).toContain(`${store}/rejected`);
    expect(readdirSync(join(store, "rejected"))).toHaveLength(1);
    expect(readdirSync(join(store, "trusted/certs"))).toEqual([]);

    cpSync(guarded.panel.certificateFile, join(store, "trusted/certs/panel.pem"));
    const second = await (await converse(options)).end;
    expect(isGatewayError(second, "DEVICE_REFUSED") && second.message).toContain("own/certs/zhian-gateway.pem");

    trustGateway(guarded);
    await guarded.restart();
    const third = await converse(options);
    await connected(third);
    guarded.panel.alarm("Z1", true);
    await waitFor("the fire", () => bodies(third, "panel.event").length > 0);
    expect(bodies(third, "panel.event")).toEqual([{ event: "fire", point: "1:Z1/Smoke", text: "smoke" }]);
    expect(third.context.seenDetails.map(({ firmware }) => firmware)).toContain("7.1");

    const given = await third.session.command?.({ name: "acknowledge", args: { comment: "on the way" } });
    expect(given).toEqual({ ok: true, confirmed: true, detail: "1 condition" });
    expect([guarded.panel.acknowledged("Z1"), guarded.panel.commentOf("Z1")]).toEqual([true, "on the way"]);
    // It loses track of its own alarm, and says so.
    guarded.panel.forget("Z1");
    guarded.panel.askForRefresh();
    await waitFor("the end of the fire", () => bodies(third, "panel.event").length > 1);
    expect(bodies(third, "panel.event")[1]).toEqual({ event: "normal", point: "1:Z1/Smoke" });

    const wrong = await (await converse(optionsFor(guarded, { ...secured, password: "guess" }))).end;
    expect(isGatewayError(wrong, "DEVICE_REFUSED") && wrong.message).toContain("refuses the user");
  });

  test("with another certificate than the one that the configuration names is spoken to by nobody", async () => {
    const other = join(folder, "other.pem");
    const made = ["-newkey", "rsa:2048", "-nodes", "-keyout", join(folder, "other.key"), "-subj", "/CN=panel"];
    execFileSync("/usr/bin/openssl", ["req", "-x509", ...made, "-out", other], {
      stdio: "ignore",
      env: { PATH: "/usr/bin" },
    });
    const options = optionsFor(guarded, { ...secured, serverCertificate: readFileSync(other, "utf8") });
    const conversation = await converse(options);
    expect(isGatewayError(await conversation.end, "DEVICE_REFUSED")).toBe(true);
    expect(conversation.context.observed).toEqual([]);
  });

  test("with a certificate that is over is refused in the trusted folder, and heard where it is named itself", async () => {
    cpSync(outdated.panel.certificateFile, join(store, "trusted/certs/outdated.pem"));
    const refused = await (await converse(optionsFor(outdated, secured))).end;
    expect(isGatewayError(refused, "LINK_LOST") && refused.message).toContain("not valid at this time");
    const pinned = { ...secured, serverCertificate: readFileSync(outdated.panel.certificateFile, "utf8") };
    await (await converse(optionsFor(outdated, pinned))).end;
    trustGateway(outdated);
    await outdated.restart();
    await connected(await converse(optionsFor(outdated, pinned)));
  });

  test("that starts anew is heard again: nothing twice, and what has changed meanwhile", async () => {
    const panel = plain;
    const options = optionsFor(panel, open);
    const before = await converse(options);
    await connected(before);
    panel.act({ do: "set", zone: "Z1", name: "Temperature", value: 21.5 });
    panel.act({ do: "set", zone: "Z1", name: "Contact", value: true });
    for (const zone of ["Z1", "Z2"]) panel.act({ do: "alarm", zone, active: true });
    await waitFor("two fires", () => bodies(before, "panel.event").length === 2);
    await waitFor("the contact", () => bodies(before, "contact.state").length === 1);

    await panel.report({ do: "restart" });
    expect(isGatewayError(await before.end, "LINK_LOST")).toBe(true);
    expect(before.context.goneReasons).toEqual(["link-lost"]);
    panel.act({ do: "set", zone: "Z1", name: "Contact", value: true });
    panel.act({ do: "alarm", zone: "Z1", active: true });
    await panel.report();
    const since = performance.now();
    const after = await converse(options);
    await connected(after);
    await waitFor("the fire that is over", () => bodies(after, "panel.event").length > 0);
    expect(performance.now() - since).toBeLessThan(5000);
    expect(bodies(after, "panel.event")).toEqual([{ event: "normal", point: "1:Z2/Smoke" }]);
    expect(bodies(after, "contact.state")).toEqual([]);
    expect(after.context.filteredReasons).toContain("unchanged");
  });

  test("that falls silent without a word is lost after three of its keep-alives, by our clock alone", async () => {
    const panel = plain;
    const conversation = await converse(optionsFor(panel, open));
    await connected(conversation);
    panel.line.freeze();
    panel.act({ do: "set", zone: "Z1", name: "Temperature", value: 60 });
    const clock = conversation.context.clock;
    await waitFor("the loss", () => {
      clock.advance(100);
      return conversation.context.goneReasons.length > 0;
    });
    expect(isGatewayError(await conversation.end, "LINK_LOST")).toBe(true);
    panel.line.mend();
  });

  test("whose clock is two hours ahead is no dead one: its times are taken back by what it is off", async () => {
    const panel = plain;
    const conversation = await converse(optionsFor(panel, open));
    await connected(conversation);
    panel.act({ do: "set", zone: "Z1", name: "Temperature", value: 21 });
    await waitFor("a reading", () => bodies(conversation, "thermal.reading").length > 0);
    panel.act({ do: "alarm", zone: "Z1", active: true });
    await waitFor("the fire", () => bodies(conversation, "panel.event").length > 0);
    const fire = conversation.context.observed.find(({ kind }) => kind === "panel.event");
    expect(Math.abs((fire?.occurredAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    const skews = conversation.context.seenDetails.map(({ clockSkewMs }) => clockSkewMs ?? 0);
    expect(Math.max(...skews)).toBeGreaterThan(7_100_000);
  });

  test("that is lost fifty times leaves nothing behind, here or there", async () => {
    const panel = plain;
    const options = optionsFor(panel, open);
    const heap = () => {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    let settled = 0;
    for (let round = 0; round < 50; round += 1) {
      const conversation = await converse(options);
      await connected(conversation);
      if (round % 2 === 0) {
        panel.line.cut();
        panel.line.mend();
        await conversation.end;
      } else {
        conversation.context.abort();
        await conversation.end;
      }
      if (round === 9) settled = heap();
    }
    expect(process.getActiveResourcesInfo().filter((each) => each === "TCPSocketWrap").length).toBeLessThan(6);
    expect(heap() - settled).toBeLessThan(40e6);
    const last = await converse(options);
    await connected(last);
    // Those that were cut live on the panel until their time-out; none was opened twice.
    expect((await panel.report())["sessions"]).toBeLessThanOrEqual(30);
  });
});
