import type { AlarmId } from "../../gateway/domain/ids.ts";
import type { Push, PushLog, PushOutcome, PushTry, Telling } from "../../gateway/ports/logs.ts";

/** A push log in memory that outlives those who write to it, as the file does. */
export class MemoryPushLog implements PushLog {
  readonly pushes = new Map<string, { push: Push; tries: PushTry[]; outcome?: PushOutcome }>();
  readonly #tellings = new Map<AlarmId, Telling>();
  /** Set to make every write fail with it. */
  refuse: Error | undefined;

  record({ tellings = [], pushes = [] }: Parameters<PushLog["record"]>[0]): void {
    this.#write();
    for (const telling of tellings) this.#tellings.set(telling.alarmId, telling);
    for (const push of pushes) this.pushes.set(push.id, { tries: [], ...this.pushes.get(push.id), push });
  }

  tried(pushId: string, attempt: PushTry): void {
    this.#write();
    this.pushes.get(pushId)?.tries.push(attempt);
  }

  settle(pushId: string, outcome: PushOutcome, _at: number, tellings: readonly Telling[] = []): void {
    this.#write();
    const entry = this.pushes.get(pushId);
    if (entry !== undefined) entry.outcome = outcome;
    for (const telling of tellings) this.#tellings.set(telling.alarmId, telling);
  }

  forget(alarmId: AlarmId): void {
    this.#write();
    this.#tellings.delete(alarmId);
  }

  tellings(): readonly Telling[] {
    return [...this.#tellings.values()];
  }

  unsettled(): readonly { readonly push: Push; readonly tries: readonly PushTry[] }[] {
    return [...this.pushes.values()]
      .filter(({ outcome }) => outcome === undefined)
      .map(({ push, tries }) => ({ push, tries: [...tries] }));
  }

  firstTierSince(at: number): readonly Push[] {
    return [...this.pushes.values()].flatMap(({ push }) => (push.tier === 1 && push.due > at ? [push] : []));
  }

  #write(): void {
    if (this.refuse !== undefined) throw this.refuse;
  }
}
