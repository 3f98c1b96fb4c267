import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";
import { IsapiCamera } from "./camera.ts";
import { IsapiTerminal, people } from "./terminal.ts";

const account = z.object({ username: z.string(), password: z.string() });
const common = {
  id: z.string(),
  push: z.object({ url: z.string(), account: account.optional() }).optional(),
  account: account.optional(),
  /** Of its own web server; any free one without it. */
  port: z.number().int().optional(),
  heartbeatS: z.number().positive().default(10),
  clockSkewMs: z.number().optional(),
};
const settingsSchema = z.object({
  devices: z.array(
    z.discriminatedUnion("kind", [
      z.object({
        kind: z.literal("terminal"),
        ...common,
        format: z.enum(["json", "xml", "multipart"]).optional(),
        pictureBytes: z.number().optional(),
      }),
      z.object({ kind: z.literal("camera"), ...common, format: z.enum(["json", "xml"]).optional() }),
    ]),
  ),
});

const commandSchema = z.discriminatedUnion("do", [
  /** Any pair of codes, such as 5 and 75, with the person of that number where one is named. */
  z.object({
    do: z.literal("event"),
    device: z.string(),
    major: z.number(),
    sub: z.number(),
    person: z.number().optional(),
  }),
  z.object({ do: z.literal("repeat"), device: z.string() }),
  z.object({ do: z.literal("cut"), device: z.string(), forS: z.number() }),
  z.object({ do: z.literal("throw"), device: z.string(), forMs: z.number().default(1500) }),
]);

/** ISAPI terminals and cameras as a process of their own. */
async function openDevices(settings: unknown, say: Say): Promise<Program> {
  const { devices } = settingsSchema.parse(settings);
  const terminals = new Map<string, IsapiTerminal>();
  const cameras = new Map<string, IsapiCamera>();
  const timers: NodeJS.Timeout[] = [];
  const addresses: Record<string, string> = {};
  const unlocked = (id: string) =>
    say({
      type: "tale",
      from: "device",
      tone: "good",
      zh: `${id}：远程开门`,
      en: `${id}: the door is opened from afar`,
    });

  for (const settings of devices) {
    const { id, port, heartbeatS } = settings;
    const device =
      settings.kind === "terminal"
        ? new IsapiTerminal({ ...settings, onUnlock: () => unlocked(id) })
        : new IsapiCamera(settings);
    if (device instanceof IsapiTerminal) terminals.set(id, device);
    else cameras.set(id, device);
    if (device.server !== undefined) addresses[id] = await device.server.listen(port);
    timers.push(setInterval(() => void device.heartbeat(), heartbeatS * 1000));
  }
  const find = <T>(map: ReadonlyMap<string, T>, id: string): T => {
    const found = map.get(id);
    if (found === undefined) throw new Error(`no such device: ${id}`);
    return found;
  };

  return {
    info: { addresses },
    async act(command) {
      const step = commandSchema.parse(command);
      if (step.do === "throw") {
        const endMs = Date.now();
        await find(cameras, step.device).report({ startMs: endMs - step.forMs, endMs });
        return;
      }
      const terminal = find(terminals, step.device);
      switch (step.do) {
        case "event": {
          const who = step.person === undefined ? undefined : people[step.person % people.length];
          const more =
            who === undefined ? {} : { employeeNoString: who.employeeNo, name: who.name, cardNo: who.cardNo };
          await terminal.event(step.major, step.sub, more);
          return;
        }
        case "repeat":
          return terminal.repeat();
        case "cut":
          terminal.cut();
          timers.push(setTimeout(() => void terminal.restore(), step.forS * 1000));
          return;
      }
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all([...terminals.values(), ...cameras.values()].map((device) => device.stop()));
    },
  };
}

if (import.meta.main) await runProgram(openDevices);
