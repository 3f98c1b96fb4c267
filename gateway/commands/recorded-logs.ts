import type { GatewayConfig } from "../../config/schema.ts";
import { isGatewayError } from "../domain/errors.ts";
import { type LogReader, openLogReader } from "../log/read-logs.ts";
import { loadConfiguration } from "./configuration.ts";
import { tellError, tellMistakes } from "./tell.ts";

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
    if (!isGatewayError(error, "DB_CORRUPT")) throw error;
    tellError(
      error,
      "Nothing was changed. The next start of the gateway sets the file aside and saves what can be read.",
    );
    return 1;
  } finally {
    logs?.close();
  }
}
