import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { Exchange } from "../../gateway/ports/driver.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import {
  type Act,
  type Asked,
  bitsReply,
  damaged,
  exceptionReply,
  registersReply,
  type Script,
} from "../../tests/support/modbus-frames.ts";
import { countingTelemetry, quietLogger } from "../../tests/support/quiet.ts";
import { pass, VirtualTty } from "../../tests/support/virtual-tty.ts";
import type { WriteRequest } from "../modbus/pdu.ts";
import { encodeRequest, judge } from "./rtu-frame.ts";
import { openSerialLines } from "./serial-lines.ts";
import type { LineSettings } from "./timing.ts";

const settings: LineSettings = {
  id: "rs485-1",
  path: "/dev/virtual",
  baudRate: 9600,
  parity: "none",
  dataBits: 8,
  stopBits: 1,
};
const expectation = { timeoutMs: 200 };

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

const isWrite = ({ function: fn }: Asked) => fn >= 5;
/** A slave confirms a write by repeating it. */
const good: Script = (asked) => {
  if (isWrite(asked)) return [{ bytes: asked.bytes }];
  return [{ bytes: asked.function <= 2 ? bitsReply(asked, [true]) : registersReply(asked, [7]) }];
};

function open(script: Script, { echoes = false, ...changed }: Partial<LineSettings> & { echoes?: boolean } = {}) {
  const tty = new VirtualTty(clock, settings, script);
  tty.echo = echoes;
  const lines = openSerialLines([{ ...settings, ...changed }], {
    clock,
    logger: quietLogger,
    telemetry: countingTelemetry(),
    openTty: () => Promise.resolve(tty),
  });
  return { line: lines.line("rs485-1"), lines, heard: tty.heard };
}

async function outcome(asking: Promise<Exchange>): Promise<Exchange> {
  let got: Exchange | undefined;
  void asking.then((exchange) => {
    got = exchange;
  });
  await pass(clock, 10_000, () => got !== undefined);
  if (got === undefined) throw new Error("it did not end");
  return got;
}

describe("a write", () => {
  const coil: WriteRequest = { unit: 17, function: 5, address: 172, value: 1 };
  const register: WriteRequest = { unit: 17, function: 6, address: 1, value: 3 };

  it("is the one that the standard prints (application protocol V1.1b3, §6.5 and §6.6)", () => {
    expect(Buffer.from(encodeRequest(coil)).subarray(1, 6).toString("hex")).toBe("0500acff00");
    expect(Buffer.from(encodeRequest(register)).subarray(1, 6).toString("hex")).toBe("0600010003");
    expect(
      Buffer.from(encodeRequest({ ...coil, value: 0 }))
        .subarray(4, 6)
        .toString("hex"),
    ).toBe("0000");
    for (const impossible of [
      { ...coil, value: 2 },
      { ...register, value: 65_536 },
      { ...register, address: -1 },
    ])
      expect(() => encodeRequest(impossible)).toThrow(RangeError);
  });

  it("is confirmed by its copy where the line does not hear itself, and by a second copy where it does", () => {
    const sent = encodeRequest(coil);
    const twice = Uint8Array.of(...sent, ...sent);
    expect(judge(coil, sent, { echo: false, early: 0 }).verdict.kind).toBe("answer");
    expect(judge(coil, sent, { echo: true, early: 0 }).verdict.kind).toBe("incomplete");
    expect(judge(coil, twice, { echo: true, early: 8 }).verdict.kind).toBe("answer");
    expect(judge(coil, twice, { echo: false, early: 0 }).verdict).toMatchObject({ kind: "wrong", why: "foreign" });
  });

  it("is not confirmed by one copy of which nobody knows whether it is the echo", () => {
    expect(judge(coil, encodeRequest(coil), { early: 0 }).verdict.kind).toBe("incomplete");
  });

  it("is not confirmed by a copy that began while it was still being sent", () => {
    expect(judge(coil, encodeRequest(coil), { echo: false, early: 3 }).verdict).toMatchObject({ why: "foreign" });
  });

  it("is not confirmed by the confirmation of another, nor by a damaged one", () => {
    const other = encodeRequest({ ...coil, value: 0 });
    expect(judge(coil, other, { echo: false, early: 0 }).verdict).toMatchObject({ why: "foreign" });
    expect(judge(coil, damaged(encodeRequest(coil), 33), { echo: false, early: 0 }).verdict).toMatchObject({
      why: "bad-crc",
    });
    expect(judge(coil, exceptionReply({ unit: 17, function: 5 }, 2), { echo: false, early: 0 }).verdict).toMatchObject({
      kind: "exception",
    });
  });
});

