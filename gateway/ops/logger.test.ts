import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, createReadStream, mkdtempSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { waitFor } from "../../tests/support/wait-for.ts";
import { GatewayError } from "../domain/errors.ts";
import { createLogger } from "./logger.ts";

function capture(level: "debug" | "info" = "info") {
  const lines: string[] = [];
  const logger = createLogger({ level, clock: new ManualClock(), sink: { write: (line) => lines.push(line) } });
  return { logger, lines, last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? "{}") };
}

test("a line has the time of the wall clock, the level by name, the fields and the message", () => {
  const { logger, last } = capture();
  logger.child({ device: "gate-east" }).info({ seq: 7 }, "device online");
  expect(last()).toEqual({
    level: "info",
    time: "2026-11-24T00:00:00.000Z",
    device: "gate-east",
    seq: 7,
    msg: "device online",
  });
});

test("lines below the level are not written", () => {
  const { logger, lines } = capture();
  logger.debug({}, "reading");
  expect(lines).toEqual([]);
});

test("secrets and personal data are found nowhere in a line, at whatever depth and under whatever spelling", () => {
  const { logger, lines } = capture();
  const canaries = ["hunter2-canary", "王小明", "13800138000", "110101199003071234", "iVBORw0KGgoAAAANS"];
  const [secret, person, phone, idCard, picture] = canaries;
  logger.warn(
    {
      password: secret,
      options: { mqtt: { "pass-word": secret, Authorization: `Bearer ${secret}`, apiKey: secret } },
      headers: { cookie: `zhian=${secret}`, "set-cookie": secret },
      info: [
        { personName: person, persionName: person, idCard, telnum: phone, pic: picture, scene: { data: picture } },
      ],
      raw: Buffer.from(idCard ?? ""),
      text: `denied ${idCard} with data:image/jpeg;base64,${picture}`,
      url: `mqtt://gw-01:${secret}@city:1883`,
      unescaped: `mqtt://gw-01:begins@${secret}@city:1883`,
      err: new Error(`cannot parse ${idCard}`, { cause: { token: secret } }),
    },
    `refused ${idCard} at mqtts://u:${secret}@host`,
  );
  for (const canary of canaries) expect(lines.join("")).not.toContain(canary);
  expect(lines.join("")).toContain("mqtt://[redacted]@city:1883");
});

test("what an operator needs stays readable", () => {
  const { logger, last } = capture();
  logger.info(
    {
      address: "10.0.0.7",
      code: "DISK_FULL",
      template: "t",
      dedupKey: "r-12",
      rule: "fire",
      at: 1_764_000_000_000,
      ok: true,
    },
    "stranger",
  );
  expect(last()).toMatchObject({
    address: "10.0.0.7",
    dedupKey: "r-12",
    rule: "fire",
    at: 1_764_000_000_000,
    ok: true,
  });
});

test("an error tells its code, its hint and its cause", () => {
  const { logger, last } = capture();
  const cause = Object.assign(new Error("write failed"), { code: "ENOSPC" });
  logger.error({ err: new GatewayError("DISK_FULL", "commit refused", { cause }) }, "log not writable");
  expect(last()).toMatchObject({
    err: {
      type: "GatewayError",
      code: "DISK_FULL",
      message: "commit refused",
      hint: expect.stringContaining("Free space"),
      cause: { code: "ENOSPC", message: "write failed" },
    },
  });
});

test("a field that is circular, endless or throws when read costs a bounded line and never an exception", () => {
  const { logger, lines } = capture();
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  let deep: unknown = "bottom";
  for (let i = 0; i < 10_000; i++) deep = { deep };
  const hostile = {
    get trap(): string {
      throw new Error("no");
    },
  };
  logger.info({ circular, deep, list: Array.from({ length: 100_000 }, (_, i) => i), text: "x".repeat(1e6) }, "odd");
  logger.info({ hostile }, "odd");
  expect(lines).toHaveLength(2);
  expect(lines.join("").length).toBeLessThan(10_000);
});

const script = `
  import { createLogger } from ${JSON.stringify(new URL("./logger.ts", import.meta.url).href)};
  import { SystemClock } from ${JSON.stringify(new URL("./system-clock.ts", import.meta.url).href)};
  const logger = createLogger({ level: "info", clock: new SystemClock() });
  process.on("message", (command) => {
    if (command === "crash") { logger.info({}, "last words"); process.kill(process.pid, "SIGKILL"); }
    if (command === "flood") { for (let i = 0; i < 20000; i++) logger.info({ i, pad: "x".repeat(200) }, "flood"); process.send("flooded"); }
    if (command === "ping") process.send("pong");
  });
  process.send("ready");
`;

/** A reader of the log that begins to read when it is told to: a shell's pipe, or journald's socket. */
const readers = {
  socket: () => ({ stdio: "pipe" as const, read: (child: ChildProcess) => child.stdout }),
  pipe: () => {
    const path = join(mkdtempSync(join(tmpdir(), "zhian-log-")), "fifo");
    execFileSync("mkfifo", [path]);
    return { stdio: openSync(path, constants.O_RDWR), read: () => createReadStream(path) };
  },
};

function runLogger(kind: keyof typeof readers) {
  const { stdio, read } = readers[kind]();
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", stdio, "inherit", "ipc"],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  const heard: unknown[] = [];
  child.on("message", (message) => heard.push(message));
  const out = { text: "" };
  const startReading = () => {
    read(child)?.on("data", (chunk: string | Buffer) => {
      out.text += chunk.toString();
    });
  };
  return { child, heard, out, startReading };
}

describe.each(["socket", "pipe"] as const)("written to a %s", (kind) => {
  test("the last line before a SIGKILL is on the other side", async () => {
    const { child, heard, out, startReading } = runLogger(kind);
    startReading();
    await waitFor("the logger", () => heard.includes("ready"));
    child.send("crash");
    await once(child, "exit");
    await waitFor("the line", () => out.text.includes("last words"));
  });

  test("a reader that stops does not stop the gateway; what was dropped is counted once it reads again", async () => {
    const { child, heard, out, startReading } = runLogger(kind);
    try {
      await waitFor("the logger", () => heard.includes("ready"));
      child.send("flood");
      await waitFor("the end of the flood with nobody reading", () => heard.includes("flooded"));
      child.send("ping");
      await waitFor("an answer while nobody reads", () => heard.includes("pong"));
      startReading();
      const report = await waitFor("the count of dropped lines", () =>
        /\{[^\n]*"dropped":(\d+)[^\n]*\}\n/.exec(out.text),
      );
      const whole = out.text.slice(0, report.index).trim().split("\n");
      expect(whole.map((line) => JSON.parse(line).i)).toEqual(whole.map((_, i) => i));
      expect(Number(report[1])).toBe(20_000 - whole.length);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
