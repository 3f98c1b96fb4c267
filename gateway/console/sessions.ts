import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/telemetry.ts";
import { PrivateFile } from "./private-file.ts";
import { type Identity, linkName } from "./roles.ts";
import type { User, Users } from "./users.ts";

const idleMs = 8 * 3_600_000;
const absoluteMs = 24 * 3_600_000;
const perPersonAtMost = 10;
const allAtMost = 500;
/** The time of the last request goes to the disk no more often, to spare the flash. */
const writeSeenEveryMs = 5 * 60_000;

const sessionSchema = z.strictObject({
  /** SHA-256 of the id, hex: whoever reads the file cannot take a session over. */
  hash: z.string(),
  name: z.string(),
  via: z.enum(["account", "link"]),
  /** Changes with the password and the role, and ends the session then. */
  fingerprint: z.string(),
  /** Log time ms. */
  startedAt: z.number(),
  seenAt: z.number(),
});
type Session = z.infer<typeof sessionSchema>;

const fileSchema = z.strictObject({ version: z.literal(1), sessions: z.array(sessionSchema) });

/**
 * Who is signed in: 8 h without a request or 24 h at most. Sessions outlive a restart of the gateway, so that a guard's
 * screen goes on by itself after a power cut. A change of role or password, or the end of the account, ends them.
 */
export class Sessions {
  readonly #users: Users;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #file: PrivateFile<z.infer<typeof fileSchema>>;
  readonly #sessions = new Map<string, Session>();
  #writtenAt = 0;
  #dirty = false;

  constructor(options: { dataDir: string; users: Users; clock: Clock; logger: Logger }) {
    this.#users = options.users;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#file = new PrivateFile(join(options.dataDir, "sessions.json"), fileSchema, { version: 1, sessions: [] });
    for (const session of this.#readFile()) this.#sessions.set(session.hash, session);
  }

  /** The new session's id, 256 random bits: the only copy. `user` absent: by the one-time link. */
  start(user?: User): string {
    const id = randomBytes(32).toString("base64url");
    const now = this.#clock.now();
    const name = user?.name ?? linkName;
    const session: Session = {
      hash: hashed(id),
      name,
      via: user === undefined ? "link" : "account",
      fingerprint: fingerprintOf(user),
      startedAt: now,
      seenAt: now,
    };
    this.#makeRoom(name);
    this.#sessions.set(session.hash, session);
    this.#write();
    return id;
  }

  /** Whose session it is. `active`: a person's doing, which puts the idle time-out off. */
  find(id: string, active: boolean): Identity | undefined {
    const session = this.#sessions.get(hashed(id));
    if (session === undefined) return undefined;
    const now = this.#clock.now();
    const identity = this.#identify(session, now);
    if (identity === undefined) {
      this.#sessions.delete(session.hash);
      this.#write();
      return undefined;
    }
    if (active) {
      session.seenAt = now;
      this.#dirty = true;
      if (now - this.#writtenAt >= writeSeenEveryMs) this.#write();
    }
    return identity;
  }

  end(id: string): void {
    if (this.#sessions.delete(hashed(id))) this.#write();
  }

  close(): void {
    if (this.#dirty) this.#write();
  }

  #identify(session: Session, now: number): Identity | undefined {
    if (now - session.seenAt >= idleMs || now - session.startedAt >= absoluteMs) return undefined;
    if (session.via === "link") return { name: linkName, role: "admin", via: "link" };
    const user = this.#users.find(session.name);
    if (user === undefined || fingerprintOf(user) !== session.fingerprint) return undefined;
    return { name: user.name, role: user.role, via: "account" };
  }

  #makeRoom(name: string): void {
    const oldestFirst = [...this.#sessions.values()].sort((a, b) => a.seenAt - b.seenAt);
    const own = oldestFirst.filter((session) => session.name === name);
    for (const session of own.slice(0, Math.max(0, own.length - perPersonAtMost + 1))) {
      this.#sessions.delete(session.hash);
    }
    for (const session of oldestFirst) {
      if (this.#sessions.size < allAtMost) break;
      this.#sessions.delete(session.hash);
    }
  }

  #readFile(): readonly Session[] {
    try {
      return this.#file.read().sessions;
    } catch (error) {
      this.#logger.warn({ err: error }, "sessions cannot be read, everybody signs in anew");
      return [];
    }
  }

  /** A full disk must not keep anybody from signing in: then a restart ends the session, no more. */
  #write(): void {
    this.#writtenAt = this.#clock.now();
    this.#dirty = false;
    try {
      this.#file.write({ version: 1, sessions: [...this.#sessions.values()] });
    } catch (error) {
      this.#logger.warn({ err: error }, "sessions cannot be written");
    }
  }
}

const hashed = (text: string): string => createHash("sha256").update(text).digest("hex");
const fingerprintOf = (user: User | undefined): string =>
  user === undefined ? "" : hashed(`${user.role} ${user.password}`).slice(0, 16);
