import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import { ConditionBoard } from "./condition-board.ts";
import { VariableBoard } from "./variable-board.ts";

/** What was told of a server, beyond the life of one session. */
export class Memory {
  variables = new VariableBoard();
  conditions = new ConditionBoard();
  /** By code: what makes it active, "" when it is not. */
  readonly #faults = new Map<string, string>();

  /** What was told is not known any more: everything is told again as the server has it. */
  forget(): void {
    this.variables = new VariableBoard();
    this.conditions = new ConditionBoard();
    this.#faults.clear();
  }

  /**
   * A fault that stands while `cause` is not empty; told when that changes. Nothing is known of it at first: `stands` then says
   * whether it was told before. Without it that is not yet to be judged.
   */
  fault(code: string, cause: string, stands?: (code: string) => boolean): readonly ObservationDraft[] {
    const known = this.#faults.get(code);
    if (known === cause || (known === undefined && cause === "" && stands === undefined)) return [];
    this.#faults.set(code, cause);
    if (known === undefined && cause === "" && stands?.(code) !== true) return [];
    const active = cause !== "";
    const detail = active ? { detail: cause.slice(0, 500) } : {};
    return [{ kind: "device.fault", body: { code, active, ...detail } }];
  }
}

const memories = new WeakMap<object, Memory>();

/** That of a device, by its options: they are the same object for every session, until the configuration changes. */
export function memoryOf(options: object): Memory {
  const memory = memories.get(options) ?? new Memory();
  memories.set(options, memory);
  return memory;
}
