import { afterEach, expect, it } from "vitest";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { pass, VirtualTty } from "../../tests/support/virtual-tty.ts";
import { openSerialLines, type SerialLines, withFeeds } from "./serial-lines.ts";
import type { LineSettings } from "./timing.ts";

const printer: LineSettings = {
  id: "rs232-1",
  path: "/dev/virtual",
  baudRate: 9600,
  parity: "none",
  dataBits: 8,
  stopBits: 1,
};
const rs485: LineSettings = { ...printer, id: "rs485-1", path: "/dev/other" };
const clock = new ManualClock();
let lines: SerialLines | undefined;
afterEach(() => lines?.close());

/** Writing to it is a failure of the test. */
class MuteTty extends VirtualTty {
  constructor() {
    super(clock, printer, () => []);
  }

  override write(): void {
    throw new Error("a line that one device has to itself was written to");
  }
}

function open(settings: readonly LineSettings[] = [{ ...printer, feed: true }]) {
  const ttys: MuteTty[] = [];
  lines = openSerialLines(settings, {
    clock,
    logger: quietLogger,
    telemetry: countingTelemetry(),
    openTty: () => {
      const tty = new MuteTty();
      ttys.push(tty);
      return Promise.resolve(tty);
    },
  });
  return { lines, ttys };
}

function ears() {
  const heard: number[] = [];
  const states: boolean[] = [];
  return {
    heard,
    states,
    received: (bytes: Uint8Array) => void heard.push(...bytes),
    changed: (open: boolean) => void states.push(open),
  };
}

it("a line with one talking device hands over its bytes, and tells when the port goes and comes back", async () => {
  const { lines: made, ttys } = open();
  const { heard, states, received, changed } = ears();
  const end = made.feed("rs232-1").listen(received, changed);
  await pass(clock, 20);
  ttys[0]?.say(Uint8Array.of(0x1b, 0x36));
  await pass(clock, 20);
  expect(heard).toEqual([0x1b, 0x36]);
  if (ttys[0] !== undefined) ttys[0].broken = "unplugged";
  await pass(clock, 3000);
  expect(states).toEqual([false, true, false, true]);
  ttys[1]?.say(Uint8Array.of(0x0a));
  await pass(clock, 20);
  expect(heard).toEqual([0x1b, 0x36, 0x0a]);
  end();
  ttys[1]?.say(Uint8Array.of(0xff));
  await pass(clock, 20);
  expect(heard).toHaveLength(3);
});

it("is heard on by who listens when its settings change", async () => {
  const { lines: made, ttys } = open();
  const { heard, states, received, changed } = ears();
  made.feed("rs232-1").listen(received, changed);
  await pass(clock, 20);
  await made.apply([{ ...printer, feed: true, baudRate: 4800 }]);
  await pass(clock, 20);
  ttys[1]?.say(Uint8Array.of(0x41));
  await pass(clock, 20);
  expect(heard).toEqual([0x41]);
  expect(states).toEqual([false, true, false, true]);
});

it("is such a line where a device without a unit number names it, and it alone", () => {
  const uses = [{ line: "rs232-1" }, { line: "rs485-1", unit: 17 }];
  expect(withFeeds([printer, rs485], uses)).toEqual([{ ...printer, feed: true }, rs485]);
  expect(withFeeds([printer], [{ line: "rs232-1" }, { line: "rs232-1", unit: 3 }])).toEqual([printer]);
  expect(withFeeds([printer], [])).toEqual([printer]);
});

it("is no Modbus line, nor is a Modbus line one of these; and it may have 7 data bits", async () => {
  const { lines: made } = open([{ ...printer, feed: true, dataBits: 7 }, rs485]);
  expect(() => made.feed("rs485-1")).toThrow(GatewayError);
  expect(() => made.line("rs232-1")).toThrow("there is no serial line rs232-1");
  await made.apply([{ ...printer, feed: true, dataBits: 7 }]);
  expect(made.feed("rs232-1").id).toBe("rs232-1");
});
