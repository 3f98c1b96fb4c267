/** One run, one table: the gateway beside its peers on the same machine in the same minutes. `--json` for machines, `--quick` for a look. */
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { type GatewayProcess, startGatewayProcess, writeSite } from "../tests/support/gateway-process.ts";
import { startMosquitto } from "../tests/support/mosquitto.ts";
import { drainRate } from "./drain.ts";
import { connectPublisher } from "./load.ts";
import { endToEndRate, fdatasyncRate, ingestRate, latencies, processFigures } from "./measure.ts";
import { startAedes, startBridge } from "./peers.ts";
import { serialFigures } from "./serial.ts";

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log(
    "Usage: npm run bench -- [--json] [--quick]\n\n  --json   print the figures as JSON\n  --quick  fewer messages, for a first look",
  );
  process.exit(0);
}

const messages = flags.quick ? 20_000 : 100_000;
const backlogs = flags.quick ? [10_000] : [10_000, 1_000_000];
const login = { username: "gate-east", password: "gate-secret-1" };
const rows: { what: string; value: number; unit: string }[] = [];

function note(what: string, value: number, unit: string): void {
  rows.push({ what, value, unit });
  process.stderr.write(`  ${what}: ${value.toLocaleString("en", { maximumFractionDigits: 2 })} ${unit}\n`);
}

async function peers(): Promise<void> {
  const aedes = await startAedes();
  await ingestRate(aedes.port, messages / 5);
  note("aedes alone, in memory: ingest", await ingestRate(aedes.port, messages), "msg/s");
  await aedes.close();
  const bridge = await startBridge();
  await endToEndRate(bridge.path, messages / 5);
  note("Mosquitto bridged to Mosquitto, in memory: end to end", await endToEndRate(bridge.path, messages), "msg/s");
  const latency = await latencies(bridge.path, 500);
  note("bridge: latency p50", latency.p50, "ms");
  note("bridge: latency p99", latency.p99, "ms");
  await bridge.close();
}

async function gateway(): Promise<void> {
  const city = await startMosquitto();
  const site = await writeSite({ uplinkPort: city.port });
  const begun = performance.now();
  const running: GatewayProcess = await startGatewayProcess(site);
  const first = await connectPublisher(site.brokerPort, login);
  await first.send(900_000_000, 1);
  note("gateway: start to the first acknowledged record", performance.now() - begun, "ms");
  first.close();
  const path = { inPort: site.brokerPort, outPort: city.port, outTopic: "zhian/v1/jinshuiwan/gw-01/events", login };
  const pid = running.child.pid ?? 0;
  note("gateway: resident memory, idle", processFigures(pid).residentMiB, "MiB");
  await endToEndRate(path, messages / 5);
  const before = processFigures(pid);
  note("gateway: durable ingest to city, end to end", await endToEndRate(path, messages), "msg/s");
  const after = processFigures(pid);
  note("gateway: written to disk", (after.writtenBytes - before.writtenBytes) / messages, "bytes/event");
  note("gateway: resident memory after the load", after.residentMiB, "MiB");
  const latency = await latencies(path, 500);
  note("gateway: latency p50", latency.p50, "ms");
  note("gateway: latency p99", latency.p99, "ms");
  await running.stop();
  await city.stop();
  site.remove();
}

note("this disk: fdatasync", fdatasyncRate(), "1/s");
await peers();
await gateway();
for (const waiting of backlogs) {
  const drained = await drainRate(waiting);
  note(`gateway: drain of ${waiting.toLocaleString("en")} waiting`, drained.rate, "msg/s");
  note(`gateway: resident memory at the end of that`, drained.residentMiB, "MiB");
  note(`gateway: start with that backlog`, drained.startMs, "ms");
}
for (const { what, value, unit } of await serialFigures(flags.quick)) note(what, value, unit);
note("this disk: fdatasync, again", fdatasyncRate(), "1/s");

const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
};
if (flags.json)
  console.log(JSON.stringify({ machine, at: new Date().toISOString(), messages, figures: rows }, undefined, 2));
else {
  console.log(
    `\n${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, Node ${machine.node}; loader and subscriber on the same cores\n`,
  );
  const width = Math.max(...rows.map((r) => r.what.length));
  for (const { what, value, unit } of rows)
    console.log(
      `${what.padEnd(width)}  ${value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 1 : 0 }).padStart(10)} ${unit}`,
    );
}
