import type { Statement } from "./database.ts";
import type { Range } from "./gaps.ts";

const rowsPerRead = 200;
/** No log gets this long. */
const beyond = 2 ** 40;

/**
 * The rows of a damaged table, in order. A damaged page makes all reads fail that touch it, or gives rows that are none,
 * with any number: nothing is believed of a row that is not `sound`. The first sound row behind the damage is found by
 * doubling the step and then halving it. For the numbers in between `rescue` is asked.
 */
export function* readableRows<R extends { readonly seq: number }>(
  read: Statement<[number, number], R>,
  after: number,
  sound: (row: R) => boolean,
  rescue: (range: Range) => Iterable<R>,
): Generator<R> {
  let place = after;
  let limit = rowsPerRead;
  for (;;) {
    const rows = attempt(() => read.all(place, limit));
    if (rows?.length === 0) return;
    let damaged = rows === undefined;
    for (const row of rows ?? []) {
      damaged = row.seq <= place || !sound(row);
      if (damaged) break;
      // Near damage a search in a page may pass over rows without a word.
      if (limit === 1 && row.seq > place + 1) yield* rescue({ from: place + 1, to: row.seq - 1 });
      yield row;
      place = row.seq;
    }
    if (!damaged) continue;
    if (rows === undefined && limit > 1) {
      limit = 1;
      continue;
    }
    const next = firstSound(read, place, sound);
    yield* rescue({ from: place + 1, to: next === undefined ? Number.POSITIVE_INFINITY : next.seq - 1 });
    if (next === undefined) return;
    yield next;
    place = next.seq;
    limit = rowsPerRead;
  }
}

/** The first sound row behind the damage that follows on `place`; absent where there is none. */
function firstSound<R extends { readonly seq: number }>(
  read: Statement<[number, number], R>,
  place: number,
  sound: (row: R) => boolean,
): R | undefined {
  const at = (from: number): R | "end" | undefined => {
    const rows = attempt(() => read.all(from, 1));
    if (rows === undefined) return undefined;
    const [row] = rows;
    if (row === undefined) return "end";
    return row.seq > from && sound(row) ? row : undefined;
  };
  let step = 1;
  while (at(place + step) === undefined) {
    step *= 2;
    if (step > beyond) return undefined;
  }
  let fails = place + Math.floor(step / 2);
  let reads = place + step;
  while (reads - fails > 1) {
    const middle = Math.floor((reads + fails) / 2);
    if (at(middle) !== undefined) reads = middle;
    else fails = middle;
  }
  const found = at(reads);
  return found === "end" ? undefined : found;
}

/** A damaged page can look like anything to the engine, even like a mistake in the SQL. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return undefined;
  }
}
