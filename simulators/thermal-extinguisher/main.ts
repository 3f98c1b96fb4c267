import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";
import { stepSchema } from "../scenarios/step.ts";
import { openPty } from "../serial/pty.ts";
import type { Tone } from "../tale.ts";
import type { Growth } from "./fire.ts";
import { type Fault, SlaveLine } from "./line.ts";
import { genericExtinguisher, models } from "./models.ts";
import { TcpSlaves } from "./tcp-slaves.ts";
import { ExtinguisherUnit } from "./unit.ts";

const settingsSchema = z.object({
  baudRate: z.number().optional(),
  /** Where the same units answer over Modbus TCP too, on the loopback; 0 takes a free port. */
  tcpPort: z.number().int().min(0).max(65_535).optional(),
  devices: z.array(
    z.object({
      id: z.string(),
      zh: z.string(),
      en: z.string(),
      unit: z.number().int().min(1).max(247),
      /** Name of the built-in profile that reads it. */
      model: z.enum(Object.keys(models)).default("generic-extinguisher"),
    }),
  ),
});

interface Hanging {
  readonly address: number;
  readonly unit: ExtinguisherUnit;
  readonly tell: (tone: Tone, zh: string, en: string) => void;
  /** What the story said last, °C. */
  toldC: number;
}

/** What burns so fast. */
const fuels: Record<Growth, { zh: string; en: string }> = {
  slow: { zh: "木料", en: "timber" },
  medium: { zh: "家具", en: "furniture" },
  fast: { zh: "泡沫床垫", en: "a foam mattress" },
  ultrafast: { zh: "电动车", en: "an e-bike" },
};

/** A story tells a temperature again once it has moved so far, K. */
const worthTellingK = 10;

/**
 * A serial line with extinguishers as a process of its own; `info.path` is the port to open, `info.tcpPort` that of Modbus
 * TCP.
 */
async function openLine(settings: unknown, say: Say): Promise<Program> {
  const { baudRate, tcpPort, devices } = settingsSchema.parse(settings);
  const pty = await openPty();
  const line = new SlaveLine(pty.stream, { baudRate });
  const startedAt = performance.now();
  const hanging = new Map<string, Hanging>();
  const timers = new Set<NodeJS.Timeout>();
  const seconds = () => (performance.now() - startedAt) / 1000;

  const slaves = new TcpSlaves();
  devices.forEach(({ id, zh, en, unit: address, model }, index) => {
    const unit = new ExtinguisherUnit({ ambientC: 21 + index, seed: index + 1 });
    const tell = (tone: Tone, zhText: string, enText: string) =>
      say({ type: "tale", from: "device", tone, zh: `${zh}：${zhText}`, en: `${en}: ${enText}` });
    unit.onDischarge = () => tell("bad", "玻璃球爆裂，干粉喷放", "its bulb breaks, powder is released");
    const tables = () => {
      unit.advanceTo(seconds());
      return (models[model] ?? genericExtinguisher)(unit);
    };
    line.attach(address, tables);
    slaves.attach(address, tables);
    hanging.set(id, { address, unit, tell, toldC: unit.temperatureC });
  });

  const ticking = setInterval(() => {
    for (const each of hanging.values()) {
      each.unit.advanceTo(seconds());
      const now = each.unit.temperatureC;
      if (Math.abs(now - each.toldC) < worthTellingK) continue;
      each.toldC = now;
      const text = `${now.toFixed(1)} ℃ ${each.unit.pressureMpa.toFixed(2)} MPa`;
      each.tell(now > 50 ? "bad" : "warn", text, text);
    }
  }, 250);

  const info = { path: pty.path, ...(tcpPort === undefined ? {} : { tcpPort: await slaves.listen(tcpPort) }) };
  return {
    info,
    act(command) {
      const step = stepSchema.parse(command);
      const found = "device" in step ? hanging.get(step.device) : undefined;
      if (found === undefined) throw new Error("no such extinguisher");
      const { unit, tell, address } = found;
      unit.advanceTo(seconds());
      switch (step.do) {
        case "fire": {
          unit.ignite(step);
          const { zh: fuel, en: fuelEn } = fuels[step.growth];
          return tell("warn", `下方起火（${fuel}）`, `a fire starts below it (${fuelEn})`);
        }
        case "put-out":
          return unit.putOut();
        case "warm":
          unit.warm(step.toC, step.overS);
          return tell("plain", `环境缓慢升温至 ${step.toC} ℃`, `the room slowly warms to ${step.toC} ℃`);
        case "leak":
          unit.leak(step.mpa);
          return tell("warn", "钢瓶缓慢漏气", "its cylinder leaks");
        case "line-fault": {
          const fault: Fault = step.mode === "late" ? { mode: "late", ms: 900 } : { mode: step.mode };
          line.setFault(address, fault);
          tell("warn", `总线故障：${step.mode}`, `fault on the line: ${step.mode}`);
          timers.add(setTimeout(() => line.setFault(address, undefined), step.forS * 1000));
          return;
        }
        default:
          throw new Error(`an extinguisher cannot ${step.do}`);
      }
    },
    async stop() {
      clearInterval(ticking);
      for (const timer of timers) clearTimeout(timer);
      await slaves.close();
      await pty.close();
    },
  };
}

if (import.meta.main) await runProgram(openLine);
