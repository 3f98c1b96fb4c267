import { afterEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { onSignals } from "./signals.ts";

let off = (): void => {};
afterEach(() => off());

function listen(): { clock: ManualClock; heard: string[] } {
  const clock = new ManualClock();
  const heard: string[] = [];
  off = onSignals(clock, {
    stop: () => heard.push("stop"),
    stopNow: () => heard.push("stop now"),
    reload: () => heard.push("reload"),
  });
  return { clock, heard };
}

describe("a signal", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("%s stops, and again stops at once", (signal) => {
    const { clock, heard } = listen();
    process.emit(signal);
    expect(heard).toEqual(["stop"]);
    clock.advance(1_000);
    process.emit(signal);
    expect(heard).toEqual(["stop", "stop now"]);
  });

  it("that a terminal and npm both pass on counts once", () => {
    const { clock, heard } = listen();
    process.emit("SIGINT");
    clock.advance(20);
    process.emit("SIGINT");
    process.emit("SIGTERM");
    expect(heard).toEqual(["stop"]);
  });

  it("SIGHUP reads the configuration again, as often as it comes", () => {
    const { heard } = listen();
    process.emit("SIGHUP");
    process.emit("SIGHUP");
    expect(heard).toEqual(["reload", "reload"]);
  });

  it("is nobody's business after the end", () => {
    const { heard } = listen();
    off();
    expect(process.listenerCount("SIGHUP")).toBe(0);
    expect(heard).toEqual([]);
  });
});
