import { z } from "zod";
import { type Program, runProgram } from "../program.ts";
import { fallingObject, HapiCamera } from "./camera.ts";

const settingsSchema = z.object({
  host: z.string(),
  port: z.number().int(),
  prefix: z.string().optional(),
  account: z.object({ username: z.string(), password: z.string() }).optional(),
  deviceId: z.string(),
  pictureBytes: z.number().optional(),
  clockSkewMs: z.number().optional(),
});

const commandSchema = z.discriminatedUnion("do", [
  /** Begins, and ends `forMs` later. */
  z.object({ do: z.literal("throw"), forMs: z.number().default(2000) }),
  z.object({ do: z.literal("alarm"), type: z.string(), subType: z.string(), occurs: z.boolean() }),
  /** The very same notification, so many times. */
  z.object({ do: z.literal("repeat"), times: z.number().int().min(1).max(100) }),
  z.object({ do: z.literal("noise"), body: z.string() }),
]);

/** A HAPI camera as a process of its own. */
async function openCamera(settings: unknown): Promise<Program> {
  const { prefix, account, pictureBytes, clockSkewMs, ...options } = settingsSchema.parse(settings);
  const camera = new HapiCamera({
    ...options,
    ...(prefix === undefined ? {} : { prefix }),
    ...(account === undefined ? {} : { account }),
    ...(pictureBytes === undefined ? {} : { pictureBytes }),
    ...(clockSkewMs === undefined ? {} : { clockSkewMs }),
  });
  const timers: NodeJS.Timeout[] = [];
  return {
    async act(command) {
      const step = commandSchema.parse(command);
      switch (step.do) {
        case "throw":
          timers.push(setTimeout(() => void camera.notify(fallingObject, false), step.forMs));
          return camera.notify(fallingObject, true);
        case "alarm":
          return camera.notify([step.type, step.subType], step.occurs);
        case "repeat": {
          const at = Date.now();
          for (let i = 0; i < step.times; i += 1) await camera.notify(fallingObject, true, at);
          return;
        }
        case "noise":
          return camera.send(step.body);
      }
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

if (import.meta.main) await runProgram(openCamera);
