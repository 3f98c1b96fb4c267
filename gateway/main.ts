import { Command, CommanderError } from "commander";
import type { DoctorOptions } from "./commands/doctor.ts";
import type { ProbeCommandOptions } from "./commands/probe.ts";
import type { ReplayCommandOptions } from "./commands/replay.ts";
import type { StartOptions } from "./commands/start.ts";
import { tellError } from "./commands/tell.ts";
import type { VerifyCommandOptions } from "./commands/verify.ts";
import { version } from "./commands/version.ts";

const config = ["--config <file>", "the configuration file"] as const;
const json = ["--json", "print one JSON document on standard output"] as const;

/**
 * The command line. Each command is a file of its own, loaded when it is asked for. Exit codes: 0 fine, 1 failed, 2 bad
 * usage or bad configuration.
 */
export async function main(args: readonly string[]): Promise<number> {
  let code = 0;
  const program = new Command("zhian")
    .description("Edge gateway for safe communities: from field devices to the city platform, without loss.")
    .version(version())
    .exitOverride()
    .showHelpAfterError("Add --help to see what can be said here.")
    .addHelpText("after", "\nExit codes: 0 fine, 1 failed, 2 bad usage or bad configuration.");

  program
    .command("run")
    .description("run the gateway until SIGTERM or SIGINT; SIGHUP reads the configuration again")
    .requiredOption(...config)
    .action(async (options: { config: string }) => {
      code = await (await import("./commands/run.ts")).run(options);
    });

  program
    .command("start")
    .description("like run with --config, else the built-in demo site with simulated devices and a simulated city")
    .option(...config)
    .option("--scenario <name>", "which story the demo tells")
    .option("--list", "list the stories instead")
    .option("--once", "end the demo when its story is told")
    .option("--json", "tell the demo in JSON lines")
    .action(async (options: StartOptions) => {
      code = await (await import("./commands/start.ts")).start(options);
    });

  program
    .command("check")
    .description("check a configuration with all that it refers to, and list every mistake with its place")
    .argument("<file>", "the configuration file")
    .option(...json)
    .action(async (file: string, options: { json?: boolean }) => {
      code = (await import("./commands/check.ts")).check(file, options);
    });

  program
    .command("doctor")
    .description("look at the machine, and at what a configuration needs of it, and say what to do")
    .option(...config)
    .option(...json)
    .action(async (options: DoctorOptions) => {
      code = await (await import("./commands/doctor.ts")).doctor(options);
    });

  program
    .command("schema")
    .description("print the JSON Schema of the configuration, for editors")
    .option("--commands", "of the city's commands instead, by name")
    .option("--messages", "of every message to and from the city instead, by name")
    .action(async (options: { commands?: boolean; messages?: boolean }) => {
      code = (await import("./commands/schema.ts")).schema(options);
    });

  program
    .command("verify")
    .description("check the alarm log from the beginning of its hash chain to its head, also while the gateway runs")
    .requiredOption(...config)
    .option("--head <hex>", "a chain head that the city kept: is it in the chain?")
    .option(...json)
    .action(async (options: VerifyCommandOptions) => {
      code = (await import("./commands/verify.ts")).verify(options);
    });

  program
    .command("replay")
    .description(
      "run the recorded observations against the rules of a configuration, and compare with what was raised live",
    )
    .requiredOption(...config)
    .option("--within <duration>", "alarms of one rule and subject are one when raised within this time", "10m")
    .option(...json)
    .action(async (options: ReplayCommandOptions) => {
      code = (await import("./commands/replay.ts")).replay(options);
    });

  program
    .command("probe")
    .description("read a Modbus slave live, raw and as its profile has it, or search for slaves; never writes")
    .option("--line <path>", "the serial port, or with --config the id of a line")
    .option("--baud <rate>", "its baud rate", "9600")
    .option("--parity <parity>", "none, even or odd", "none")
    .option("--stop <bits>", "stop bits, 1 or 2", "1")
    .option("--host <address>", "instead of a line: the address of a Modbus TCP device or gateway")
    .option("--port <port>", "its TCP port", "502")
    .option("--unit <number>", "unit number of the slave")
    .option("--profile <name>", "built-in profile or path of one, by which its registers are read")
    .option("--function <number>", "read raw instead: 1 coils, 2 discrete inputs, 3 holding, 4 input registers")
    .option("--address <number>", "from this address on", "0")
    .option("--count <number>", "so many", "10")
    .option("--config <file>", "a configuration, for --device, and to name what a scan finds")
    .option("--device <id>", "a device of the configuration, with its line, unit and profile")
    .option("--scan [units]", "search for slaves instead: all units, or such as 1-32")
    .option("--timeout <duration>", "how long to wait for each answer")
    .option("--watch", "go on reading until Ctrl-C")
    .option(...json)
    .action(async (options: ProbeCommandOptions) => {
      code = await (await import("./commands/probe.ts")).probe(options);
    });

  program
    .command("user")
    .description("the people who may sign in at the console")
    .command("add")
    .description("add a person, also while the gateway runs; the password is asked for, or read from standard input")
    .argument("<name>")
    .requiredOption("--role <role>", "guard, manager, installer, admin or auditor")
    .requiredOption(...config)
    .option(...json)
    .action(async (name: string, options: { role: string; config: string; json?: boolean }) => {
      code = await (await import("./commands/user-add.ts")).userAdd(name, options);
    });

  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    tellError(error);
    return 1;
  }
}

/** Runs the command of this process and ends it: no socket or timer left over may keep it alive. */
export async function runProcess(): Promise<never> {
  // A reader that has seen enough (`zhian schema | head`) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const code = await main(process.argv.slice(2));
  await new Promise((done) => process.stdout.write("", done));
  process.exit(code);
}

if (import.meta.main) await runProcess();
