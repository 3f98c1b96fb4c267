import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isGatewayError } from "../domain/errors.ts";
import { loadPseudonymKey, loadPseudonyms } from "./pseudonym.ts";

const newDir = () => mkdtempSync(join(tmpdir(), "zhian-pseudonym-"));

test("the same person has the same pseudonym after a restart, and another one on another site", () => {
  const dir = newDir();
  const before = loadPseudonyms(dir)("110101199003071234");
  expect(before).toMatch(/^[0-9a-f]{16}$/);
  expect(loadPseudonyms(dir)("110101199003071234")).toBe(before);
  expect(loadPseudonyms(dir)("110101199003071235")).not.toBe(before);
  expect(loadPseudonyms(newDir())("110101199003071234")).not.toBe(before);
});

test("a configured key is used instead of the file's, so that two gateways of a site agree", () => {
  const dir = newDir();
  const shared = "a secret of at least thirty-two letters";
  expect(loadPseudonyms(dir, shared)("3")).toBe(loadPseudonyms(newDir(), shared)("3"));
  expect(loadPseudonyms(dir, shared)("3")).not.toBe(loadPseudonyms(dir)("3"));
});

test("a pseudonym cannot be had by hashing the id without the key", () => {
  const plain = createHash("sha256").update("3").digest("hex");
  expect(plain.startsWith(loadPseudonyms(newDir())("3"))).toBe(false);
});

test("the key is readable by the gateway's user alone, and is made so where it is not", () => {
  const dir = newDir();
  const key = loadPseudonymKey(dir);
  const path = join(dir, "pseudonym.key");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  chmodSync(path, 0o644);
  expect(loadPseudonymKey(dir).equals(key)).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir)).toEqual(["pseudonym.key"]);
});

test("a damaged key is reported and left as it is", () => {
  const dir = newDir();
  writeFileSync(join(dir, "pseudonym.key"), "not a key");
  let failure: unknown;
  try {
    loadPseudonymKey(dir);
  } catch (error) {
    failure = error;
  }
  expect(isGatewayError(failure, "CONFIG_UNREADABLE")).toBe(true);
});
