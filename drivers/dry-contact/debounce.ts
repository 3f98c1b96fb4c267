/** What a debounced input knows. Absent: not known yet, which is not the same as inactive. */
export interface Debounce {
  /** The level that was last reported. */
  readonly stable?: boolean;
  readonly raw?: boolean;
  /** Since when the raw level has been held, ms. */
  readonly since: number;
}

/** A level that was held long enough to be believed. */
export interface Change {
  readonly level: boolean;
  /** When it began. */
  readonly at: number;
}

export interface Debounced {
  readonly state: Debounce;
  readonly change?: Change;
  /** The level before this edge was given up without a report. */
  readonly bounced: boolean;
}

export const unknownLevel: Debounce = { since: 0 };

/**
 * An edge to `level` at `at`, in order of time. A level that was held for `holdMs` is a change, also where nobody looked
 * meanwhile; one that was held for less never is. An edge to the level that is already there means that the other one was
 * there in between, so that the hold begins anew.
 */
export function edge(state: Debounce, level: boolean, at: number, holdMs: number): Debounced {
  const before = settle(state, at, holdMs);
  const bounced = before.change === undefined && state.raw !== undefined && state.raw !== state.stable;
  return { ...before, bounced, state: { ...before.state, raw: level, since: at } };
}

/** The level as it was read at `at`: unlike an edge it says nothing of what was in between. */
export function reading(state: Debounce, level: boolean, at: number, holdMs: number): Debounced {
  return state.raw === level ? settle(state, at, holdMs) : edge(state, level, at, holdMs);
}

/** Time has come to `at` and there was no edge. */
export function settle(state: Debounce, at: number, holdMs: number): Debounced {
  const { raw, stable, since } = state;
  if (raw === undefined || raw === stable || at - since < holdMs) return { state, bounced: false };
  return { state: { ...state, stable: raw }, change: { level: raw, at: since }, bounced: false };
}

/** When the level as it stands becomes a change if nothing comes in between; absent where none is due. */
export function dueAt({ raw, stable, since }: Debounce, holdMs: number): number | undefined {
  return raw === undefined || raw === stable ? undefined : since + holdMs;
}
