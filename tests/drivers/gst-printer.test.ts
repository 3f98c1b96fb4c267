import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { GstBlocks } from "../../drivers/fire-panel/gst-blocks.ts";
import { readMessage } from "../../drivers/fire-panel/gst-message.ts";
import { open } from "../../drivers/fire-panel/gst-printer.ts";
import { firePanelGstPrinter } from "../../drivers/fire-panel/gst-printer-manifest.ts";
import { gstProfileSchema } from "../../drivers/fire-panel/gst-words.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { gbk } from "../../simulators/fire-panel/gbk.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** Published messages; drivers/fire-panel/README.md names where. */
const fixture = (name: string) => {
  const text = readFileSync(new URL(`../../drivers/fire-panel/fixtures/${name}.hex`, import.meta.url), "utf8");
  return Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));
};
const profile = gstProfileSchema.parse({});
const firstFire = fixture("gst9000-first-fire");

describe("messages as they were published", () => {
  test.each([
    [
      "gst9000-first-fire",
      { event: "fire", point: "004-004", text: "首次火警 裙楼一层上空 感烟探测器", localTime: "2008-12-02 17:24:00" },
    ],
    ["gst9000-reset", { event: "reset", text: "系统复位", localTime: "2008-12-02 17:25:00" }],
    // The room is called after the fire alarm; the event is a fault.
    [
      "gst-device-fault",
      { event: "fault", point: "004-002", text: "设备故障 夹层配电室火警 气体灭火", localTime: "2024-01-12 15:24:00" },
    ],
  ])("%s", (name, message) => {
    const blocks = new GstBlocks();
    expect(blocks.push(fixture(name)).map((block) => readMessage(block, profile))).toEqual([message]);
    expect(blocks.waiting).toBe(false);
  });
});

