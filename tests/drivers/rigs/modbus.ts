import type { FakeDriverContext } from "../../support/driver-context.ts";
import type { Rig } from "../rigs.ts";

const genericExtinguisher = {
  registers: [
    { name: "temperature", function: 3, address: 0, type: "int16", scale: 0.1, unit: "degC" },
    { name: "pressure", function: 3, address: 1, type: "uint16", scale: 0.001, unit: "MPa" },
    {
      name: "status",
      function: 3,
      address: 2,
      type: "uint16",
      bits: { 0: "discharged", 1: "lowPressure", 2: "tamper" },
    },
  ],
  pollEvery: "1s",
};

const panel = {
  registers: [{ name: "zone001", address: 30, points: { zone: "001", count: 6, skip: 2 } }],
  pollEvery: "1s",
};

/** Lets time pass in steps that no poll outruns, until it is so, or for 30 s. */
async function pass(context: FakeDriverContext<unknown>, until: () => boolean): Promise<void> {
  for (let step = 0; step < 120 && !until(); step += 1) {
    context.clock.advance(250);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A slave whose registers say `nth` news. */
function slave(options: object, profile: object, kind: Rig["kind"], say: (nth: number) => Record<number, number>): Rig {
  return {
    options,
    profile,
    kind,
    prepare: ({ line }) => {
      line.state = "silent";
    },
    fact: async (context, nth) => {
      const { line, observed } = context;
      for (const [address, value] of Object.entries(say(nth))) line.set(17, Number(address), value);
      line.state = "answering";
      const before = observed.length;
      await pass(context, () => observed.length > before);
    },
    garbage: async (context) => {
      context.line.state = "noisy";
      await pass(context, () => context.rejections.length > 3);
    },
    lose: async (context) => {
      context.line.state = "unplugged";
      await pass(context, () => context.goneReasons.length > 0);
    },
  };
}

const onLine = (profile: string) => ({ line: "rs485-1", unit: 17, profile });
const overTcp = (profile: string) => ({ host: "127.0.0.1", port: 1502, unit: 17, profile });
const warmer = (nth: number) => ({ 0: 200 + 50 * nth, 1: 1200, 2: 0 });
/** One more point in fire each time. */
const fires = (nth: number) => ({ 30: 0x0555 >> (12 - 2 * nth) });

export const modbusRigs: readonly (readonly [string, Rig])[] = [
  [
    "thermal-extinguisher/modbus-rtu",
    slave(onLine("generic-extinguisher"), genericExtinguisher, "thermal.reading", warmer),
  ],
  [
    "thermal-extinguisher/modbus-tcp",
    slave(overTcp("generic-extinguisher"), genericExtinguisher, "thermal.reading", warmer),
  ],
  ["fire-panel/modbus-rtu", slave(onLine("gst-panel"), panel, "panel.event", fires)],
  ["fire-panel/modbus-tcp", slave(overTcp("gst-panel"), panel, "panel.event", fires)],
];
