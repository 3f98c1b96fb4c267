import type { CommandOffer, CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import type { Exchange, ModbusLine } from "../../gateway/ports/driver.ts";
import { durationMs } from "./duration.ts";
import { type Profile, type ProfileCommand, profileSchema } from "./profile.ts";

const titles: Readonly<Record<string, { readonly zh: string; readonly en: string }>> = {
  silence: { zh: "消音", en: "Silence" },
  test: { zh: "自检", en: "Self-test" },
  reset: { zh: "复位", en: "Reset" },
};

/** What the profile allows to be written. Each is taken to move something: nobody but its author knows what. */
export function offersOf(_options: unknown, profile: unknown): readonly CommandOffer[] {
  const parsed = profileSchema.safeParse(profile);
  if (!parsed.success) return [];
  return Object.entries(parsed.data.commands).map(([name, { title }]) => ({
    name,
    title: title ?? titles[name] ?? { zh: name, en: name },
    actuates: true,
  }));
}

/** Carries one out, by a write that the slave has to confirm itself. */
export async function carryOut(
  command: DeviceCommand,
  profile: Profile,
  line: ModbusLine,
  unit: number,
): Promise<CommandOutcome> {
  const wanted = Object.hasOwn(profile.commands, command.name) ? profile.commands[command.name] : undefined;
  if (wanted === undefined)
    return { ok: false, why: "unsupported", detail: `the profile has no command ${command.name}` };
  const [argument] = Object.keys(command.args);
  if (argument !== undefined)
    return { ok: false, why: "unsupported", detail: `${command.name} takes no argument, found ${argument}` };
  return outcomeOf(await write(wanted, line, unit, durationMs(profile.answerWithin)));
}

function write({ coil, register, value }: ProfileCommand, line: ModbusLine, unit: number, timeoutMs: number) {
  const expect = { timeoutMs, urgent: true };
  return coil === undefined
    ? line.writeRegister(unit, register ?? 0, Number(value), expect)
    : line.writeCoil(unit, coil, value === true, expect);
}

function outcomeOf(exchange: Exchange): CommandOutcome {
  if (exchange.ok) return { ok: true, confirmed: true };
  const { why, detail } = exchange;
  if (why === "exception") return { ok: false, why: "refused", detail };
  if (why === "lost") return { ok: false, why: "not-connected", detail };
  return { ok: false, why: "no-answer", detail: `${detail}; it may have been carried out` };
}
