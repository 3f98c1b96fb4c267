import { Ajv } from "ajv";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Ended, zhian } from "../tests/support/command-line.ts";
import { SiteFolder, sampleText } from "../tests/support/sample-site.ts";
import { roleSchema } from "./console/roles.ts";

let site: SiteFolder;
let file: string;
beforeEach(() => {
  site = new SiteFolder();
  file = site.write("zhian.yaml", sampleText);
});
afterEach(() => site.remove());

describe("zhian check", () => {
  it("says that a good file is fine", async () => {
    const { code, out, err } = await zhian(["check", file]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("金水湾小区");
  });

  it("lists the mistakes of a bad one on standard error, without colours, and exits with 2", async () => {
    const bad = site.write(
      "bad.yaml",
      sampleText.replace("zone: b3-u1,", "zone: b4,").replace("listen: 127.0.0.1:8080", "lissten: x"),
    );
    const { code, out, err } = await zhian(["check", bad]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`${bad}:6:12  console.lissten\n`);
    expect(err).toContain("Did you mean `listen`?");
    expect(err).toContain("devices[0].zone");
    expect(err).toContain("2 mistakes");
    expect(err).not.toContain("\u001b");
  });

  it("prints one document with --json", async () => {
    const bad = site.write("bad.yaml", sampleText.replace("zone: b3-u1,", "zone: b4,"));
    const { code, out, err } = await zhian(["check", "--json", bad]);
    expect([code, err]).toEqual([2, ""]);
    expect(JSON.parse(out)).toMatchObject({ ok: false, mistakes: [{ path: "devices[0].zone", line: 13 }] });
    expect(JSON.parse((await zhian(["check", "--json", file])).out)).toEqual({ ok: true, mistakes: [], warnings: [] });
  });

  it("of a file that is not there says so", async () => {
    const { code, err } = await zhian(["check", `${site.dir}/nowhere.yaml`]);
    expect(code).toBe(2);
    expect(err).toContain("no such file");
  });
});

describe("zhian schema", () => {
  it("prints a schema that accepts the sample, and those of the city's commands", async () => {
    const { code, out } = await zhian(["schema"]);
    expect(code).toBe(0);
    expect(() => new Ajv({ strict: false, validateFormats: false }).compile(JSON.parse(out))).not.toThrow();
    expect(Object.keys(JSON.parse((await zhian(["schema", "--commands"])).out))).toContain("command-acknowledge");
  });
});

describe("zhian run", () => {
  it("does not start on a bad configuration", async () => {
    const bad = site.write("bad.yaml", sampleText.replace("unit: 17", "unit: 0"));
    const { code, out, err } = await zhian(["run", "--config", bad]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("devices[2].options.unit");
  });
});

describe("zhian user add", () => {
  const add = (name: string, role: string, password: string): Promise<Ended> =>
    zhian(["user", "add", name, "--role", role, "--config", file], password);

  it("takes the password from standard input and refuses a second of the same name", async () => {
    expect(await add("wang", "guard", "correct horse battery\n")).toMatchObject({ code: 0, err: "" });
    const again = await add("Wang", "guard", "correct horse battery\n");
    expect(again.code).toBe(1);
    expect(again.err).toContain("USER_EXISTS");
    expect(again.err).toContain("Choose another name.");
  });

  it("refuses a weak password, an unknown role and no password at all, and says what to do", async () => {
    expect((await add("li", "guard", "password")).err).toContain("PASSWORD_WEAK");
    expect((await add("li", "king", "correct horse battery")).err).toContain("USER_INVALID");
    const none = await add("li", "guard", "");
    expect(none.code).toBe(2);
    expect(none.err).toContain("No password on standard input");
  });

  it("names in its help the roles that there are", async () => {
    const { out } = await zhian(["user", "add", "--help"]);
    for (const role of roleSchema.options) expect(out).toContain(role);
  });
});

describe("zhian start", () => {
  it("takes a configuration or a story, not both", async () => {
    expect(await zhian(["start", "--config", file, "--scenario", "fire"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--scenario belongs to the demo"),
    });
  });
});

describe("bad usage", () => {
  it.each([
    ["an unknown command", ["chekc"], "Did you mean check?"],
    ["an unknown option", ["check", "--jsn", "x"], "Did you mean --json?"],
    ["a missing argument", ["check"], "missing required argument"],
    ["a missing option", ["run"], "--config"],
    ["no command", [], "Usage: zhian"],
  ])("(%s) exits with 2 and says what could be meant", async (_, args, words) => {
    const { code, out, err } = await zhian(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(words);
  });

  it("is not asking for help or for the version", async () => {
    expect(await zhian(["--help"])).toMatchObject({ code: 0, err: "" });
    expect(await zhian(["--version"])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });
});
