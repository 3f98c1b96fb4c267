/** Standard gravity, m/s². */
const g = 9.80665;

/**
 * Metres that a body has fallen after `seconds`, against drag that grows with the square of its speed. `initial` is its speed
 * downwards at the release, m/s, negative where it was thrown up; `terminal` its terminal speed, m/s. Closed form, see
 * docs/throw-physics.md.
 */
export function fallen(seconds: number, initial: number, terminal: number): number {
  const length = terminal ** 2 / g;
  const x = (g * seconds) / terminal;
  if (initial >= 0) {
    // What is thrown down faster than it can fall is slowed within metres: it counts as thrown at nearly that speed.
    const start = Math.atanh(Math.min(initial / terminal, 0.95));
    return length * (lnCosh(x + start) - lnCosh(start));
  }
  const start = Math.atan(-initial / terminal);
  const rise = -length * Math.log(Math.cos(start));
  if (x < start) return -rise - length * Math.log(Math.cos(start - x));
  return length * lnCosh(x - start) - rise;
}

/** Metres that it has moved out from the wall with `initial` speed, m/s, while it falls: u·(Vt/g)·gd(g·t/Vt). */
export function carried(seconds: number, initial: number, terminal: number): number {
  return initial * (terminal / g) * 2 * Math.atan(Math.tanh((g * seconds) / terminal / 2));
}

/** ln cosh x, where cosh x itself is beyond all numbers. */
function lnCosh(x: number): number {
  const size = Math.abs(x);
  return size + Math.log1p(Math.exp(-2 * size)) - Math.LN2;
}
