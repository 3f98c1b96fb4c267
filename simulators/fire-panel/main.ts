import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";
import { seeded } from "../random.ts";
import { openPty } from "../serial/pty.ts";
import { eventNames, PrinterPort } from "./panel.ts";

const settingsSchema = z.object({ utcOffsetMinutes: z.number().default(480), seed: z.number().default(3) });

const stepSchema = z.discriminatedUnion("do", [
  z.object({
    do: z.literal("print"),
    event: z.enum(Object.keys(eventNames) as [keyof typeof eventNames]),
    loop: z.number().int().optional(),
    number: z.number().int().optional(),
    place: z.string().optional(),
    detector: z.string().optional(),
  }),
  z.object({
    do: z.literal("faults"),
    noiseBytes: z.number().int().optional(),
    losesHead: z.number().int().optional(),
    losesTail: z.number().int().optional(),
    clockSkewMs: z.number().optional(),
    pieceMs: z.number().optional(),
  }),
]);

/** The printer port of a fire panel as a process of its own; `info.path` is the port to open. */
async function openPanel(settings: unknown, say: Say): Promise<Program> {
  const { utcOffsetMinutes, seed } = settingsSchema.parse(settings);
  const pty = await openPty();
  const port = new PrinterPort(pty.stream, seeded(seed), utcOffsetMinutes);
  return {
    info: { path: pty.path },
    act(command) {
      const step = stepSchema.parse(command);
      if (step.do === "faults") {
        port.faults = step;
        return;
      }
      const { event, place = "" } = step;
      say({
        type: "tale",
        from: "device",
        tone: event === "fire" ? "bad" : "warn",
        zh: `火灾报警控制器打印：${eventNames[event]} ${place}`,
        en: `the fire panel prints: ${event} ${place}`,
      });
      port.print(step);
    },
    async stop() {
      port.rest();
      await pty.close();
    },
  };
}

if (import.meta.main) await runProgram(openPanel);
