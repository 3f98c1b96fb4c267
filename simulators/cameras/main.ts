import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";
import { stepSchema } from "../scenarios/step.ts";
import { things } from "../throw-camera/falling.ts";
import { AxisCamera } from "./axis.ts";
import { Frigate } from "./frigate.ts";
import type { CameraLink } from "./link.ts";
import { OnvifCamera } from "./onvif.ts";

const account = { id: z.string(), url: z.string(), username: z.string(), password: z.string() };

const settingsSchema = z.object({
  devices: z.array(
    z.discriminatedUnion("kind", [
      z.object({
        ...account,
        kind: z.literal("onvif"),
        topicPrefix: z.string(),
        throwTopic: z.string(),
        style: z.enum(["standard", "kept-prefixes"]).default("standard"),
        quoted: z.boolean().default(true),
      }),
      z.object({ ...account, kind: z.literal("axis"), serial: z.string(), throwTopic: z.string() }),
      z.object({ ...account, kind: z.literal("frigate"), camera: z.string(), label: z.string().default("thrown") }),
    ]),
  ),
});

interface Device {
  readonly link: CameraLink;
  throw(thing: (typeof things)[number], floor: number): void;
  rest(): void;
}

function deviceOf(settings: z.infer<typeof settingsSchema>["devices"][number]): Device {
  switch (settings.kind) {
    case "onvif": {
      const camera = new OnvifCamera(settings);
      return { link: camera.link, throw: (thing, floor) => camera.watch(thing, floor), rest: () => camera.rest() };
    }
    case "axis": {
      const camera = new AxisCamera(settings);
      let objects = 0;
      return {
        link: camera.link,
        throw: () => camera.event(settings.throwTopic, {}, { objectId: ++objects }),
        rest: () => {},
      };
    }
    case "frigate": {
      const camera = new Frigate({ ...settings, cameras: [settings.camera] });
      return {
        link: camera.link,
        throw: (thing, floor) => camera.watch(settings.camera, thing, floor),
        rest: () => camera.rest(),
      };
    }
  }
}

/** Cameras that publish events on the broker, as a process of their own; obeys throw, connect and cut. */
async function openCameras(settings: unknown, say: Say): Promise<Program> {
  const { devices: listed } = settingsSchema.parse(settings);
  const devices = new Map(listed.map((each) => [each.id, deviceOf(each)]));
  const timers: NodeJS.Timeout[] = [];
  for (const { link } of devices.values()) link.start();
  const find = (id: string): Device => {
    const device = devices.get(id);
    if (device === undefined) throw new Error(`no camera ${id}`);
    return device;
  };
  return {
    act(command) {
      const step = stepSchema.parse(command);
      switch (step.do) {
        case "throw": {
          const thing = z.enum(things).parse(step.thing);
          say({
            type: "tale",
            from: "device",
            tone: "warn",
            zh: `有人从${step.floor}层抛下${thing}`,
            en: `somebody throws a ${thing} from floor ${step.floor}`,
          });
          for (const id of step.cameras) find(id).throw(thing, step.floor);
          return;
        }
        case "connect":
          for (const { link } of devices.values()) link.start();
          return;
        case "cut": {
          const { link } = find(step.device);
          link.cut();
          timers.push(setTimeout(() => link.start(), step.forS * 1000));
          return;
        }
        default:
          throw new Error(`these cameras cannot ${step.do}`);
      }
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      for (const device of devices.values()) device.rest();
      await Promise.all([...devices.values()].map(({ link }) => link.stop()));
    },
  };
}

if (import.meta.main) await runProgram(openCameras);
