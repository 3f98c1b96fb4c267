import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { FakeChip } from "../../simulators/gpio/fake-chip.ts";
import { GpioSession } from "./gpio-session.ts";

const tools = [
  { way: "the gpiod tools 1.6", backend: "chardev", gpiod: "1.6.3" },
  { way: "the gpiod tools 2", backend: "chardev", gpiod: "2.2.1" },
] as const;
const ways = [...tools, { way: "sysfs, read at intervals", backend: "sysfs-polled" }] as const;

let chip: FakeChip;
const sessions: GpioSession[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
  chip.close();
});

function contact(options: object = {}): GpioSession {
  const session = new GpioSession(chip, { direction: "in", ...options });
  sessions.push(session);
  return session;
}

describe.each(ways)("a contact by $way", ({ backend, ...parts }) => {
  beforeEach(() => {
    chip = new FakeChip("gpiod" in parts ? { gpiod: parts.gpiod } : {});
  });

  /** Open, and heard: from then on each edge counts. */
  async function listening(options: object = {}, offset = 3): Promise<GpioSession> {
    const session = contact({ backend, ...options });
    await session.until("the level at start", () => session.levels().length === 1);
    if (backend === "chardev") await session.until("gpiomon", () => chip.heard(offset));
    return session;
  }

  it("that is closed at start is told at once, and so is one that is open", async () => {
    chip.set(3, true);
    expect((await listening()).levels()).toEqual([true]);
    expect((await listening({ line: 4 }, 4)).levels()).toEqual([false]);
  });

  it("is told at each change that lasts, with the time at which it began", async () => {
    const session = await listening();
    const before = session.context.clock.wall();
    chip.set(3, true);
    await session.until("closed", () => session.levels().length === 2);
    chip.set(3, false);
    await session.until("open", () => session.levels().length === 3);
    expect(session.levels()).toEqual([false, true, false]);
    const times = session.context.observed.map(({ occurredAtMs = 0 }) => occurredAtMs);
    expect(times[1]).toBeGreaterThanOrEqual(before - 1_000);
    expect(times[2]).toBeGreaterThanOrEqual(times[1] ?? 0);
    expect(times[2]).toBeLessThanOrEqual(session.context.clock.wall());
  });

  it("that bounces is told once", async () => {
    const session = await listening();
    chip.bounce(3, true, 8, 10);
    await session.until("closed", () => session.levels().length === 2);
    await session.pass(500);
    expect(session.levels()).toEqual([false, true]);
  });

  it("to ground is active when the wire is low", async () => {
    const session = await listening({ activeLow: true });
    expect(session.levels()).toEqual([true]);
    chip.set(3, true);
    await session.until("open", () => session.levels().length === 2);
    expect(session.levels()).toEqual([true, false]);
  });

  it("that the log refuses is offered until it is stored, first things first", async () => {
    const session = await listening();
    session.context.logError = new GatewayError("DISK_FULL", "no space");
    chip.set(3, true);
    await session.until("refused", () => session.context.outcomes.filter((what) => what === "observed").length > 1);
    chip.set(3, false);
    await session.pass(300);
    expect(session.levels()).toEqual([false]);
    session.context.logError = undefined;
    await session.until("stored", () => session.levels().length === 3);
    expect(session.levels()).toEqual([false, true, false]);
  });

  it("whose chip is gone is gone, and told anew when it is back", async () => {
    const session = await listening({ recheck: "5s" });
    chip.remove();
    await session.until("gone", () => session.context.goneReasons.length > 0, 50);
    expect(session.context.goneReasons[0]).toBe("link-lost");
    chip.plug();
    chip.set(3, true);
    await session.until("back", () => session.levels().length === 2, 50);
    expect(session.levels()).toEqual([false, true]);
    expect(session.error).toBeUndefined();
  });
});

