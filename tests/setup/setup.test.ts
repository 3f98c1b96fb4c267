import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], env: Record<string, string> = {}): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  return { code: status, out: stdout, err: stderr };
}

describe("a clone in which all is in place", () => {
  it("is set up without a word", () => {
    expect(run([join(root, "scripts/setup.mjs"), "run"])).toEqual({ code: 0, out: "", err: "" });
  });

  it("has a command line that passes on arguments and exit codes", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const zhian = join(root, "bin/zhian.mjs");
    expect(run([zhian, "--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
    expect(run([zhian, "check", "/nowhere.yaml"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("no such file"),
    });
  });

  it("knows no third thing to set up", () => {
    expect(run([join(root, "scripts/setup.mjs"), "walk"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("run|test"),
    });
  });
});

describe("a fresh clone", () => {
  let dir: string;
  let calls: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "zhian-clone-"));
    calls = join(dir, "npm-calls");
    for (const file of ["scripts/setup.mjs", "package-lock.json", "package.json"]) {
      mkdirSync(dirname(join(dir, file)), { recursive: true });
      cpSync(join(root, file), join(dir, file));
    }
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** Stands in the place of npm: the registry is not asked in a test. */
  function npm(script: string): void {
    mkdirSync(join(dir, "bin"), { recursive: true });
    writeFileSync(join(dir, "bin/npm"), `#!/bin/sh\necho "$@" >> ${calls}\n${script}\n`);
    chmodSync(join(dir, "bin/npm"), 0o755);
  }
  const setUp = (what: string): Ended =>
    run([join(dir, "scripts/setup.mjs"), what], { PATH: [join(dir, "bin"), "/bin"].join(delimiter) });

  it("gets its packages once, and the second time nothing is installed", () => {
    npm("/bin/mkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json");
    const first = setUp("run");
    expect(first).toMatchObject({ code: 0, err: expect.stringContaining("npm ci installs") });
    expect(setUp("run")).toEqual({ code: 0, out: "", err: "" });
    expect(readFileSync(calls, "utf8").trim().split("\n")).toHaveLength(1);
    expect(readFileSync(calls, "utf8")).toMatch(/^ci .*--include=dev/);
  });

  it("gets them again after the lock file has changed", () => {
    npm("/bin/mkdir -p node_modules");
    setUp("run");
    writeFileSync(
      join(dir, "package-lock.json"),
      readFileSync(join(dir, "package-lock.json"), "utf8").replace("{", "{ "),
    );
    setUp("run");
    expect(readFileSync(calls, "utf8").trim().split("\n")).toHaveLength(2);
  });

  it("says what failed, and counts as not set up", () => {
    npm("exit 7");
    expect(setUp("run")).toMatchObject({ code: 1, err: expect.stringContaining("npm ci failed") });
    expect(existsSync(join(dir, "node_modules/.zhian-setup"))).toBe(false);
  });

  it("on a system without apt names the tools that the tests need", () => {
    npm("/bin/mkdir -p node_modules");
    const { code, err } = run([join(dir, "scripts/setup.mjs"), "test"], { PATH: join(dir, "bin") });
    expect(code).toBe(1);
    expect(err).toMatch(/socat/);
    expect(err).toContain("There is no apt-get");
  });
});
