import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readBodyText } from "../../drivers/http-client/body-text.ts";
import { deviceFetch } from "../../drivers/http-client/device-http-client.ts";
import { freePort } from "../support/free-port.ts";
import { RealClock } from "../support/ingress/real-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const clock = new RealClock();
const account = { username: "admin", password: 'pass:"word"' };
const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest("hex");

let folder: string;
let server: ChildProcess;
let base: string;

/** lighttpd as a device's own server: each folder asks for another way to sign in. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "device-http-"));
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  const ways = { basic: "Basic", md5: "MD5", sha256: "SHA-256", both: "MD5|SHA-256" };
  for (const [name, way] of Object.entries(ways)) {
    await mkdir(join(folder, "www", name), { recursive: true });
    await writeFile(join(folder, "www", name, "index.txt"), `in by ${way}`);
  }
  const a1 = `${account.username}:device:${account.password}`;
  const secrets = `${account.username}:device:${hash("md5", a1)}\n${account.username}:device:${hash("sha256", a1)}\n`;
  await writeFile(join(folder, "digest"), secrets);
  await writeFile(join(folder, "plain"), `${account.username}:${account.password}\n`);
  const digest = (name: string, algorithm: string) => `$HTTP["url"] =~ "^/${name}/" {
  auth.backend = "htdigest"
  auth.backend.htdigest.userfile = "${folder}/digest"
  auth.require = ("/${name}/" => ("method" => "digest", "realm" => "device", "require" => "valid-user", "algorithm" => "${algorithm}"))
}`;
  await writeFile(
    join(folder, "lighttpd.conf"),
    `server.document-root = "${folder}/www"
server.port = ${port}
server.bind = "127.0.0.1"
server.modules = ("mod_auth", "mod_authn_file")
$HTTP["url"] =~ "^/basic/" {
  auth.backend = "plain"
  auth.backend.plain.userfile = "${folder}/plain"
  auth.require = ("/basic/" => ("method" => "basic", "realm" => "device", "require" => "valid-user"))
}
${digest("md5", "MD5")}
${digest("sha256", "SHA-256")}
${digest("both", "MD5|SHA-256")}
`,
  );
  server = spawn("/usr/sbin/lighttpd", ["-D", "-f", join(folder, "lighttpd.conf")], { stdio: "ignore" });
  await waitFor("lighttpd", () =>
    run("curl", ["-s", "-o", "/dev/null", `${base}/`])
      .then(() => true)
      .catch(() => false),
  );
});

afterAll(async () => {
  server.kill("SIGTERM");
  await rm(folder, { recursive: true, force: true });
});

const ask = (path: string, password = account.password) =>
  deviceFetch({ url: `${base}${path}`, username: account.username, password, timeoutMs: 5000, clock });

test.each([
  ["basic", "in by Basic"],
  ["md5", "in by MD5"],
  ["sha256", "in by SHA-256"],
  ["both", "in by MD5|SHA-256"],
])("a server of others that asks for %s lets us in, with a query too", async (name, text) => {
  for (const query of ["", "?format=json&a=%2F%E9%97%A8"]) {
    const response = await ask(`/${name}/index.txt${query}`);
    expect([response.status, await readBodyText(response, { maxBytes: 100, timeoutMs: 5000, clock })]).toEqual([
      200,
      text,
    ]);
  }
});

test.each(["basic", "md5", "sha256"])("it keeps us out by %s with a wrong password", async (name) => {
  const response = await ask(`/${name}/index.txt`, "wrong");
  expect(response.status).toBe(401);
  await response.body?.cancel();
});
