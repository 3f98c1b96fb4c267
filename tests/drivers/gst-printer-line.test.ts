import { afterEach, beforeEach, expect, test } from "vitest";
import { open } from "../../drivers/fire-panel/gst-printer.ts";
import { openSerialLines, type SerialLines } from "../../drivers/serial-line/serial-lines.ts";
import { PrinterPort } from "../../simulators/fire-panel/panel.ts";
import { seeded } from "../../simulators/random.ts";
import { openPty, type Pty } from "../../simulators/serial/pty.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { RealClock } from "../support/ingress/real-clock.ts";
import { RecordedLogger, RecordedTelemetry } from "../support/ingress/test-broker.ts";
import { waitFor } from "../support/wait-for.ts";

let pty: Pty;
let lines: SerialLines;

beforeEach(async () => {
  pty = await openPty();
});
afterEach(async () => {
  await lines.close();
  await pty.close();
});

test("what a panel prints on a real tty comes out as events, through noise and in pieces", async () => {
  const settings = {
    id: "rs232-1",
    path: pty.path,
    baudRate: 9600,
    parity: "none",
    dataBits: 8,
    stopBits: 1,
    feed: true,
  } as const;
  lines = openLines(settings);
  const context = new FakeDriverContext({ options: { line: "rs232-1", silentAfter: 1e9 }, profile: {} });
  context.serialFeed = () => lines.feed("rs232-1");
  open(context);
  let isOpen = false;
  lines.feed("rs232-1").listen(
    () => undefined,
    (open) => {
      isOpen = open;
    },
  );
  await waitFor("the port", () => isOpen);
  const port = new PrinterPort(pty.stream, seeded(4));
  port.print({ event: "fire", loop: 4, number: 17, place: "裙楼一层上空", detector: "感烟探测器" });
  port.faults = { noiseBytes: 9, pieceMs: 3 };
  port.print({ event: "reset" });
  await waitFor("both events", () => context.observed.length === 2);
  expect(context.observed.map(({ body }) => body)).toEqual([
    { event: "fire", point: "004-017", text: "首次火警 裙楼一层上空 感烟探测器" },
    { event: "reset", text: "系统复位" },
  ]);
});

function openLines(settings: Parameters<typeof openSerialLines>[0][number]): SerialLines {
  return openSerialLines([settings], {
    clock: new RealClock(),
    logger: new RecordedLogger(),
    telemetry: new RecordedTelemetry(),
  });
}
