import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { drivers } from "../../drivers/drivers.ts";
import { CityRecorder, type Envelope } from "../support/city-recorder.ts";
import { zhian } from "../support/command-line.ts";
import { contractErrors } from "../support/contract.ts";
import { openCameras } from "../support/every-dialect-cameras.ts";
import { EverySite, everyDeviceText, everyDialect, everySecret } from "../support/every-dialect-site.ts";
import { type Fact, openTerminals, type Peers, type Terminals, tells } from "../support/every-dialect-terminals.ts";
import { openWired } from "../support/every-dialect-wired.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { residentBytes } from "../support/process-memory.ts";
import { waitFor } from "../support/wait-for.ts";

const checkedSchema = z.object({
  ok: z.boolean(),
  mistakes: z.array(z.unknown()),
  warnings: z.array(z.object({ path: z.string() })),
});

describe("config/examples/every-device.yaml", () => {
  test("has a device of every manifest, each of them once", () => {
    const known = drivers.map(({ driver, dialect }) => `${driver} ${dialect}`);
    const shown = everyDialect.map(({ driver, dialect }) => `${driver} ${dialect}`);
    expect(shown.toSorted()).toEqual(known.toSorted());
  });

  test("is accepted by zhian check as it stands, once its secrets are there, and by editors", async () => {
    const site = await EverySite.create();
    try {
      site.put("zhian.yaml", everyDeviceText);
      site.putSecret("panel-garage.pem", selfSigned(site.dir));
      const checked = await zhian(["check", site.configFile, "--json"]);
      const said = checkedSchema.parse(JSON.parse(checked.out));
      expect({ code: checked.code, mistakes: said.mistakes }).toEqual({ code: 0, mistakes: [] });
      // It listens on the network of the devices, and is told so.
      expect(said.warnings.map(({ path }) => path)).toEqual(["broker.listen", "ingest.listen"]);
      expect(everySecret.length).toBeGreaterThan(15);
      const schema = JSON.parse((await zhian(["schema"])).out);
      const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
      expect(validate(parse(everyDeviceText)) || validate.errors).toBe(true);
    } finally {
      site.remove();
    }
  });
});

const devicesSchema = z.object({
  devices: z.array(
    z.object({
      id: z.string(),
      online: z.string(),
      health: z.object({ received: z.number(), rejected: z.number(), lastRejection: z.unknown().optional() }),
    }),
  ),
  strangers: z.array(z.unknown()),
});
const password = "a password long enough";
/** Of one step; a machine that does other things too takes its time. */
const patienceMs = 40_000;
const ids = everyDialect.map(({ id }) => id).toSorted();

