import { z } from "zod";
import { makeTrouble, stationSettings } from "../facesluice/settings.ts";
import { storyOf } from "../facesluice/story.ts";
import { type Program, runProgram, type Say } from "../program.ts";
import { seeded } from "../random.ts";
import { stepSchema } from "../scenarios/step.ts";
import type { Tone } from "../tale.ts";
import { arrivals } from "./arrivals.ts";
import { FaceTerminal } from "./terminal.ts";

const settingsSchema = z.object({
  /** False: they wait for the word `connect`. */
  connect: z.boolean().default(true),
  devices: z.array(
    stationSettings({ firmware: z.enum(["new", "old"]).optional(), unlockOperator: z.string().optional() }),
  ),
});

/** Face terminals as a process of their own. */
async function openTerminals(settings: unknown, say: Say): Promise<Program> {
  const { connect, devices } = settingsSchema.parse(settings);
  const terminals = new Map<string, FaceTerminal>();
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, call: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      call();
    }, ms);
    timers.add(timer);
  };
  const names = new Map<string, { zh: string; en: string }>();
  const tell = (id: string, tone: Tone, zh: string, en: string) => {
    const name = names.get(id) ?? { zh: id, en: id };
    say({ type: "tale", from: "device", tone, zh: `${name.zh}：${zh}`, en: `${name.en}: ${en}` });
  };

  for (const { id, zh, en, ...options } of devices) {
    names.set(id, { zh, en });
    const terminal = new FaceTerminal({
      ...options,
      name: id,
      onUnlock: () => tell(id, "good", "远程开门", "the door is opened by a command"),
      onEvent: storyOf((tone, zhText, enText) => tell(id, tone, zhText, enText)),
    });
    terminals.set(id, terminal);
    if (connect) terminal.station.start();
  }

  return {
    act(command) {
      if (makeTrouble(command, (id) => terminals.get(id)?.station, after)) return;
      const step = stepSchema.parse(command);
      if (step.do === "connect") {
        for (const { station } of terminals.values()) station.start();
        return;
      }
      const terminal = "device" in step ? terminals.get(step.device) : undefined;
      if (terminal === undefined || !("device" in step)) throw new Error("no such terminal");
      const id = step.device;
      switch (step.do) {
        case "granted":
          tell(id, "plain", "刷脸通过", "face recognised, door opens");
          terminal.recognise("allowed", step.person);
          return;
        case "denied":
          tell(id, "warn", "刷脸被拒", "face refused, door stays shut");
          terminal.recognise(step.reason ?? "refused", step.person);
          return;
        case "stranger":
          tell(id, "plain", "陌生面孔", "a face that is not enrolled");
          terminal.stranger();
          return;
        case "replay": {
          const count = terminal.replay(terminal.station.now() - step.lastS * 1000, terminal.station.now());
          return tell(id, "plain", `人工重推${count}条旧记录`, `old records pushed again by hand: ${count}`);
        }
        case "cut":
          tell(id, "warn", "断电", "loses its power");
          terminal.station.cut();
          return after(step.forS * 1000, () => terminal.station.start());
        case "arrivals":
          for (const { atS, outcome } of arrivals(step.perMinute, step.forS, seeded(Date.now()))) {
            after(atS * 1000, () => arrive(terminal, outcome));
          }
          return;
        default:
          throw new Error(`a face terminal cannot ${step.do}`);
      }
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all([...terminals.values()].map((terminal) => terminal.station.stop()));
    },
  };

  function arrive(terminal: FaceTerminal, outcome: "allowed" | "retried" | "stranger"): void {
    if (outcome === "stranger") {
      terminal.stranger();
      return;
    }
    const person = Math.floor(Math.random() * terminal.people.length);
    if (outcome === "retried") terminal.recognise("refused", person);
    after(outcome === "retried" ? 2500 : 0, () => terminal.recognise("allowed", person));
  }
}

if (import.meta.main) await runProgram(openTerminals);
