import type { Gpio } from "onoff";
import type { Clock } from "../../gateway/ports/clock.ts";
import { fileError } from "./gpio-error.ts";
import type { InputEvents, InputLine } from "./line-port.ts";

type OnoffClass = new (
  gpio: number,
  direction: "in",
  edge: "both",
  options: { activeLow: boolean; debounceTimeout: number },
) => Pick<Gpio, "readSync" | "watch" | "unexport">;

/** onoff with its add-on, or why it cannot be loaded: it is compiled at install, for one version of Node. */
export async function loadOnoff(): Promise<OnoffClass | string> {
  try {
    const { Gpio } = await import("onoff");
    return Gpio;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
  }
}

/** An input of sysfs whose edges wake us by epoll. The level is the one at the time of reading, not of the edge. */
export function onoffInput(Onoff: OnoffClass, number: number, events: InputEvents, clock: Clock): InputLine {
  const doing = `line gpio${number} of sysfs`;
  const attempt = <T>(act: () => T): T => {
    try {
      return act();
    } catch (cause) {
      throw fileError(doing, cause);
    }
  };
  const gpio = attempt(() => new Onoff(number, "in", "both", { activeLow: false, debounceTimeout: 0 }));
  let closed = false;
  gpio.watch((error, value) => {
    if (closed) return;
    if (error) events.deaf(error.message);
    else events.edge(value === 1, clock.now());
  });
  return {
    recheck: async () => attempt(() => gpio.readSync() === 1),
    close: async () => {
      closed = true;
      attempt(() => gpio.unexport());
    },
  };
}