/** Of what speaks to the gateway here nothing is its own code: Mosquitto, its clients, curl, and simulators on sockets and ttys. */
describe("one gateway with a device of every dialect", () => {
  let city: Mosquitto;
  let recorder: CityRecorder;
  let site: EverySite;
  let gateway: GatewayProcess;
  let terminals: Terminals;
  let needles: readonly string[];
  let cookie = "";
  const peers: Peers[] = [];
  /** What every gateway so far wrote to its log. */
  const logs: string[] = [];

  beforeAll(async () => {
    city = await startMosquitto();
    recorder = await CityRecorder.start(city.url, "zhian/v1/jinshuiwan/gw-01");
    site = await EverySite.create();
    const [faces, wired] = await Promise.all([openTerminals(site), openWired(site)]);
    terminals = faces;
    peers.push(terminals, openCameras(site), wired);
    needles = [...terminals.needles, ...site.secrets(), password];
    const options = Object.assign({}, ...peers.map((each) => each.options));
    site.write({ uplink: city.port, lines: wired.lines, options });
    const added = await zhian(["user", "add", "wang", "--role", "guard", "--config", site.configFile], `${password}\n`);
    expect(added).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    await Promise.all(peers.map((each) => each.stop()));
    await gateway?.stop();
    await recorder?.stop();
    await city?.stop();
    site?.remove();
  });

  /** Where in the lane of events the newest round begins. */
  let roundAt = 0;
  const arrivals = (fact: Fact, from = 0): readonly Envelope[] =>
    recorder
      .lane("events")
      .slice(from)
      .filter(({ data }) => tells(data, fact));
  const notOnce = (facts: readonly Fact[], from = 0) =>
    facts.map((fact) => ({ fact, times: arrivals(fact, from).length })).filter(({ times }) => times !== 1);

  /** Runs, is signed in to, and has every link that does not wait for its device to speak. */
  async function start(): Promise<void> {
    const begun = performance.now();
    gateway = await startGatewayProcess(site);
    const url = `http://127.0.0.1:${site.consolePort}`;
    await waitFor("the gateway to run", () => gateway.log().includes('"the gateway runs"'));
    const ran = performance.now() - begun;
    for (const each of peers) each.start();
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ name: "wang", password });
    const signedIn = await fetch(`${url}/api/session`, { method: "POST", headers, body });
    cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
    const quiet = peers.flatMap((each) => each.quiet);
    let missing: readonly string[] = [];
    await waitFor(
      "the links",
      async () => {
        missing = (await offline()).filter((id) => !quiet.includes(id));
        return missing.length === 0 && /"rs232-1".*"serial line open"/.test(gateway.log());
      },
      patienceMs,
    ).catch(() => {
      throw new Error(`no link to ${missing.join(", ")}\n${gateway.log().slice(-3000)}`);
    });
    const memory = Math.round(residentBytes(gateway.child.pid) / 1e6);
    const linked = performance.now() - begun;
    // It has to live beside others on a box of 1 GB.
    expect(memory).toBeLessThan(400);
    console.info(
      `runs after ${Math.round(ran)} ms, has its links after ${Math.round(linked)} ms, ${memory} MB resident`,
    );
  }

  async function view(): Promise<z.output<typeof devicesSchema>> {
    const reply = await fetch(`http://127.0.0.1:${site.consolePort}/api/devices`, { headers: { cookie } });
    return devicesSchema.parse(await reply.json());
  }

  const offline = async (): Promise<readonly string[]> =>
    (await view()).devices.filter(({ online }) => online !== "online").map(({ id }) => id);

  /** All say another fact; resolves with them when the city has every one. */
  async function report(round: number): Promise<readonly Fact[]> {
    roundAt = recorder.lane("events").length;
    const facts = (await Promise.all(peers.map((each) => each.report(round)))).flat();
    expect(facts.map(({ deviceId }) => deviceId).toSorted()).toEqual(ids);
    const missing = () => facts.filter((fact) => arrivals(fact, roundAt).length === 0);
    await waitFor("every fact at the city", () => missing().length === 0, patienceMs).catch(() => {
      throw new Error(`did not arrive: ${JSON.stringify(missing())}\n${gateway.log().slice(-3000)}`);
    });
    return facts;
  }

  const clockAlarm = (step: string) =>
    waitFor(`the alarm of a wrong clock to be ${step}`, () =>
      recorder
        .lane("alarms")
        .some(({ data }) => data?.["subject"] === "gate-east/clock-wrong" && data["step"] === step),
    );

  /** At the console and at the city: each device is online, was heard, and nothing of what it said was refused. */
  async function expectAllWell(): Promise<void> {
    await waitFor("all devices online", async () => (await offline()).length === 0);
    const { devices, strangers } = await view();
    expect(devices.map(({ id }) => id).toSorted()).toEqual(ids);
    expect(devices.filter(({ health }) => health.received === 0 || health.rejected > 0)).toEqual([]);
    expect(strangers).toEqual([]);
    const atCity = (id: string) => recorder.retained.get(`devices/${id}`)?.data?.["online"];
    await waitFor("every device online at the city", () => ids.every((id) => atCity(id) === "online"));
  }

  test("a fact of each arrives at the city, once, and after kill -9 and a new start another of each", {
    timeout: 180_000,
  }, async () => {
    await start();
    const first = await report(1);
    await expectAllWell();
    expect(notOnce(first, roundAt)).toEqual([]);
    terminals.skewClock(-40 * 86_400_000);
    await clockAlarm("raised");
    logs.push(gateway.log());
    await gateway.kill();

    terminals.skewClock(0);
    await start();
    await clockAlarm("returned");
    const second = await report(2);
    await expectAllWell();
    // A gateway that starts asks for states anew; what happened is told no second time.
    const happened = first.filter(({ record }) => record !== undefined);
    expect(happened.length).toBeGreaterThan(10);
    expect(notOnce(happened)).toEqual([]);
    expect(notOnce(second, roundAt)).toEqual([]);
  });

  test("every message that left it keeps the published contract, without a gap over the kill", () => {
    expect(recorder.unreadable).toEqual([]);
    expect(recorder.received.flatMap(({ topic, envelope }) => contractErrors(topic, envelope))).toEqual([]);
    expect(recorder.faults("events")).toEqual([]);
    expect(recorder.faults("alarms")).toEqual([]);
  });

  test("what the devices told of persons, and every secret, is in no file, no log and no message", async () => {
    await gateway.stop();
    logs.push(gateway.log());
    const stored = filesBelow(site.dataDir).map((file) => readFileSync(file).toString("latin1"));
    const said = JSON.stringify(recorder.received);
    const found = (needle: string) => ({
      file: stored.some(
        (text) => text.includes(Buffer.from(needle, "utf8").toString("latin1")) || text.includes(needle),
      ),
      log: logs.some((text) => text.includes(needle)),
      message: said.includes(needle),
    });
    // So it would be found if it were there.
    expect(found("gate-east")).toEqual({ file: true, log: true, message: true });
    const nowhere = { file: false, log: false, message: false };
    expect(needles.map((needle) => ({ needle, ...found(needle) }))).toEqual(
      needles.map((needle) => ({ needle, ...nowhere })),
    );
  });
});

/** The text of a certificate that a panel might show. */
function selfSigned(dir: string): string {
  const made = ["-newkey", "rsa:2048", "-nodes", "-keyout", join(dir, "panel.key"), "-subj", "/CN=panel"];
  return execFileSync("/usr/bin/openssl", ["req", "-x509", ...made], { encoding: "utf8", stdio: "pipe" });
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .filter((file) => statSync(file).isFile());
}
