import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";
import { FakeChip } from "./fake-chip.ts";

const settingsSchema = z.object({
  label: z.string().default("simulated-gpio"),
  lines: z.number().int().min(1).max(64).default(16),
  names: z.array(z.string()).default([]),
  /** Needs python3; without it the chip is reached by sysfs alone. */
  gpiod: z.enum(["1.6.3", "2.2.1"]).optional(),
});

/** What a contact does. A contact that is stuck is one that is set and then left alone. */
const stepSchema = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("set"), line: z.number().int().min(0), high: z.boolean() }),
  z.strictObject({ do: z.literal("bounce"), line: z.number().int().min(0), high: z.boolean(), overMs: z.number() }),
  z.strictObject({ do: z.literal("pulse"), line: z.number().int().min(0), ms: z.number().min(0) }),
  z.strictObject({ do: z.literal("chatter"), line: z.number().int().min(0), forS: z.number().max(600) }),
  z.strictObject({ do: z.literal("slip"), line: z.number().int().min(0), high: z.boolean() }),
]);

const chatterEveryMs = 5;

/** A chip whose contacts move when told to; `info.root` is what a device's options name as `root`. */
async function openChip(settings: unknown, say: Say): Promise<Program> {
  const { label, lines, names, gpiod } = settingsSchema.parse(settings);
  const chip = new FakeChip({ label, lines, names, ...(gpiod === undefined ? {} : { gpiod }) });
  const timers = new Set<NodeJS.Timeout>();
  return {
    info: { root: chip.root, label },
    act(command) {
      const step = stepSchema.parse(command);
      say({
        type: "tale",
        from: "device",
        tone: "plain",
        zh: `接点 ${step.line}`,
        en: `line ${step.line}: ${step.do}`,
      });
      switch (step.do) {
        case "set":
          return chip.set(step.line, step.high);
        case "bounce":
          return chip.bounce(step.line, step.high, 6, step.overMs);
        case "pulse":
          return chip.pulse(step.line, step.ms);
        case "slip":
          return chip.slip(step.line, step.high);
        case "chatter": {
          let high = false;
          const timer = setInterval(() => {
            high = !high;
            chip.set(step.line, high);
          }, chatterEveryMs);
          timers.add(timer);
          timers.add(setTimeout(() => clearInterval(timer), step.forS * 1000));
        }
      }
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      chip.close();
    },
  };
}

if (import.meta.main) await runProgram(openChip);
