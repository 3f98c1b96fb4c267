import { createHmac, createSecretKey, randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../domain/errors.ts";

const keyBytes = 32;
const knownPeople = 4096;

/** Turns a person id into its pseudonym; the key is inside and cannot be read out. */
export type Pseudonymise = (personId: string) => string;

/**
 * The site's pseudonyms, with the configured key where there is one, else with the key in `pseudonym.key` of the data
 * directory, made at the first call (mode 0600). A pseudonym is the first 64 bits of HMAC-SHA-256, as 16 hex digits:
 * with 100,000 residents two share one with a probability below 10^-9, and without the key ids cannot be tried out,
 * however few digits they have. Who deletes the key cuts the tie between old pseudonyms and persons for ever.
 * Throws CONFIG_UNREADABLE.
 */
export function loadPseudonyms(dataDir: string, configured?: string): Pseudonymise {
  // As a key object: handed over as bytes it would be prepared anew for each person, which takes five times as long.
  const key = createSecretKey(configured === undefined ? loadPseudonymKey(dataDir) : Buffer.from(configured, "utf8"));
  // The same few people pass a door all day. Forgotten all at once at the bound: what is lost is three microseconds each.
  const known = new Map<string, string>();
  return (personId) => {
    const found = known.get(personId);
    if (found !== undefined) return found;
    const made = createHmac("sha256", key).update("zhian person\0").update(personId).digest("hex").slice(0, 16);
    if (known.size >= knownPeople) known.clear();
    known.set(personId, made);
    return made;
  };
}

/** The key itself, for the backup. Throws CONFIG_UNREADABLE where the file is there but is not a key. */
export function loadPseudonymKey(dataDir: string): Buffer {
  const path = join(dataDir, "pseudonym.key");
  mkdirSync(dataDir, { recursive: true });
  const key = read(path) ?? create(dataDir, path);
  if (key.length !== keyBytes) {
    throw new GatewayError(
      "CONFIG_UNREADABLE",
      `${path}: found ${key.length} bytes where a key of ${keyBytes} should be. Restore it from a backup; a new one would give every person a new pseudonym`,
    );
  }
  return key;
}

function read(path: string): Buffer | undefined {
  try {
    const key = Buffer.from(readFileSync(path, "utf8").trim(), "hex");
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
    return key;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new GatewayError("CONFIG_UNREADABLE", `${path} cannot be read`, { cause });
  }
}

/** A key is whole and on the disk before it gets its name, and an existing one is never replaced. */
function create(dataDir: string, path: string): Buffer {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const file = openSync(temporary, "wx", 0o600);
  try {
    writeSync(file, `${randomBytes(keyBytes).toString("hex")}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(temporary);
  }
  const directory = openSync(dataDir, "r");
  fsyncSync(directory);
  closeSync(directory);
  return read(path) ?? Buffer.alloc(0);
}
