/** The control of the kill test: the same gateway, broken on purpose. It acknowledges what it has only heard. */
import { loadConfig } from "../../config/load.ts";
import { drivers } from "../../drivers/drivers.ts";
import { channelSchema } from "../../gateway/alarms/channels/channels.ts";
import { ruleSchemas } from "../../gateway/fusion/rules.ts";
import { startGateway } from "../../gateway/gateway.ts";
import { createLogger } from "../../gateway/ops/logger.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import type { ObservationLog } from "../../gateway/ports/logs.ts";

const configFile = process.argv[2] ?? "";
const loaded = loadConfig(configFile, {
  manifests: drivers,
  ruleSchemas,
  channelSchema,
  env: process.env,
  cwd: process.cwd(),
});
if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));

/** Answers at once and writes a little later, as a write-behind cache would. */
function acknowledgeEarly(log: ObservationLog): ObservationLog {
  return Object.assign(Object.create(log) as ObservationLog, {
    append: (batch: Parameters<ObservationLog["append"]>[0]) => {
      setTimeout(() => void log.append(batch), 30);
      return Promise.resolve(batch.map(() => ({ seq: 0, duplicate: false })));
    },
  });
}

const clock = new SystemClock();
const logger = createLogger({ level: "info", clock });
await startGateway(loaded.config, { clock, logger, version: "control", decorateLog: acknowledgeEarly });