describe("a line that writes", () => {
  it.each([true, false])("first reads the unit, which shows whether the line hears itself (%s)", async (echoes) => {
    const { line, lines, heard } = open(good, { echoes });
    expect(await outcome(line.writeCoil(17, 5, true, expectation))).toEqual({ ok: true, registers: [] });
    expect(heard.map(({ function: fn }) => fn)).toEqual([1, 5]);
    expect(await outcome(line.writeRegister(17, 9, 300, expectation))).toEqual({ ok: true, registers: [] });
    expect(heard.map(({ function: fn }) => fn)).toEqual([1, 5, 6]);
    await lines.close();
  });

  it.each([undefined, true])("never takes its own echo for the slave's word (echo: %s)", async (echo) => {
    const deaf: Script = (asked) => (isWrite(asked) ? [] : good(asked));
    const { line, lines } = open(deaf, { echoes: true, ...(echo === undefined ? {} : { echo }) });
    expect(await outcome(line.writeCoil(17, 5, true, expectation))).toMatchObject({ ok: false, why: "timeout" });
    await lines.close();
  });

  it("does not write to a unit that does not answer", async () => {
    const { line, lines, heard } = open(() => []);
    expect(await outcome(line.writeRegister(17, 9, 1, expectation))).toMatchObject({ ok: false, why: "timeout" });
    expect(heard.map(({ function: fn }) => fn)).toEqual([3]);
    await lines.close();
  });

  it("takes an exception for a no, and one to the reading before it for a sign that the unit is there", async () => {
    const { line, lines } = open((asked) => [{ bytes: exceptionReply(asked, isWrite(asked) ? 4 : 2) }]);
    expect(await outcome(line.writeCoil(17, 5, true, expectation))).toEqual({
      ok: false,
      why: "exception",
      detail: "exception 4: server device failure",
    });
    await lines.close();
  });
});

type Conduct = "good" | "silent" | "late" | "damaged" | "other" | "exception" | "twice";

it("no write is taken for done that its slave did not confirm, whatever line, adapter and slave do", async () => {
  const writes = fc.array(
    fc.record({
      fn: fc.constantFrom(5, 6),
      address: fc.integer({ min: 0, max: 3 }),
      value: fc.integer({ min: 0, max: 1 }),
    }),
    { minLength: 1, maxLength: 6 },
  );
  const conducts = fc.array(
    fc.constantFrom<Conduct>("good", "good", "silent", "late", "damaged", "other", "exception", "twice"),
    { maxLength: 8 },
  );
  let done = 0;
  const property = fc.asyncProperty(writes, conducts, fc.boolean(), async (plan, list, echoes) => {
    clock = new ManualClock();
    let nth = 0;
    /** What the slave confirmed of each write that it was told, as it was told it. */
    const confirmed: { asked: Asked; sound: boolean }[] = [];
    const script: Script = (asked) => {
      if (!isWrite(asked)) return good(asked);
      const conduct = list[nth++] ?? "good";
      const acts = actsOf(asked, conduct);
      confirmed.push({ asked, sound: ["good", "late", "twice"].includes(conduct) });
      return acts;
    };
    const { line, lines } = open(script, { echoes });
    for (const { fn, address, value } of plan) {
      const asking =
        fn === 5
          ? line.writeCoil(17, address, value === 1, expectation)
          : line.writeRegister(17, address, value, expectation);
      const exchange = await outcome(asking);
      if (!exchange.ok) continue;
      done++;
      const newest = confirmed.at(-1);
      expect(newest?.sound).toBe(true);
      expect(newest?.asked).toMatchObject({ function: fn, address });
    }
    await lines.close();
  });
  await fc.assert(property, { numRuns: process.env["ZHIAN_NIGHTLY"] === undefined ? 60 : 2000 });
  expect(done).toBeGreaterThan(20);
});

function actsOf(asked: Asked, conduct: Conduct): readonly Act[] {
  switch (conduct) {
    case "good":
      return [{ bytes: asked.bytes }];
    case "silent":
      return [];
    case "late":
      return [{ afterMs: 600, bytes: asked.bytes }];
    case "damaged":
      return [{ bytes: damaged(asked.bytes, 20) }];
    case "other":
      return [{ bytes: encodeRequest({ unit: 17, function: 6, address: 900, value: asked.count }) }];
    case "exception":
      return [{ bytes: exceptionReply(asked, 3) }];
    case "twice":
      return [{ bytes: asked.bytes }, { afterMs: 40, bytes: asked.bytes }];
  }
}
