/** Standard gravity, m/s². */
const g = 9.80665;

/** Terminal speeds in still air, m/s: √(2mg/ρCdA) of everyday things. */
export const terminalSpeed = {
  brick: 48,
  "flower-pot": 50,
  "full-bottle": 33,
  "glass-bottle": 27,
  apple: 38,
  "rubbish-bag": 24,
  "takeaway-box": 19,
  "empty-bottle": 6.2,
  "cigarette-butt": 6.4,
  shirt: 3.7,
} as const;
export type Thing = keyof typeof terminalSpeed;
export const things = Object.keys(terminalSpeed) as [Thing, ...Thing[]];

/** Seconds to fall `metres` from rest against the drag of air: (Vt/g)·acosh(exp(g·h/Vt²)). */
export function fallSeconds(metres: number, terminal: number): number {
  return (terminal / g) * Math.acosh(Math.exp((g * metres) / terminal ** 2));
}

/** Metres fallen from rest after `seconds`: (Vt²/g)·ln cosh(g·t/Vt). */
export function fallenMetres(seconds: number, terminal: number): number {
  return (terminal ** 2 / g) * Math.log(Math.cosh((g * seconds) / terminal));
}

/** Height of a window's throw above the ground: storeys of 3 m, released 1 m above the floor. */
export function releaseHeight(floor: number): number {
  return 3 * (floor - 1) + 1;
}

/** The part of the facade that a camera sees, m above the ground. */
export interface View {
  readonly fromM: number;
  readonly toM: number;
}

/** When a fall is in view, seconds after the release; absent when it never is. A camera needs a metre to see a track. */
export function seenDuring(floor: number, thing: Thing, view: View): { from: number; to: number } | undefined {
  const height = releaseHeight(floor);
  const terminal = terminalSpeed[thing];
  const top = Math.min(view.toM, height - 1);
  const bottom = Math.max(view.fromM, 0);
  if (top <= bottom) return undefined;
  return { from: fallSeconds(height - top, terminal), to: fallSeconds(height - bottom, terminal) };
}
