import type { Statement } from "./database.ts";
import type { Range } from "./gaps.ts";

const rowsPerRead = 200;
/** No log gets this long. */
const beyond = 2 ** 40;

/**
 * The rows of a damaged table, in order. A damaged page makes all reads fail that touch it; the first number behind it is
 * found by doubling the step and then halving it. For the numbers in between `rescue` is asked.
 */
export function* readableRows<R extends { readonly seq: number }>(
  read: Statement<[number, number], R>,
  after: number,
  rescue: (range: Range) => Iterable<R>,
): Generator<R> {
  let place = after;
  let limit = rowsPerRead;
  for (;;) {
    const rows = attempt(() => read.all(place, limit));
    if (rows === undefined && limit > 1) {
      limit = 1;
    } else if (rows === undefined) {
      const behind = firstReadable(read, place);
      yield* rescue({ from: place + 1, to: behind });
      if (behind === Number.POSITIVE_INFINITY) return;
      place = behind;
      limit = rowsPerRead;
    } else {
      const last = rows.at(-1);
      if (last === undefined) return;
      yield* rows;
      place = last.seq;
    }
  }
}

/** The smallest number after which there is a row that can be read; infinite where there is none. */
function firstReadable<R>(read: Statement<[number, number], R>, place: number): number {
  const works = (from: number): boolean => attempt(() => read.all(from, 1)) !== undefined;
  let step = 1;
  while (!works(place + step)) {
    step *= 2;
    if (step > beyond) return Number.POSITIVE_INFINITY;
  }
  let fails = place + Math.floor(step / 2);
  let reads = place + step;
  while (reads - fails > 1) {
    const middle = Math.floor((reads + fails) / 2);
    if (works(middle)) reads = middle;
    else fails = middle;
  }
  return read.all(reads, 1).length === 0 ? Number.POSITIVE_INFINITY : reads;
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
