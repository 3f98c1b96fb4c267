import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryDir } from "../../tests/support/log-fixture.ts";
import { isGatewayError } from "../domain/errors.ts";
import { Database } from "./database.ts";

let dir: ReturnType<typeof temporaryDir>;
let path: string;
beforeEach(() => {
  dir = temporaryDir();
  path = join(dir.path, "zhian.db");
});
afterEach(() => dir.remove());

describe("the database file", () => {
  test("commits with synchronous=FULL to a write-ahead log, which the engine would not do by itself", () => {
    const db = new Database({ path });
    expect(db.pragma("synchronous")).toBe(2);
    expect(db.prepare<[], { journal_mode: string }>("PRAGMA journal_mode").get()?.journal_mode).toBe("wal");
    expect(db.pragma("foreign_keys")).toBe(1);
    expect(db.pragma("auto_vacuum")).toBe(2);
    db.close();
  });

  test("is readable by its owner alone, with its write-ahead log", () => {
    const db = new Database({ path });
    db.exec("CREATE TABLE a (n)");
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o077).toBe(0);
    db.close();
  });

  test("a file that does not take a setting is refused: this one was made without room to give back", () => {
    const foreign = new DatabaseSync(path);
    foreign.exec("PRAGMA auto_vacuum = NONE; CREATE TABLE a (n)");
    foreign.close();
    expect(() => new Database({ path })).toThrow(expect.objectContaining({ code: "DB_PRAGMA_REFUSED" }));
  });

  test.each([
    ["is no database", "DB_CORRUPT", () => writeFileSync(path, "not a database ".repeat(1000))],
    ["is a directory", "DISK_FAILED", () => mkdirSync(path)],
  ])("a file that %s is told as %s", (_what, code, make) => {
    make();
    expect(() => new Database({ path })).toThrow(expect.objectContaining({ code }));
  });

  test("a file that another program keeps locked is a disk that fails for the time being, not a crash", () => {
    const db = new Database({ path });
    db.exec("CREATE TABLE a (n)");
    const other = new Database({ path });
    other.exec("BEGIN EXCLUSIVE");
    let error: unknown;
    try {
      db.transaction(() => db.exec("INSERT INTO a VALUES (1)"));
    } catch (thrown) {
      error = thrown;
    }
    expect(isGatewayError(error, "DISK_FAILED") && error.transient).toBe(true);
    other.exec("ROLLBACK");
    db.transaction(() => db.exec("INSERT INTO a VALUES (2)"));
    other.close();
    db.close();
  });

  test("a mistake in our own SQL stays what it is", () => {
    const db = new Database({ path });
    expect(() => db.exec("SELEKT 1")).toThrow(/syntax error/);
    try {
      db.exec("SELEKT 1");
    } catch (error) {
      expect(isGatewayError(error)).toBe(false);
    }
    db.close();
  });

  test("statements live on when the file is opened anew under them", () => {
    const db = new Database({ path });
    db.exec("CREATE TABLE a (n)");
    const insert = db.prepare<[number], never>("INSERT INTO a VALUES (?)");
    const count = db.prepare<[], { n: number }>("SELECT count(*) AS n FROM a");
    insert.run(1);
    db.reopen();
    insert.run(2);
    expect(count.get()?.n).toBe(2);
    db.close();
  });

  test("after a close every statement says so", () => {
    const db = new Database({ path });
    const one = db.prepare<[], { n: number }>("SELECT 1 AS n");
    expect(one.get()).toEqual({ n: 1 });
    db.close();
    expect(() => one.get()).toThrow(expect.objectContaining({ code: "LOG_CLOSED" }));
  });

  test("a failed transaction leaves nothing, and the next one works", () => {
    const db = new Database({ path });
    db.exec("CREATE TABLE a (n UNIQUE)");
    const insert = db.prepare<[number], never>("INSERT INTO a VALUES (?)");
    expect(() =>
      db.transaction(() => {
        insert.run(1);
        insert.run(1);
      }),
    ).toThrow(/UNIQUE/);
    db.transaction(() => insert.run(1));
    expect(db.prepare<[], { n: number }>("SELECT count(*) AS n FROM a").get()?.n).toBe(1);
    db.close();
  });
});
