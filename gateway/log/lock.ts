import { closeSync, openSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { isGatewayError } from "../domain/errors.ts";
import { lockFile } from "./database.ts";

/**
 * One gateway a data directory. Returns the release. The lock lies on a file apart, so that other programs may read the
 * log while the gateway runs. Throws DATA_DIR_LOCKED.
 */
export function lockDataDir(dataDir: string): () => void {
  const path = join(dataDir, "lock");
  closeSync(openSync(path, "a", 0o600));
  try {
    return lockFile(path);
  } catch (error) {
    if (!isGatewayError(error, "DB_CORRUPT")) throw error;
    // Nothing is ever stored in it, so whatever damaged it can go.
    truncateSync(path);
    return lockFile(path);
  }
}
