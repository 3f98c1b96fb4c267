import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import { quietLogger } from "../../tests/support/quiet.ts";

let dir: ReturnType<typeof temporaryDir>;
beforeEach(() => {
  dir = temporaryDir();
});
afterEach(() => {
  vi.unstubAllEnvs();
  dir.remove();
});

describe("opening the logs", () => {
  test("makes the data directory, for its own user alone, and counts the starts", () => {
    const data = join(dir.path, "deep", "data");
    for (const number of [1, 2, 3]) {
      const logs = openTestLogs(data);
      expect(logs.boot.number).toBe(number);
      expect(logs.health().ok).toBe(true);
      logs.close();
    }
    expect(statSync(data).mode & 0o077).toBe(0);
    for (const file of ["zhian.db", "reserve", "witness", "lock"]) {
      expect(statSync(join(data, file)).mode & 0o077).toBe(0);
    }
  });

  test("the epoch stays over restarts, and two new logs have different ones", () => {
    const epochs = [join(dir.path, "a"), join(dir.path, "a"), join(dir.path, "b")].map((data) => {
      const logs = openTestLogs(data);
      logs.close();
      expect(logs.alarms.epoch).toBe(logs.observations.epoch);
      return logs.observations.epoch;
    });
    expect(epochs[0]).toBe(epochs[1]);
    expect(epochs[2]).not.toBe(epochs[0]);
  });

  test("a clean close leaves one file with everything in it", () => {
    openTestLogs(dir.path).close();
    expect(existsSync(join(dir.path, "zhian.db-wal"))).toBe(false);
  });

  test("the setting that loses records in a power cut is never silent, and nothing else lowers it", () => {
    const said: string[] = [];
    const logger = { ...quietLogger, error: (_fields: object, message: string) => said.push(message) };
    vi.stubEnv("ZHIAN_UNSAFE_SYNCHRONOUS", "OFF");
    openTestLogs(dir.path, { logger }).close();
    expect(said).toEqual([]);
    vi.stubEnv("ZHIAN_UNSAFE_SYNCHRONOUS", "NORMAL");
    openTestLogs(dir.path, { logger }).close();
    expect(said).toEqual([expect.stringContaining("UNSAFE")]);
  });
});
