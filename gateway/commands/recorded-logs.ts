import type { GatewayConfig } from "../../config/schema.ts";
import { type ErrorCode, isGatewayError } from "../domain/errors.ts";
import { type LogReader, openLogReader } from "../log/read-logs.ts";
import { loadConfiguration } from "./configuration.ts";
import { tellError, tellMistakes } from "./tell.ts";

/** What the catalogue says of these is for a gateway that writes. */
const hints: Partial<Record<ErrorCode, string>> = {
  DB_CORRUPT: "Nothing was changed. The next start of the gateway sets the file aside and saves what can be read.",
  DISK_FAILED:
    "Nothing was changed. SQLite needs to put two small files beside a database to read it: copy the directory to where it may.",
};

/** Works on the logs that a configuration names, without changing them. 2 on a bad configuration, 1 where they cannot be read. */
export function withRecordedLogs(file: string, work: (logs: LogReader, config: GatewayConfig) => number): number {
  const result = loadConfiguration(file);
  if (!result.ok) {
    tellMistakes(result.mistakes);
    return 2;
  }
  let logs: LogReader | undefined;
  try {
    logs = openLogReader(result.config.gateway.data);
    return work(logs, result.config);
  } catch (error) {
    const hint = isGatewayError(error) ? hints[error.code] : undefined;
    if (hint === undefined) throw error;
    tellError(error, hint);
    return 1;
  } finally {
    logs?.close();
  }
}
