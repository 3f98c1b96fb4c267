/** How an input behaves: an edge more often than any contact makes, or changes that no door makes. */
export interface Chatter {
  readonly chattering: boolean;
  /** Times of the newest edges and changes, ms, as many as the limits need. */
  readonly edges: readonly number[];
  readonly changes: readonly number[];
}

export interface ChatterLimits {
  /** Edges a second, over two seconds: a contact that bounces is through with it in a tenth of one. */
  readonly edgesPerSecond: number;
}

export const calm: Chatter = { chattering: false, edges: [], changes: [] };

const edgeWindowMs = 2_000;
const changeWindowMs = 10_000;
/** Debounced changes within that: one every half second, on and on. */
const changesInWindow = 20;
/** It is over when there was no edge for so long. */
const quietMs = 10_000;

/** An edge came in at `at`; `changed` where it settled a debounced change. */
export function heard(state: Chatter, at: number, { edgesPerSecond }: ChatterLimits): Chatter {
  const most = Math.ceil((edgesPerSecond * edgeWindowMs) / 1000);
  const edges = [...state.edges, at].slice(-most);
  const tooMany = edges.length === most && at - (edges[0] ?? at) < edgeWindowMs;
  return { ...state, edges, chattering: state.chattering || tooMany };
}

/** The debounced level changed at `at`. */
export function changed(state: Chatter, at: number): Chatter {
  const changes = [...state.changes, at].slice(-changesInWindow);
  const tooMany = changes.length === changesInWindow && at - (changes[0] ?? at) < changeWindowMs;
  return { ...state, changes, chattering: state.chattering || tooMany };
}

/** Time has come to `at`. */
export function calmed(state: Chatter, at: number): Chatter {
  const last = state.edges.at(-1) ?? Number.NEGATIVE_INFINITY;
  return state.chattering && at - last >= quietMs ? calm : state;
}

/** When to look again whether it is over; absent where it does not chatter. */
export function quietAt({ chattering, edges }: Chatter): number | undefined {
  return chattering ? (edges.at(-1) ?? 0) + quietMs : undefined;
}