describe.each(tools)("by $way", ({ gpiod }) => {
  beforeEach(() => {
    chip = new FakeChip({ gpiod, names: ["", "", "", "DOOR_E", "TWICE", "TWICE"] });
  });

  async function listening(options: object = {}): Promise<GpioSession> {
    const session = contact({ backend: "chardev", ...options });
    await session.until("the level at start", () => session.levels().length === 1);
    await session.until("gpiomon", () => chip.heard(3));
    return session;
  }

  it("a pulse of 1 ms is bounce, and one of 400 ms counts although it is over when we hear of it", async () => {
    const session = await listening();
    chip.pulse(3, 1);
    await session.until("bounce", () => session.context.filteredReasons.includes("bounce"));
    await session.pass(300);
    expect(session.levels()).toEqual([false]);
    chip.pulse(3, 400);
    await session.until("pulse", () => session.levels().length === 3);
    expect(session.levels()).toEqual([false, true, false]);
  });

  it("a missed edge does not stay missed: the level is read again", async () => {
    const session = await listening({ recheck: "5s" });
    chip.slip(3, true);
    await session.until("the level", () => session.levels().length === 2);
    expect(session.levels()).toEqual([false, true]);
    expect(session.context.seenDetails.length).toBeGreaterThan(1);
  });

  it("an edge to where the line was thought to be shows that it left before anybody listened", async () => {
    const session = await listening();
    chip.slip(3, true);
    await session.pass(200);
    chip.set(3, false);
    await session.until("both", () => session.levels().length === 3);
    expect(session.levels()).toEqual([false, true, false]);
  });

  it("what is no edge is told and kept apart, and the next edge counts", async () => {
    const session = await listening();
    chip.babble(3, "event: UNKNOWN");
    await session.until("told", () => session.context.rejections.length > 0);
    expect(session.context.rejections[0]).toMatchObject({ reason: "wrong-shape", source: "fake-gpio 3" });
    chip.set(3, true);
    await session.until("closed", () => session.levels().length === 2);
  });

  it("a line is found by its name; one that several have is not guessed", async () => {
    const session = await listening({ line: "DOOR_E" });
    expect(session.levels()).toEqual([false]);
    const twice = contact({ line: "TWICE" });
    await twice.until("refused", () => twice.error !== undefined);
    expect(twice.error).toMatchObject({ code: "GPIO_ABSENT", message: expect.stringContaining("4, 5") });
  });

  it("a line that another program has is busy, and its tools' words are told", async () => {
    await listening();
    const second = contact();
    await second.until("refused", () => second.error !== undefined);
    expect(second.error).toMatchObject({ code: "GPIO_BUSY" });
    expect(second.context.goneReasons).toEqual(["link-lost"]);
  });

  it("a line that we may not use is told as such", async () => {
    chip.deny(true);
    const session = contact();
    await session.until("refused", () => session.error !== undefined);
    expect(session.error).toMatchObject({ code: "GPIO_DENIED" });
  });

  it.each(["pull-up", "disabled"])("a bias (%s) is asked for in the tools' own words", async (bias) => {
    const session = await listening({ bias });
    chip.set(3, true);
    await session.until("closed", () => session.levels().length === 2);
  });
});

describe("a contact that chatters", () => {
  beforeEach(() => {
    chip = new FakeChip({ gpiod: "2.2.1" });
  });

  it("is a fault, is held where it was, and is believed again when it has settled", async () => {
    const session = contact({ backend: "chardev", chatterEdges: 10 });
    await session.until("gpiomon", () => chip.heard(3) && session.levels().length === 1);
    // The edges have the time of this machine, which may be busy: on and on until there were enough of them at once.
    for (let n = 0; n < 200 && session.faults().length === 0; n += 1) {
      chip.bounce(3, n % 2 === 0, 10, 20);
      await session.pass(60);
    }
    await session.until("fault", () => session.faults().length === 1);
    const before = session.levels().length;
    for (let n = 0; n < 10; n += 1) {
      chip.bounce(3, n % 2 === 0, 4, 20);
      await session.pass(100);
    }
    expect(session.levels().length).toBe(before);
    chip.set(3, true);
    await session.until("settled", () => session.levels().at(-1) === true);
    await session.until("over", () => session.faults().length === 2, 50);
    expect(session.faults()).toEqual([
      ["chattering", true],
      ["chattering", false],
    ]);
  });
});

describe("a contact that chattered before the gateway was started anew", () => {
  beforeEach(() => {
    chip = new FakeChip({ gpiod: "2.2.1" });
  });

  it("is in order when it has been watched for a while", async () => {
    const session = contact({ backend: "chardev", recheck: "5s" });
    Object.assign(session.context, { faultStands: (code: string) => code === "chattering" });
    await session.until("its end", () => session.faults().length > 0, 50);
    await session.pass(12_000, 100);
    expect(session.faults()).toEqual([["chattering", false]]);
  });
});

describe("what a contact is told as", () => {
  beforeEach(() => {
    chip = new FakeChip();
  });

  it.each([
    ["smoke-detector", "smoke"],
    ["heat-detector", "heat"],
    ["flame-detector", "flame"],
  ])("a %s says fire beside its state", async (role, sensor) => {
    chip.set(3, true);
    const session = contact({ role });
    await session.until("fire", () => session.context.observed.length === 2);
    expect(session.context.observed.map(({ kind, body }) => [kind, body])).toEqual([
      ["contact.state", { active: true, role }],
      ["fire.detected", { delivery: "live", active: true, sensor }],
    ]);
  });

  it.each(["door", "call-point", "discharge", "constructor"])("a %s is told as itself alone", async (role) => {
    const session = contact({ role });
    await session.until("state", () => session.levels().length === 1);
    expect(session.context.observed.map(({ body }) => body)).toEqual([{ active: false, role }]);
  });
});
