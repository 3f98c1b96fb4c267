import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { surveyBackends } from "../../drivers/dry-contact/backends.ts";
import { open } from "../../drivers/dry-contact/gpio.ts";
import type { BackendName } from "../../drivers/dry-contact/line-port.ts";
import { isGatewayError } from "../../gateway/domain/errors.ts";
import { clock, GuestContext, type GuestOptions, sleep } from "./guest-context.ts";

// Runs inside the virtual machine, against the kernel; what it found is written as a line each, and judged outside.
const debug = "/sys/kernel/debug/gpio-mockup";
const chipB =
  readdirSync(debug)
    .filter((name) => name.startsWith("gpiochip"))
    .sort()
    .at(-1) ?? "";
const label = "gpio-mockup-B";

const level = (line: number) => readFileSync(`${debug}/${chipB}/${line}`, "utf8").trim() === "1";
const pull = (line: number, high: boolean) => writeFileSync(`${debug}/${chipB}/${line}`, high ? "1" : "0");

function found(what: string, value: unknown): void {
  process.stdout.write(`GPIO ${JSON.stringify({ what, value })}\n`);
}

async function until(ms: number, probe: () => boolean): Promise<number | undefined> {
  const started = clock.now();
  while (clock.now() - started < ms) {
    if (probe()) return Math.round(clock.now() - started);
    await sleep(2);
  }
  return undefined;
}

async function failure(options: GuestOptions): Promise<string> {
  const guest = new GuestContext(options);
  try {
    const over = sleep(60_000).then(() => guest.abort());
    await Promise.race([open(guest.context).done, over]);
    return "none";
  } catch (error) {
    return isGatewayError(error) ? `${error.code} ${error.message}` : String(error);
  } finally {
    guest.abort();
  }
}

async function input(backend: BackendName): Promise<void> {
  const at = (what: string, value: unknown) => found(`${backend} ${what}`, value);
  pull(0, true);
  const guest = new GuestContext({ chip: label, line: 0, direction: "in", role: "door", backend });
  const session = open(guest.context);
  session.done.catch((error: unknown) => at("failed", String(error)));
  const count = (n: number) => until(8_000, () => guest.levels().length >= n);
  await count(1);
  at("level at start", guest.levels());
  await sleep(300);
  const falling = clock.now();
  pull(0, false);
  await count(2);
  at("falling edge after ms", Math.round(clock.now() - falling));
  pull(0, true);
  await count(3);
  pull(0, false);
  await count(4);
  at("both edges", guest.levels());
  // Without giving way: this machine is emulated, and a sleep of a millisecond may take a tenth of a second.
  for (const high of [true, false, true, false, true, false, true]) pull(0, high);
  await sleep(1_000);
  at("bouncing contact", guest.levels().slice(4));
  const began = clock.now();
  pull(0, false);
  while (clock.now() - began < 1);
  pull(0, true);
  await sleep(500);
  at("pulse of 1 ms", guest.levels().slice(5));
  pull(0, false);
  await sleep(400);
  pull(0, true);
  await sleep(500);
  at("pulse of 400 ms", guest.levels().slice(5));
  guest.abort();
  await session.done;
  at("told", [...new Set(guest.told)].sort());
}

