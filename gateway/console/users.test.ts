import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isGatewayError } from "../domain/errors.ts";
import { assertStrong, verifyPassword } from "./passwords.ts";
import { addToken, Tokens } from "./tokens.ts";
import { addUser, Users } from "./users.ts";

const newDir = () => mkdtempSync(join(tmpdir(), "zhian-users-"));
const password = "correct gate lantern";

async function codeOf(act: () => unknown): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return isGatewayError(error) ? error.code : String(error);
  }
}

test("a user is kept with role and an argon2id hash in a file for the gateway alone", async () => {
  const dataDir = newDir();
  expect(await addUser({ dataDir, name: "张伟", role: "guard", password })).toEqual({ name: "张伟", role: "guard" });
  const path = join(dataDir, "users.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8")).toMatch(
    /\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}"/,
  );
  expect(readFileSync(path, "utf8")).not.toContain(password);
  const stored = new Users(dataDir).find("张伟")?.password;
  expect(await verifyPassword(password, stored)).toBe(true);
  expect(await verifyPassword(`${password} `, stored)).toBe(false);
  expect(await verifyPassword(password, undefined)).toBe(false);
});

test("two users with the same password have different hashes", async () => {
  const dataDir = newDir();
  await addUser({ dataDir, name: "a1", role: "guard", password });
  await addUser({ dataDir, name: "b1", role: "guard", password });
  const [a, b] = new Users(dataDir).all();
  expect(a?.password).not.toBe(b?.password);
});

test("a user added by another process is seen at once", async () => {
  const dataDir = newDir();
  const users = new Users(dataDir);
  expect(users.all()).toEqual([]);
  await addUser({ dataDir, name: "li.na", role: "manager", password });
  expect(users.find("LI.NA")?.role).toBe("manager");
});

test("the same name in other letters, an impossible name and an unknown role are refused", async () => {
  const dataDir = newDir();
  await addUser({ dataDir, name: "Zhang", role: "guard", password });
  const add = (name: string, role = "guard") => codeOf(() => addUser({ dataDir, name, role, password }));
  expect(await add("zhang")).toBe("USER_EXISTS");
  expect(await add("ｚｈａｎｇ")).toBe("USER_EXISTS");
  expect(await add("")).toBe("USER_INVALID");
  expect(await add("a/b")).toBe("USER_INVALID");
  expect(await add("one-time-link")).toBe("USER_INVALID");
  expect(await add("x".repeat(33))).toBe("USER_INVALID");
  expect(await add("wang", "root")).toBe("USER_INVALID");
});

test("a damaged users file is an error, not a site without users", () => {
  const dataDir = newDir();
  writeFileSync(join(dataDir, "users.json"), '{"version":1,"users":[{"name":');
  expect(() => new Users(dataDir).all()).toThrow("users.json cannot be read");
});

describe("a password", () => {
  test.each([
    "short",
    "elevenchars",
    "aaaaaaaaaaaa",
    "abababababab",
    "password1234",
    "Password-2026",
    "123456789012",
    "abcdefghijklmn",
    "qwertyuiop12",
    "administrator1",
    "passwordpassword",
    "1qaz2wsx3edc",
    "zhangwei-2026",
    "admin@123456",
    "5201314520131",
  ])("%j is refused", async (weak) => {
    expect(await codeOf(() => assertStrong(weak, "zhangwei"))).toBe("PASSWORD_WEAK");
  });

  test.each(["correct gate lantern", "三栋门口的石榴树每年都开花", "x7#Qm2!vLp9z", "kunming lake at dawn"])(
    "%j is taken",
    async (strong) => {
      expect(await codeOf(() => assertStrong(strong, "zhangwei"))).toBeUndefined();
    },
  );
});

test("a token is told once, kept hashed, and opens for its role", () => {
  const dataDir = newDir();
  const token = addToken({ dataDir, name: "prometheus", role: "auditor" });
  expect(readFileSync(join(dataDir, "tokens.json"), "utf8")).not.toContain(token);
  expect(statSync(join(dataDir, "tokens.json")).mode & 0o777).toBe(0o600);
  const tokens = new Tokens(dataDir);
  expect(tokens.find(token)).toEqual({ name: "prometheus", role: "auditor", via: "token" });
  expect(tokens.find(`${token}x`)).toBeUndefined();
  expect(() => addToken({ dataDir, name: "prometheus", role: "guard" })).toThrow("there is a token");
});
