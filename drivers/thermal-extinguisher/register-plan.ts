import type { Profile, Register } from "./profile.ts";

/** One request of a poll. */
export interface Batch {
  readonly function: Register["function"];
  readonly address: number;
  readonly count: number;
  readonly registers: readonly Register[];
}

/** MODBUS application protocol V1.1b3, §6.1 and §6.3. */
const mostBits = 2000;
const mostRegisters = 125;

/** How many registers, coils or inputs a value takes on the wire. */
export function sizeOf({ function: fn, type, bits }: Register): number {
  if (fn <= 2) return Math.max(...Object.keys(bits ?? {}).map(Number), 0) + 1;
  return type.endsWith("32") ? 2 : 1;
}

/** The fewest requests that read all registers: neighbours of one function in one, across gaps up to `maxGap`. */
export function planOf({ registers, maxGap }: Pick<Profile, "registers" | "maxGap">): readonly Batch[] {
  const batches: Batch[] = [];
  const ordered = [...registers].sort((a, b) => a.function - b.function || a.address - b.address);
  for (const register of ordered) {
    const last = batches.at(-1);
    const end = register.address + sizeOf(register);
    const most = register.function <= 2 ? mostBits : mostRegisters;
    if (
      last !== undefined &&
      last.function === register.function &&
      register.address - (last.address + last.count) <= maxGap &&
      end - last.address <= most
    ) {
      const count = Math.max(last.count, end - last.address);
      batches[batches.length - 1] = { ...last, count, registers: [...last.registers, register] };
    } else {
      const { function: fn, address } = register;
      batches.push({ function: fn, address, count: end - address, registers: [register] });
    }
  }
  return batches;
}
