import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { OneTimeSignIn } from "./one-time-sign-in.ts";
import { Sessions } from "./sessions.ts";
import { type User, Users } from "./users.ts";

const hour = 3_600_000;
const minute = 60_000;
const guard: User = { name: "zhang", role: "guard", password: "$argon2id$1" };

let dataDir: string;
let clock: ManualClock;
let warnings: string[];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "zhian-sessions-"));
  clock = new ManualClock();
  warnings = [];
  writeUsers([guard]);
});

function writeUsers(users: readonly User[]): void {
  writeFileSync(join(dataDir, "users.json"), JSON.stringify({ version: 1, users }));
}

function open(): Sessions {
  const keep = (_fields: object, message: string) => warnings.push(message);
  const logger = { debug: keep, info: keep, warn: keep, error: keep, child: () => logger };
  return new Sessions({ dataDir, users: new Users(dataDir), clock, logger });
}

test("a session ends after eight hours without a request, and lives on with one", () => {
  const sessions = open();
  const id = sessions.start(guard);
  clock.advance(8 * hour - 1);
  expect(sessions.find(id, true)).toEqual({ name: "zhang", role: "guard", via: "account" });
  clock.advance(8 * hour - 1);
  expect(sessions.find(id, true)?.name).toBe("zhang");
  clock.advance(8 * hour);
  expect(sessions.find(id, true)).toBeUndefined();
});

test("what a page does by itself does not put the end off", () => {
  const sessions = open();
  const id = sessions.start(guard);
  for (let i = 0; i < 7; i++) {
    clock.advance(hour);
    expect(sessions.find(id, false)).toBeDefined();
  }
  clock.advance(hour);
  expect(sessions.find(id, false)).toBeUndefined();
});

test("a session ends after twenty-four hours however busy it is", () => {
  const sessions = open();
  const id = sessions.start(guard);
  for (let i = 0; i < 23; i++) {
    clock.advance(hour);
    expect(sessions.find(id, true)).toBeDefined();
  }
  clock.advance(hour);
  expect(sessions.find(id, true)).toBeUndefined();
});

test("a session outlives a restart of the gateway; the file does not give it away", () => {
  const first = open();
  const id = first.start(guard);
  first.close();
  expect(readFileSync(join(dataDir, "sessions.json"), "utf8")).not.toContain(id);
  expect(open().find(id, true)?.name).toBe("zhang");
});

test("an ended session stays ended after a restart", () => {
  const first = open();
  const id = first.start(guard);
  first.end(id);
  expect(first.find(id, true)).toBeUndefined();
  expect(open().find(id, true)).toBeUndefined();
});

test.each([
  ["another role", [{ ...guard, role: "manager" as const }]],
  ["another password", [{ ...guard, password: "$argon2id$2" }]],
  ["the end of the account", []],
])("%s ends the sessions of the account", (_what, users) => {
  const sessions = open();
  const id = sessions.start(guard);
  expect(sessions.find(id, true)).toBeDefined();
  writeUsers(users);
  expect(sessions.find(id, true)).toBeUndefined();
});

test("the eleventh session of a person ends the one that was quiet longest", () => {
  const sessions = open();
  const ids = Array.from({ length: 10 }, () => {
    clock.advance(minute);
    return sessions.start(guard);
  });
  clock.advance(minute);
  sessions.find(ids[0] ?? "", true);
  sessions.start(guard);
  expect(ids.map((id) => sessions.find(id, false) !== undefined)).toEqual([true, false, ...Array(8).fill(true)]);
});

test("a data directory that cannot be written does not keep anybody from signing in", () => {
  const sessions = open();
  rmSync(dataDir, { recursive: true });
  writeFileSync(dataDir, "in the way");
  const id = sessions.start();
  expect(sessions.find(id, true)?.via).toBe("link");
  expect(warnings).toContain("sessions cannot be written");
});

test("a one-time code works once and within a quarter of an hour", () => {
  const oneTime = new OneTimeSignIn(clock);
  expect(oneTime.redeem("")).toBe(false);
  const first = oneTime.issue();
  expect(first.length).toBe(22);
  expect(oneTime.redeem("wrong")).toBe(false);
  expect(oneTime.redeem(first)).toBe(true);
  expect(oneTime.redeem(first)).toBe(false);
  const late = oneTime.issue();
  clock.advance(15 * minute);
  expect(oneTime.redeem(late)).toBe(false);
});