async function output(backend: BackendName): Promise<void> {
  const at = (what: string, value: unknown) => found(`${backend} ${what}`, value);
  const options: GuestOptions = { chip: label, line: 5, direction: "out", role: "siren", maxOn: 4_000, backend };
  const guest = new GuestContext(options);
  const session = open(guest.context);
  session.done.catch((error: unknown) => at("output failed", String(error)));
  const command = (name: string, args: Record<string, number> = {}) => session.command?.({ name, args });
  await until(60_000, () => guest.levels().length >= 1);
  at("relay at start", level(5));
  at("relay on", [await command("on"), level(5)]);
  at("relay off", [await command("off"), level(5)]);
  const timed = clock.now();
  await command("on", { seconds: 2 });
  const on = level(5);
  await until(10_000, () => !level(5));
  at("relay on for two seconds", { on, afterMs: Math.round(clock.now() - timed) });
  const unbounded = clock.now();
  await command("on");
  await sleep(1_500);
  await command("on");
  await until(15_000, () => !level(5));
  at("relay at its bound", Math.round(clock.now() - unbounded));
  at("relay asked for too long", await command("on", { seconds: 5 }));
  await command("on");
  guest.abort();
  await session.done;
  at("relay at stop", level(5));
  at("relay told", guest.levels());
  for (const [what, signal] of [
    ["killed", "SIGKILL"],
    ["stopped", "SIGSTOP"],
  ] as const) {
    const gateway = spawn(process.execPath, ["tests/gpio/relay-process.ts", JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(gateway.stdout ?? gateway, "data");
    const before = level(5);
    gateway.kill(signal);
    const ms = await until(15_000, () => !level(5));
    at(`gateway ${what} with the relay on`, { before, safeAfterMs: ms });
    await ended(gateway);
  }
}

/** The guardian itself is killed: a new one finds the relay on. */
async function guardianKilled(backend: BackendName): Promise<void> {
  const options: GuestOptions = { chip: label, line: 5, direction: "out", role: "siren", maxOn: 60_000, backend };
  const first = new GuestContext(options);
  const session = open(first.context);
  await until(60_000, () => first.levels().length >= 1);
  await session.command?.({ name: "on", args: {} });
  const before = level(5);
  const guardian = readdirSync("/proc").find((pid) => commandLine(pid).includes("guardian-process"));
  process.kill(Number(guardian), "SIGKILL");
  const why = await session.done.then(
    () => "none",
    (error: unknown) => String(error),
  );
  const second = new GuestContext(options);
  const again = open(second.context);
  await until(60_000, () => second.levels().length >= 1);
  found(`${backend} guardian killed with the relay on`, { before, why, told: first.told.at(-1), after: level(5) });
  second.abort();
  await again.done;
}

function commandLine(pid: string): string {
  try {
    return /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
  } catch {
    return "";
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await exit;
  // Its guardian has to let go of the line.
  await sleep(500);
}

async function busyLine(): Promise<void> {
  const old = execFileSync("gpiodetect", ["--version"], { encoding: "utf8" }).includes(" v1.");
  const args = old ? ["--mode=signal", chipB, "6=0"] : ["-c", chipB, "6=0"];
  const holder = spawn("gpioset", args, { stdio: "inherit" });
  await sleep(500);
  const options: GuestOptions = { chip: label, line: 6, direction: "in", role: "door" };
  found("busy line by chardev", await failure({ ...options, backend: "chardev" }));
  found("busy line by sysfs", await failure({ ...options, backend: "sysfs" }));
  found("busy output by sysfs", await failure({ ...options, direction: "out", backend: "sysfs" }));
  holder.kill("SIGTERM");
  await once(holder, "exit");
}

const survey = await surveyBackends("/", clock);
found(
  "ways",
  survey.map(({ backend, usable, why }) => ({ backend, usable, why })),
);
found("chips", await Promise.all(survey.map(async ({ backend, lines }) => ({ backend, chips: await lines?.chips() }))));
found("gpioinfo", execFileSync("gpioinfo", { encoding: "utf8" }));
for (const backend of ["chardev", "sysfs", "sysfs-polled"] as const) await input(backend);
for (const backend of ["chardev", "sysfs"] as const) {
  await output(backend);
  await guardianKilled(backend);
}
const door: GuestOptions = { chip: label, line: 1, direction: "in", role: "door" };
found("unknown chip", await failure({ ...door, chip: "gpio-mockup-Z" }));
found("number of sysfs", await failure({ ...door, chip: "gpiochip508" }));
found("unknown line", await failure({ ...door, line: 8 }));
found("unknown name", await failure({ ...door, line: "DOOR" }));
await busyLine();
const named = new GuestContext({ ...door, line: `${label}-2`, activeLow: true });
pull(2, false);
const session = open(named.context);
await until(8_000, () => named.levels().length > 0);
found("named line, active low", named.levels());
named.abort();
await session.done;
found("over", true);
process.exit(0);
