import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { killed, logProcess } from "../../tests/support/log-child.ts";
import { openTestLogs, temporaryDir } from "../../tests/support/log-fixture.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { Database } from "./database.ts";
import { migrate, migrations } from "./migrations.ts";

let dir: ReturnType<typeof temporaryDir>;
let path: string;
beforeEach(() => {
  dir = temporaryDir();
  path = join(dir.path, "zhian.db");
});
afterEach(() => dir.remove());

function versionOf(file: string): number {
  const db = new Database({ path: file });
  const version = db.pragma("user_version");
  db.close();
  return version;
}

function tablesIn(file: string): string[] {
  const db = new Database({ path: file });
  const rows = db.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  db.close();
  return rows.map((row) => row.name);
}

describe("the schema of the log", () => {
  test("a database of a newer program is refused and left as it is", () => {
    openTestLogs(dir.path).close();
    const db = new Database({ path });
    db.exec(`PRAGMA user_version = ${migrations.length + 1}; CREATE TABLE from_the_future (a)`);
    db.close();
    expect(() => openTestLogs(dir.path)).toThrow(expect.objectContaining({ code: "DB_NEWER" }));
    expect(versionOf(path)).toBe(migrations.length + 1);
    expect(tablesIn(path)).toContain("from_the_future");
    expect(() => openTestLogs(dir.path)).toThrow(expect.objectContaining({ code: "DB_NEWER" }));
  });

  test("an older database is brought up to date, step by step, and keeps its rows", () => {
    const steps = ["CREATE TABLE a (n)", "ALTER TABLE a ADD COLUMN m DEFAULT 7", "CREATE TABLE b (n)"];
    const db = new Database({ path });
    migrate(db, steps.slice(0, 1));
    db.exec("INSERT INTO a VALUES (1)");
    migrate(db, steps);
    migrate(db, steps);
    expect(db.prepare<[], object>("SELECT n, m FROM a").all()).toEqual([{ n: 1, m: 7 }]);
    expect(db.pragma("user_version")).toBe(3);
    db.close();
  });

  test("a step that fails leaves the version before it", () => {
    const db = new Database({ path });
    expect(() => migrate(db, ["CREATE TABLE a (n)", "CREATE TABLE b (n); CREATE TABLE a (n)"])).toThrow(
      "the schema version is not what was written",
    );
    db.close();
    expect(versionOf(path)).toBe(1);
    expect(tablesIn(path)).toEqual(["a"]);
  });

  test("a program that is killed in the middle of a step leaves the version before it", async () => {
    const endless = `CREATE TABLE half (n);
      WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) INSERT INTO half SELECT n FROM c`;
    const migrating = await logProcess(
      `import { Database } from "log/database.ts";
       import { migrate } from "log/migrations.ts";
       const db = new Database({ path: ${JSON.stringify(path)} });
       migrate(db, ["CREATE TABLE a (n)"]);
       console.log("first step done");
       migrate(db, ["CREATE TABLE a (n)", ${JSON.stringify(endless)}]);`,
      "first step done",
    );
    await waitFor("the second step to reach the disk", () => statSync(`${path}-wal`).size > 4 * 1024 * 1024);
    await killed(migrating);
    expect(versionOf(path)).toBe(1);
    expect(tablesIn(path)).toEqual(["a"]);
  });
});
