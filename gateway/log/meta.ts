import type { Database } from "./database.ts";

/** Single values that belong to the file as a whole. */
export interface Meta {
  get(key: MetaKey): string | undefined;
  /** Inside a transaction. */
  set(key: MetaKey, value: string): void;
}

export type MetaKey = "epoch" | "boot" | "chain-anchor-seq" | "chain-anchor-hash" | "records-filed";

export function metaOf(db: Database): Meta {
  const get = db.prepare<[string], { value: string }>("SELECT value FROM meta WHERE key = ?");
  const set = db.prepare<[string, string], never>(
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  return {
    get: (key) => get.get(key)?.value,
    set: (key, value) => {
      set.run(key, value);
    },
  };
}
