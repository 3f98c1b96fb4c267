/** Where the sum of squares is least, as far as the search came. */
export interface Minimum {
  readonly at: readonly number[];
  /** Half the sum of squares. */
  readonly cost: number;
  /** Covariance of the parameters, row by row, in units of the residuals' variance. */
  readonly covariance: readonly (readonly number[])[];
  /** ln of the determinant of the covariance. */
  readonly logDeterminant: number;
}

/**
 * Levenberg and Marquardt's search from `start` with differences as derivatives; at most `rounds` of it. Absent where the
 * residuals are no numbers or do not determine the parameters. The residuals of a prior belong to the others.
 */
export function leastSquares(
  residuals: (at: readonly number[]) => readonly number[],
  start: readonly number[],
  steps: readonly number[],
  rounds: number,
): Minimum | undefined {
  let at = start;
  let now = residuals(at);
  let cost = half(now);
  let damping = 1e-2;
  let normal = normalEquations(residuals, at, now, steps);
  for (let round = 0; round < rounds; round += 1) {
    const damped = normal.matrix.map((row, i) => row.map((value, j) => (i === j ? value * (1 + damping) : value)));
    const factor = cholesky(damped);
    const move = factor === undefined ? undefined : solve(factor, normal.gradient);
    if (move === undefined) return undefined;
    const next = at.map((value, i) => value - (move[i] ?? 0));
    const there = residuals(next);
    const nextCost = half(there);
    if (nextCost <= cost) {
      const settled = cost - nextCost < 1e-6 * (1 + cost);
      [at, now, cost] = [next, there, nextCost];
      damping = Math.max(damping / 8, 1e-9);
      normal = normalEquations(residuals, at, now, steps);
      if (settled) break;
    } else {
      damping *= 6;
      if (damping > 1e8) break;
    }
  }
  const factor = cholesky(normal.matrix);
  if (factor === undefined || !Number.isFinite(cost)) return undefined;
  const unit = (i: number) => at.map((_, j) => (i === j ? 1 : 0));
  return {
    at,
    cost,
    covariance: at.map((_, i) => solve(factor, unit(i))),
    logDeterminant: -2 * factor.reduce((sum, row, i) => sum + Math.log(row[i] ?? 1), 0),
  };
}

function half(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value * value, 0) / 2;
}

function normalEquations(
  residuals: (at: readonly number[]) => readonly number[],
  at: readonly number[],
  now: readonly number[],
  steps: readonly number[],
): { matrix: number[][]; gradient: number[] } {
  const columns = at.map((value, i) => {
    const step = steps[i] ?? 1e-4;
    const moved = residuals(at.map((each, j) => (i === j ? value + step : each)));
    return moved.map((value, k) => (value - (now[k] ?? 0)) / step);
  });
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);
  return {
    matrix: columns.map((a) => columns.map((b) => dot(a, b))),
    gradient: columns.map((column) => dot(column, now)),
  };
}

/** Lower triangle L with L·Lᵀ = the matrix; absent where it is not positive definite. */
function cholesky(matrix: readonly (readonly number[])[]): number[][] | undefined {
  const lower = matrix.map((row) => row.map(() => 0));
  for (const [i, row] of lower.entries()) {
    for (let j = 0; j <= i; j += 1) {
      const other = lower[j] ?? [];
      let rest = matrix[i]?.[j] ?? 0;
      for (let k = 0; k < j; k += 1) rest -= (row[k] ?? 0) * (other[k] ?? 0);
      if (i === j) {
        if (!(rest > 1e-30)) return undefined;
        row[j] = Math.sqrt(rest);
      } else row[j] = rest / (other[j] ?? 1);
    }
  }
  return lower;
}

function solve(lower: readonly (readonly number[])[], right: readonly number[]): number[] {
  const forth: number[] = [];
  for (const [i, row] of lower.entries()) {
    const rest = forth.reduce((sum, value, k) => sum - (row[k] ?? 0) * value, right[i] ?? 0);
    forth.push(rest / (row[i] ?? 1));
  }
  const back = forth.slice();
  for (let i = back.length - 1; i >= 0; i -= 1) {
    let rest = forth[i] ?? 0;
    for (let k = i + 1; k < back.length; k += 1) rest -= (lower[k]?.[i] ?? 0) * (back[k] ?? 0);
    back[i] = rest / (lower[i]?.[i] ?? 1);
  }
  return back;
}
