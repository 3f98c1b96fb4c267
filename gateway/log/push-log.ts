import type { AlarmId } from "../domain/ids.ts";
import type { Push, PushLog, PushOutcome, PushTry, Telling } from "../ports/logs.ts";
import type { Commits } from "./commits.ts";
import type { Database } from "./database.ts";

interface Text {
  readonly json: string;
}

/** Pushes, their tries and how far each alarm was told, in the file of the logs and as durable as an alarm. */
export class SqlitePushLog implements PushLog {
  readonly #db: Database;
  readonly #commits: Commits;
  readonly #sql;

  constructor(db: Database, commits: Commits) {
    this.#db = db;
    this.#commits = commits;
    this.#sql = statements(db);
  }

  record({ tellings = [], pushes = [] }: Parameters<PushLog["record"]>[0]): void {
    this.#commits.vital(() => {
      this.#tell(tellings);
      for (const push of pushes) {
        this.#sql.push.run(push.id, push.at, push.due, push.tier, JSON.stringify(push));
      }
    });
  }

  tried(pushId: string, attempt: PushTry): void {
    this.#commits.vital(() => this.#sql.tried.run(pushId, JSON.stringify(attempt)));
  }

  settle(pushId: string, outcome: PushOutcome, at: number, tellings: readonly Telling[] = []): void {
    this.#commits.vital(() => {
      this.#sql.settle.run(outcome, at, pushId);
      this.#tell(tellings);
    });
  }

  forget(alarmId: AlarmId): void {
    this.#commits.vital(() => this.#sql.forget.run(alarmId));
  }

  tellings(): readonly Telling[] {
    return this.#sql.tellings.all().map(({ json }) => this.#parsed<Telling>(json));
  }

  unsettled(): readonly { readonly push: Push; readonly tries: readonly PushTry[] }[] {
    return this.#sql.unsettled.all().map(({ json }) => {
      const push = this.#parsed<Push>(json);
      return { push, tries: this.#sql.tries.all(push.id).map((row) => this.#parsed<PushTry>(row.json)) };
    });
  }

  firstTierSince(at: number): readonly Push[] {
    return this.#sql.firstTier.all(at).map(({ json }) => this.#parsed<Push>(json));
  }

  #tell(tellings: readonly Telling[]): void {
    for (const telling of tellings) this.#sql.tell.run(telling.alarmId, JSON.stringify(telling));
  }

  /** What this class wrote itself; anything else is damage. */
  #parsed<T>(json: string): T {
    try {
      return JSON.parse(json) as T;
    } catch {
      throw this.#db.damaged("a row of the push log");
    }
  }
}

function statements(db: Database) {
  return {
    push: db.prepare<[string, number, number, number, string], never>(
      `INSERT INTO pushes (id, at, due, tier, json) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET due = excluded.due, json = excluded.json`,
    ),
    tried: db.prepare<[string, string], never>("INSERT INTO push_tries (push_id, json) VALUES (?, ?)"),
    settle: db.prepare<[string, number, string], never>("UPDATE pushes SET outcome = ?, settled_at = ? WHERE id = ?"),
    tell: db.prepare<[string, string], never>(
      "INSERT INTO tellings (alarm_id, json) VALUES (?, ?) ON CONFLICT (alarm_id) DO UPDATE SET json = excluded.json",
    ),
    forget: db.prepare<[string], never>("DELETE FROM tellings WHERE alarm_id = ?"),
    tellings: db.prepare<[], Text>("SELECT json FROM tellings ORDER BY alarm_id"),
    unsettled: db.prepare<[], Text>("SELECT json FROM pushes WHERE outcome IS NULL ORDER BY seq"),
    tries: db.prepare<[string], Text>("SELECT json FROM push_tries WHERE push_id = ? ORDER BY seq"),
    firstTier: db.prepare<[number], Text>("SELECT json FROM pushes WHERE tier = 1 AND due > ? ORDER BY seq"),
  };
}
