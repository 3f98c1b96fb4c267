/** Standard gravity, m/s². */
const g = 9.80665;
/** Step of the integration, s: at 50 m/s a body moves a quarter of a metre in it. */
const step = 0.005;

/** Metres: along the facade to the right, out from it towards the camera, and up from the ground. */
export interface Position {
  readonly along: number;
  readonly out: number;
  readonly up: number;
}

export interface Release {
  /** Height above the ground, m. */
  readonly height: number;
  /** Place along the facade, m to the right of the camera. */
  readonly along?: number;
  /** Velocity at the release, m/s: out from the facade, along it, upwards. */
  readonly velocity?: Position;
  /** Velocity of the air, m/s. */
  readonly wind?: Position;
  /** Terminal speed in still air, m/s: it holds all that mass, area and shape do. */
  readonly terminal: number;
}

export interface Flight {
  /** When it reaches the ground, s after the release. */
  readonly seconds: number;
  /** Where it is, s after the release; on the ground from then on. */
  at(seconds: number): Position;
}

const still: Position = { along: 0, out: 0, up: 0 };

/**
 * A body that falls through air which pulls at it with the square of its speed relative to the air, along and across:
 * dv/dt = g − (g/Vt²)·|v − w|·(v − w). Integrated by Runge and Kutta's fourth order, at most two minutes long.
 */
export function flight({ height, along = 0, velocity = still, wind = still, terminal }: Release): Flight {
  const pull = g / terminal ** 2;
  const accelerated = (v: Position): Position => {
    const relative = { along: v.along - wind.along, out: v.out - wind.out, up: v.up - wind.up };
    const drag = pull * Math.hypot(relative.along, relative.out, relative.up);
    return { along: -drag * relative.along, out: -drag * relative.out, up: -g - drag * relative.up };
  };
  const places: Position[] = [{ along, out: 0, up: height }];
  let place: Position = { along, out: 0, up: height };
  let v = velocity;
  for (let left = 120 / step; left > 0 && place.up > 0; left -= 1) {
    const a1 = accelerated(v);
    const a2 = accelerated(moved(v, a1, step / 2));
    const a3 = accelerated(moved(v, a2, step / 2));
    const a4 = accelerated(moved(v, a3, step));
    const mean = moved(moved(moved(moved(still, a1, 1 / 6), a2, 1 / 3), a3, 1 / 3), a4, 1 / 6);
    const next = moved(v, mean, step);
    place = moved(moved(place, v, step / 2), next, step / 2);
    // A wall is behind it.
    if (place.out < 0) place = { ...place, out: 0 };
    v = next;
    places.push(place);
  }
  const last = place;
  return {
    seconds: (places.length - 1) * step,
    at(seconds) {
      const index = Math.floor(seconds / step);
      const before = places[Math.max(0, index)] ?? last;
      const after = places[index + 1] ?? last;
      const part = seconds / step - index;
      return moved(
        before,
        { along: after.along - before.along, out: after.out - before.out, up: after.up - before.up },
        part,
      );
    },
  };
}

function moved(from: Position, by: Position, times: number): Position {
  return { along: from.along + by.along * times, out: from.out + by.out * times, up: from.up + by.up * times };
}
