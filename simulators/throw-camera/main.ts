import { z } from "zod";
import { makeTrouble, stationSettings } from "../facesluice/settings.ts";
import { storyOf } from "../facesluice/story.ts";
import { type Program, runProgram, type Say } from "../program.ts";
import { stepSchema } from "../scenarios/step.ts";
import type { Tone } from "../tale.ts";
import { ThrowCamera } from "./camera.ts";
import { type Thing, things } from "./falling.ts";

const settingsSchema = z.object({
  /** False: they wait for the word `connect`. */
  connect: z.boolean().default(true),
  devices: z.array(
    stationSettings({
      withRecordId: z.boolean().optional(),
      view: z.object({ fromM: z.number(), toM: z.number() }).optional(),
      seed: z.number().optional(),
    }),
  ),
});

const thingNames: Record<Thing, { zh: string; en: string }> = {
  brick: { zh: "砖块", en: "a brick" },
  "flower-pot": { zh: "花盆", en: "a flower pot" },
  "full-bottle": { zh: "满瓶水", en: "a full bottle" },
  "glass-bottle": { zh: "玻璃瓶", en: "a glass bottle" },
  apple: { zh: "苹果", en: "an apple" },
  "rubbish-bag": { zh: "垃圾袋", en: "a rubbish bag" },
  "takeaway-box": { zh: "外卖盒", en: "a takeaway box" },
  "empty-bottle": { zh: "空塑料瓶", en: "an empty bottle" },
  "cigarette-butt": { zh: "烟头", en: "a cigarette butt" },
  shirt: { zh: "衣服", en: "a shirt" },
};

/** Throw cameras as a process of their own: one throw may be seen by several of them. */
async function openCameras(settings: unknown, say: Say): Promise<Program> {
  const { connect, devices } = settingsSchema.parse(settings);
  const cameras = new Map<string, ThrowCamera>();
  const tell = (tone: Tone, zh: string, en: string) => say({ type: "tale", from: "device", tone, zh, en });
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, call: () => void) => {
    timers.push(setTimeout(call, ms));
  };

  for (const { id, zh, en, ...options } of devices) {
    const story = storyOf((tone, zhText, enText) => tell(tone, `${zh}：${zhText}`, `${en}: ${enText}`));
    const camera = new ThrowCamera({
      ...options,
      name: id,
      onEvent: (event) => {
        story(event);
        if (event.type === "sent" && event.attempt === 1)
          tell("warn", `${zh}：上报高空抛物`, `${en}: reports a thrown object`);
      },
    });
    cameras.set(id, camera);
    if (connect) camera.station.start();
  }
  const find = (id: string): ThrowCamera => {
    const camera = cameras.get(id);
    if (camera === undefined) throw new Error(`no camera ${id}`);
    return camera;
  };

  return {
    act(command) {
      if (makeTrouble(command, (id) => cameras.get(id)?.station, after)) return;
      const step = stepSchema.parse(command);
      switch (step.do) {
        case "throw": {
          const thing = z.enum(things).parse(step.thing);
          const fall = { releasedAtMs: Date.now(), floor: step.floor, thing };
          const { zh, en } = thingNames[thing];
          tell("plain", `有人从${step.floor}层抛下${zh}`, `somebody throws ${en} from floor ${step.floor}`);
          for (const id of step.cameras) find(id).watch({ ...fall, reports: step.reports ?? 1 });
          return;
        }
        case "connect":
          for (const { station } of cameras.values()) station.start();
          return;
        case "mistake":
          return find(step.device).mistake(step.cause);
        case "cut": {
          const { station } = find(step.device);
          station.cut();
          return after(step.forS * 1000, () => station.start());
        }
        default:
          throw new Error(`a throw camera cannot ${step.do}`);
      }
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      for (const camera of cameras.values()) camera.rest();
      await Promise.all([...cameras.values()].map((camera) => camera.station.stop()));
    },
  };
}

if (import.meta.main) await runProgram(openCameras);
