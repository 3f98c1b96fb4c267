import { closeSync, existsSync, fsyncSync, openSync, readSync, statSync, writeFileSync, writeSync } from "node:fs";
import { Database } from "./database.ts";
import { attempt } from "./readable-rows.ts";

/** SQLite file format §1.3: offset of the size in pages, and of the first page of the free list and its length. */
const sizeAt = 28;
const freeListAt = 32;

/**
 * The first page holds the schema; without it nothing else can be found. Our schema never changes within a file but by
 * migrations, so the page of a new file of the same version stands in for it. The original is kept at `keepAt`.
 */
export function graftFirstPage(damaged: string, fresh: Database, keepAt: string): void {
  if (!existsSync(damaged) || hasSchema(damaged)) return;
  fresh.checkpoint("TRUNCATE");
  const pageBytes = fresh.pragma("page_size");
  const page = readPage(fresh.path, pageBytes);
  writeFileSync(keepAt, readPage(damaged, pageBytes), { mode: 0o600 });
  page.writeUInt32BE(Math.floor(statSync(damaged).size / pageBytes), sizeAt);
  page.fill(0, freeListAt, freeListAt + 8);
  const file = openSync(damaged, "r+");
  try {
    writeSync(file, page, 0, page.length, 0);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function hasSchema(path: string): boolean {
  const count = attempt(() => {
    const db = new Database({ path, readonly: true });
    try {
      return db.prepare<[], { n: number }>("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'observations'").get()
        ?.n;
    } finally {
      db.close();
    }
  });
  return count === 1;
}

function readPage(path: string, bytes: number): Buffer {
  const page = Buffer.alloc(bytes);
  const file = openSync(path, "r");
  try {
    readSync(file, page, 0, bytes, 0);
    return page;
  } finally {
    closeSync(file);
  }
}
