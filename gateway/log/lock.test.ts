import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { killed, logProcess } from "../../tests/support/log-child.ts";
import { openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import { lockDataDir } from "./lock.ts";

let dir: ReturnType<typeof temporaryDir>;
beforeEach(() => {
  dir = temporaryDir();
});
afterEach(() => dir.remove());

const locked = expect.objectContaining({ code: "DATA_DIR_LOCKED" });

describe("the lock on the data directory", () => {
  test("a second gateway on the same directory is refused while the first one lives, and let in when it was killed", async () => {
    const holder = await logProcess(
      `import { lockDataDir } from "log/lock.ts";
       lockDataDir(${JSON.stringify(dir.path)});
       console.log("held");
       setInterval(() => {}, 1000);`,
      "held",
    );
    expect(() => openTestLogs(dir.path)).toThrow(locked);
    await killed(holder);
    openTestLogs(dir.path).close();
  });

  test("holds within one process too, and is free after a close or a failed start", () => {
    const logs = openTestLogs(dir.path);
    expect(() => openTestLogs(dir.path)).toThrow(locked);
    logs.close();
    openTestLogs(dir.path).close();
  });

  test("a data directory that cannot be made is told with its path", () => {
    const path = join(dir.path, "file", "data");
    writeFileSync(join(dir.path, "file"), "");
    expect(() => openTestLogs(path)).toThrow(
      expect.objectContaining({ code: "DISK_FAILED", message: expect.stringContaining(path) }),
    );
  });

  test("a lock file full of rubbish keeps nobody out", () => {
    writeFileSync(join(dir.path, "lock"), "x".repeat(5000));
    const unlock = lockDataDir(dir.path);
    expect(() => lockDataDir(dir.path)).toThrow(locked);
    unlock();
    lockDataDir(dir.path)();
  });
});
