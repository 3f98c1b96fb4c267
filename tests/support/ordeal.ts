import { join } from "node:path";
import Database from "better-sqlite3";
import { z } from "zod";
import { CityRecorder } from "./city-recorder.ts";
import { startFaultProxy } from "./fault-proxy.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "./gateway-process.ts";
import type { Mosquitto } from "./mosquitto.ts";
import { seededRandom } from "./random.ts";
import { RecordSender } from "./record-sender.ts";
import { waitFor } from "./wait-for.ts";

export interface OrdealOptions {
  readonly city: Mosquitto;
  /** How often the gateway is interrupted. */
  readonly times: number;
  /** How it is started on a site's files. */
  readonly start: (site: SiteFiles) => Parameters<typeof startGatewayProcess>[1];
  /** Called between the kill and the next start. */
  readonly whileDown?: (site: SiteFiles) => void;
  /** How long the city may take in the end to have all that was acknowledged. */
  readonly patienceMs?: number;
}

export interface Outcome {
  readonly seed: number;
  readonly acknowledged: number;
  /** Acknowledged to the terminal and never seen by the city. */
  readonly lost: readonly string[];
  /** Numbers out of order or missing at the city after removal of duplicates, and unreadable messages. */
  readonly faults: readonly string[];
  /** Alarms raised, as the city saw it. */
  readonly raised: number;
  /** Steps of alarms that stand in the gateway's own log and that the city does not have. */
  readonly lostSteps: readonly string[];
}

const prefix = "zhian/v1/jinshuiwan/gw-01";

/**
 * Interrupts the gateway at random instants while a terminal sends records and the line to the city breaks now and then;
 * then lets all settle and compares what was acknowledged with what the city got. `ZHIAN_SEED` repeats a run's choices.
 */
export async function ordeal(options: OrdealOptions): Promise<Outcome> {
  const seed = Number(process.env["ZHIAN_SEED"] ?? Date.now() % 1_000_000);
  const random = seededRandom(seed);
  const proxy = await startFaultProxy(options.city.port);
  const site = await writeSite({ uplinkPort: proxy.port, extra: "rules: { thrown-object: { window: 500ms } }" });
  const recorder = await CityRecorder.start(options.city.url, prefix);
  const sender = new RecordSender({
    port: site.brokerPort,
    deviceId: "1026700",
    username: "gate-east",
    password: "gate-secret-1",
  });
  let gateway = await startGatewayProcess(site, options.start(site));
  sender.start();
  try {
    for (let i = 0; i < options.times; i++) {
      await acknowledgesAgain(sender);
      const lineDown = random() < 0.3;
      if (lineDown) proxy.cut();
      // The instant of the kill is what is random here, not a time to wait for something.
      await new Promise((done) => setTimeout(done, random() * 150));
      await gateway.kill();
      options.whileDown?.(site);
      if (lineDown) proxy.mend();
      gateway = await startGatewayProcess(site, options.start(site));
    }
    sender.pause();
    await waitFor("the terminal to be done", () => sender.settled, 30_000);
    const missing = (): string[] => {
      const got = recorder.recordIds();
      return [...sender.acknowledged].filter((id) => !got.has(id));
    };
    // A build that loses records never gets there: then the wait ends and what is missing is the finding.
    await waitFor(
      "all acknowledged records at the city",
      () => missing().length === 0,
      options.patienceMs ?? 60_000,
    ).catch(() => {});
    return {
      seed,
      acknowledged: sender.acknowledged.size,
      lost: missing(),
      faults: [...recorder.faults("events"), ...recorder.faults("alarms"), ...recorder.unreadable],
      lostSteps: lostSteps(site, recorder),
      raised: recorder.lane("alarms").filter((e) => e.data?.["step"] === "raised").length,
    };
  } catch (error) {
    throw new Error(`seed ${seed}: ${String(error)}\n${tail(gateway)}`, { cause: error });
  } finally {
    sender.close();
    await gateway.kill();
    await recorder.stop();
    await proxy.close();
    site.remove();
  }
}

/** Read from the file while the gateway runs: what it has written must all arrive. */
function lostSteps(site: SiteFiles, recorder: CityRecorder): string[] {
  const got = new Set(recorder.lane("alarms").map((envelope) => envelope.id));
  const db = new Database(join(site.dataDir, "zhian.db"), { readonly: true, fileMustExist: true });
  try {
    const rows = z.array(z.object({ id: z.string() })).parse(db.prepare("SELECT id FROM alarm_log").all());
    return rows.map(({ id }) => id).filter((id) => !got.has(id));
  } finally {
    db.close();
  }
}

async function acknowledgesAgain(sender: RecordSender): Promise<void> {
  await waitFor("the terminal to be connected", () => sender.connected);
  const before = sender.acknowledged.size;
  await waitFor("an acknowledgement", () => sender.acknowledged.size > before);
}

function tail(gateway: GatewayProcess): string {
  return gateway.log().slice(-3000);
}
