import { beforeEach, describe, expect, it } from "vitest";
import { FakeModbusLine } from "../../tests/support/driver-context.ts";
import { carryOut, offersOf } from "./commands.ts";
import { profileSchema } from "./profile.ts";

const profile = profileSchema.parse({
  registers: [{ name: "temperature", address: 0, type: "int16", scale: 0.1 }],
  commands: {
    silence: { coil: 5, value: true },
    test: { register: 40, value: 0xaa },
    "light-up": { coil: 6, value: false, title: { zh: "点亮", en: "Light up" } },
  },
});
const none = profileSchema.parse({ registers: profile.registers });

let line: FakeModbusLine;
beforeEach(() => {
  line = new FakeModbusLine("rs485-1");
  for (const address of [5, 6, 40]) line.set(17, address, 0);
});

const give = (name: string, args = {}) => carryOut({ name, args }, profile, line, 17);

describe("what a slave can be told to do", () => {
  it("is what its profile lists, each to be confirmed by a person, and by default nothing", () => {
    expect(offersOf({}, profile)).toEqual([
      { name: "silence", title: { zh: "消音", en: "Silence" }, actuates: true },
      { name: "test", title: { zh: "自检", en: "Self-test" }, actuates: true },
      { name: "light-up", title: { zh: "点亮", en: "Light up" }, actuates: true },
    ]);
    expect(offersOf({}, none)).toEqual([]);
    expect(offersOf({}, undefined)).toEqual([]);
  });

  it("is written as the profile has it, and done when the slave confirms it", async () => {
    expect(await give("silence")).toEqual({ ok: true, confirmed: true });
    expect(await give("test")).toEqual({ ok: true, confirmed: true });
    expect(await give("light-up")).toEqual({ ok: true, confirmed: true });
    expect(line.writes).toEqual([
      { unit: 17, address: 5, value: 1 },
      { unit: 17, address: 40, value: 0xaa },
      { unit: 17, address: 6, value: 0 },
    ]);
  });

  it.each(["reset", "constructor", "__proto__"])("is not %s, which it does not list", async (name) => {
    expect(await give(name)).toMatchObject({ ok: false, why: "unsupported" });
    expect(line.requests).toBe(0);
  });

  it("takes no arguments: nobody chooses what is written where", async () => {
    expect(await give("silence", { coil: 7 })).toMatchObject({ ok: false, why: "unsupported" });
    expect(line.requests).toBe(0);
  });

  it("is refused where the slave says no, and in doubt where it says nothing", async () => {
    line.writeCoil = () => Promise.resolve({ ok: false, why: "exception", detail: "illegal data address" });
    expect(await give("silence")).toMatchObject({ ok: false, why: "refused", detail: "illegal data address" });
    line.state = "silent";
    expect(await give("test")).toEqual({
      ok: false,
      why: "no-answer",
      detail: "no answer; it may have been carried out",
    });
    line.state = "unplugged";
    expect(await give("test")).toMatchObject({ ok: false, why: "not-connected" });
  });
});