describe("a printer port", () => {
  let context: FakeDriverContext<{ line: string; silentAfter: number }>;
  beforeEach(() => {
    const clock = new ManualClock(Date.parse("2026-11-24T00:00:00Z"));
    context = new FakeDriverContext({ options: { line: "rs232-1", silentAfter: 1e9 }, profile, clock });
    open(context);
  });
  const bodies = () => context.observed.map(({ body }) => body);
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const say = async (...chunks: readonly Uint8Array[]) => {
    for (const chunk of chunks) context.feed.say(chunk);
    await settle();
  };
  const print = (...lines: string[]) => gbk(`\u001b626/11/24  08:00\n  001-017\n\u001b9${lines.join("\n")}\n\n`);
  const fire = { event: "fire", point: "004-004", text: "首次火警 裙楼一层上空 感烟探测器" };

  test("gives the same events however the bytes are cut into pieces, and where messages run into each other", async () => {
    await say(...[...firstFire].map((byte) => Uint8Array.of(byte)));
    const both = Uint8Array.from([...firstFire, ...fixture("gst9000-reset")]);
    await say(both.subarray(0, 40), both.subarray(40));
    expect(bodies()).toEqual([fire, fire, { event: "reset", text: "系统复位" }]);
    expect(context.rejections).toEqual([]);
  });

  test("takes carriage returns and commands of the printer for what they are", async () => {
    const text = "\u001b@\u001b626/11/24  08:00\r\n  001-017\r\n\u001b9首次火警\r\n三层走道\r\n\r\n";
    await say(gbk(text));
    expect(bodies()).toEqual([{ event: "fire", point: "001-017", text: "首次火警 三层走道" }]);
  });

  test.each([
    ["its first byte", firstFire.subarray(1)],
    ["all before the text", firstFire.subarray(29)],
    ["ESC 9", Uint8Array.from([...firstFire.subarray(0, 28), ...firstFire.subarray(30)])],
    ["its end", firstFire.subarray(0, -2)],
    ["its place and its end", firstFire.subarray(0, 39)],
  ])("tells a fire whose message has lost %s", async (_, bytes) => {
    await say(bytes);
    context.clock.advance(5000);
    await settle();
    expect(bodies()).toMatchObject([{ event: "fire", text: expect.stringContaining("首次火警") }]);
  });

  test("tells a fire that noise stands around, and the noise", async () => {
    await say(Uint8Array.from([0x00, 0xff, 0x55, 0x0a, 0x0a]), firstFire, new Uint8Array(3000).fill(0xaa));
    context.clock.advance(5000);
    await settle();
    expect(bodies()).toEqual([fire]);
    expect(context.rejections.length).toBeGreaterThan(1);
    expect(new Set(context.rejections.map(({ reason }) => reason))).toEqual(new Set(["noise"]));
  });

  test("does not hold back a message that is followed by the next one instead of its end", async () => {
    await say(firstFire.subarray(0, -1), fixture("gst9000-reset"));
    expect(bodies()).toMatchObject([{ event: "fire" }, { event: "reset" }]);
  });

  test.each([
    ["首次火警", "fire"],
    ["再次火警", "fire"],
    ["手动报警按钮报警", "fire"],
    ["火灾报警控制器主电故障", "fault"],
    ["火警恢复", "normal"],
    ["故障恢复", "normal"],
    ["设备故障", "fault"],
    ["设备屏蔽", "disabled"],
    ["屏蔽释放", "normal"],
    ["声光启动", "supervisory"],
    ["水流指示器反馈", "supervisory"],
    ["系统自检", "test"],
    ["气体预警", "pre-alarm"],
  ])("takes %s for %s", async (line, event) => {
    await say(print(line, "三层走道"));
    expect(bodies()).toEqual([{ event, point: "001-017", text: `${line} 三层走道` }]);
  });

  test("does not lose what it does not know: it is told with its text, and as a fire where it may be one", async () => {
    await say(print("联动编程出错"), print("状态变化", "三层走道火警"), print("首次\ufffd警", "三层走道"));
    expect(bodies()).toMatchObject([
      { event: "supervisory", text: "联动编程出错" },
      { event: "fire", text: "状态变化 三层走道火警" },
      { event: "fire" },
    ]);
  });

  test("tells by how much the panel's clock is wrong, and does not date an event by it", async () => {
    await say(print("首次火警"), firstFire);
    expect(context.seenDetails[0]).toEqual({ clockSkewMs: 0 });
    expect(context.seenDetails[1]?.clockSkewMs).toBeLessThan(-17 * 365 * 86_400_000);
    expect(context.observed.filter((draft) => "occurredAtMs" in draft)).toEqual([]);
  });

  test("keeps what the log refuses and tells it again by itself, in order, with the time at which it was printed", async () => {
    const printedAt = context.clock.wall();
    context.logError = new GatewayError("DISK_FULL", "no space");
    await say(print("首次火警"), print("声光启动"));
    expect(context.observed).toEqual([]);
    context.clock.advance(3000);
    await settle();
    context.logError = undefined;
    context.clock.advance(3000);
    await settle();
    expect(context.observed).toMatchObject([
      { body: { event: "fire" }, occurredAtMs: printedAt },
      { body: { event: "supervisory" }, occurredAtMs: printedAt },
    ]);
  });

  test("gives up no fire for what is no fire, however long the log refuses", async () => {
    context.logError = new GatewayError("DISK_FULL", "no space");
    await say(print("首次火警"));
    for (let i = 0; i < 400; i += 1) context.feed.say(print(`设备故障${i}`));
    await settle();
    context.logError = undefined;
    context.clock.advance(3000);
    await settle();
    expect(context.observed).toHaveLength(256);
    expect(bodies()[0]).toMatchObject({ event: "fire" });
    expect(bodies().at(-1)).toMatchObject({ text: "设备故障399" });
  });

  test("tells what had come when the line is lost, and that it is lost", async () => {
    await say(firstFire.subarray(0, -8));
    context.feed.plug(false);
    await settle();
    expect(bodies()).toMatchObject([{ event: "fire" }]);
    expect(context.goneReasons).toEqual(["link-lost"]);
  });
});

test("another maker's words are a profile", async () => {
  const words = [{ text: "ALARM", event: "fire" }];
  const context = new FakeDriverContext({ options: { line: "l", silentAfter: 1 }, profile: { words } });
  open(context);
  context.feed.say(gbk("\u001b626/11/24  08:00\n  001-017\n\u001b9FIRE ALARM\nhall\n\n"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(context.observed).toMatchObject([{ kind: "panel.event", body: { event: "fire", text: "FIRE ALARM hall" } }]);
  expect(gstProfileSchema.safeParse({ words: [{ text: "x", event: "burning" }] }).success).toBe(false);
});

test("the panel has its line to itself", () => {
  expect(firePanelGstPrinter.serial?.(firePanelGstPrinter.options.parse({ line: "rs232-1" }))).toEqual({
    line: "rs232-1",
  });
});
