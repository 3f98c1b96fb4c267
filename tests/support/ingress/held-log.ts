import type { Appended, NewObservation, ObservationLog } from "../../../gateway/ports/logs.ts";

interface Commit {
  readonly batch: readonly NewObservation[];
  readonly resolve: (results: Appended[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A log whose commits end when the test says so: by hand, at once, or never. What is in `stored` is durable. */
export class HeldLog implements Pick<ObservationLog, "append"> {
  readonly stored: NewObservation[] = [];
  readonly pending: Commit[] = [];
  /** `hold`: until `commit` or `fail`. */
  mode: "hold" | "commit" | "fail" = "hold";
  failWith: unknown = new Error("the disk is full");
  appends = 0;
  readonly #keys = new Set<string>();

  append(batch: readonly NewObservation[]): Promise<readonly Appended[]> {
    this.appends += 1;
    return new Promise((resolve, reject) => {
      const commit = { batch, resolve, reject };
      if (this.mode === "commit") this.#store(commit);
      else if (this.mode === "fail") reject(this.failWith);
      else this.pending.push(commit);
    });
  }

  /** Ends the oldest held commit, or the one at `index`. */
  commit(index = 0): void {
    for (const commit of this.pending.splice(index, 1)) this.#store(commit);
  }

  fail(index = 0): void {
    for (const commit of this.pending.splice(index, 1)) commit.reject(this.failWith);
  }

  /** As short texts: the device and what was stored of it. */
  kinds(): string[] {
    return this.stored.map(({ deviceId, draft }) => {
      if (draft.kind === "device.offline") return `${deviceId} offline ${draft.body.reason}`;
      if (draft.kind === "device.fault") return `${deviceId} fault ${draft.body.code} ${draft.body.active}`;
      return `${deviceId} ${draft.kind.replace("device.", "")}`;
    });
  }

  #store({ batch, resolve }: Commit): void {
    resolve(
      batch.map((item) => {
        const key = item.draft.dedupKey === undefined ? undefined : `${item.deviceId}\n${item.draft.dedupKey}`;
        if (key !== undefined && this.#keys.has(key)) return { seq: 0, duplicate: true };
        if (key !== undefined) this.#keys.add(key);
        return { seq: this.stored.push(item), duplicate: false };
      }),
    );
  }
}
