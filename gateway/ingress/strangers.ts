import { type Heard, snippetFor } from "../domain/device-snippet.ts";
import type { Clock } from "../ports/clock.ts";
import type { Stranger } from "../ports/devices.ts";
import { RecentMap } from "./recent-map.ts";

/** Text from an unknown party, fit to be shown: short, without control characters. */
export function presentable(text: string, length = 128): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return text.slice(0, length).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "·");
}

/** In the place of a new device's entry, where it is configured already. */
export function wrongPassword(devices: readonly string[]): string {
  return `# ${devices.join(", ")}: the password in the device is another than in the configuration.`;
}

/** Who knocked and is not configured: the newest 64. An installer takes a new device's entry from here. */
export class Strangers {
  readonly #clock: Clock;
  readonly #known = new RecentMap<string, Stranger>(64);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `snippet` where it is another than the entry of a new device. */
  knock({ via, address, ...heard }: Heard, snippet?: string): void {
    const shown = {
      via,
      username: presentable(heard.username),
      clientId: presentable(heard.clientId),
      address: presentable(address),
    };
    const key = JSON.stringify(shown);
    const attempts = (this.#known.get(key)?.attempts ?? 0) + 1;
    const entry = snippet ?? snippetFor({ ...heard, ...shown });
    this.#known.put(key, { ...shown, lastAt: this.#clock.wall(), attempts, snippet: entry });
  }

  /** Newest first. */
  list(): readonly Stranger[] {
    return this.#known.values().reverse();
  }
}
