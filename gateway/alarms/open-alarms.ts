import type { Alarm } from "../domain/alarm.ts";

/** Open alarms by id and by (rule, subject); the newest of a subject is found first. */
export class OpenAlarms {
  readonly #base: OpenAlarms | undefined;
  readonly #byId = new Map<string, Alarm | undefined>();
  readonly #bySubject = new Map<string, string>();
  #count: number;

  constructor(alarms: readonly Alarm[], base?: OpenAlarms) {
    this.#base = base;
    this.#count = base?.size ?? 0;
    for (const alarm of alarms) this.put(alarm);
  }

  get size(): number {
    return this.#count;
  }

  get(id: string): Alarm | undefined {
    return this.#byId.has(id) ? this.#byId.get(id) : this.#base?.get(id);
  }

  find(rule: string, subject: string): Alarm | undefined {
    const id = this.#bySubject.get(`${rule}\n${subject}`);
    const own = id === undefined ? undefined : this.get(id);
    if (own !== undefined) return own;
    const older = this.#base?.find(rule, subject);
    return older === undefined ? undefined : this.get(older.id);
  }

  put(alarm: Alarm): void {
    const had = this.get(alarm.id) !== undefined;
    const has = alarm.state !== "closed";
    if (has) {
      this.#byId.set(alarm.id, alarm);
      this.#bySubject.set(`${alarm.rule}\n${alarm.subject}`, alarm.id);
    } else if (this.#base === undefined) {
      this.#byId.delete(alarm.id);
      this.#forget(alarm);
    } else {
      this.#byId.set(alarm.id, undefined);
    }
    this.#count += Number(has) - Number(had);
  }

  all(): Alarm[] {
    const merged = new Map(this.#base?.all().map((alarm) => [alarm.id as string, alarm]));
    for (const [id, alarm] of this.#byId) {
      if (alarm === undefined) merged.delete(id);
      else merged.set(id, alarm);
    }
    return [...merged.values()];
  }

  /** A copy to try a batch on; what is put into it does not touch this one. */
  draft(): OpenAlarms {
    return new OpenAlarms([], this);
  }

  #forget(alarm: Alarm): void {
    const key = `${alarm.rule}\n${alarm.subject}`;
    if (this.#bySubject.get(key) === alarm.id) this.#bySubject.delete(key);
  }
}
