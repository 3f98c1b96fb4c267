import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";

const settingsSchema = z.object({
  port: z.number().int(),
  pkiFolder: z.string(),
  zones: z.array(z.string()).min(1),
  user: z.object({ name: z.string(), password: z.string() }).optional(),
  /** Of its clock, ms. */
  skewMs: z.number().default(0),
  certificateFrom: z.iso.datetime().optional(),
  certificateDays: z.number().optional(),
});

const commandSchema = z.discriminatedUnion("do", [
  z.object({ do: z.literal("set"), zone: z.string(), name: z.string(), value: z.union([z.number(), z.boolean()]) }),
  z.object({ do: z.literal("bad"), zone: z.string(), name: z.string() }),
  z.object({ do: z.literal("babble"), zone: z.string(), name: z.string() }),
  z.object({ do: z.literal("alarm"), zone: z.string(), active: z.boolean(), severity: z.number().optional() }),
  z.object({ do: z.literal("restart") }),
  z.object({ do: z.literal("silence"), forS: z.number().max(60) }),
  z.object({ do: z.literal("report") }),
]);

/** A fire panel as a process of its own. */
async function openPanel(settings: unknown, say: Say): Promise<Program> {
  const { skewMs, certificateFrom, user, certificateDays, ...rest } = settingsSchema.parse(settings);
  if (skewMs !== 0) skewClock(skewMs);
  // Only now, so that all of the library goes by the wrong clock.
  const { FirePanel } = await import("./panel.ts");
  const { StatusCodes } = await import("node-opcua-client");
  const options = {
    ...rest,
    ...(user === undefined ? {} : { user }),
    ...(certificateFrom === undefined ? {} : { certificateFrom: new Date(certificateFrom) }),
    ...(certificateDays === undefined ? {} : { certificateDays }),
  };
  let panel = await FirePanel.start(options);
  return {
    info: { certificateFile: panel.certificateFile },
    async act(command) {
      const step = commandSchema.parse(command);
      switch (step.do) {
        case "set":
          return panel.set(step.zone, step.name, step.value);
        case "bad":
          return panel.set(step.zone, step.name, 0, StatusCodes.BadSensorFailure);
        case "babble":
          return panel.babble(step.zone, step.name);
        case "alarm":
          return panel.alarm(step.zone, step.active, step.severity);
        case "restart":
          await panel.stop();
          panel = await FirePanel.start(options);
          return say({ type: "report", report: { restarted: true } });
        case "silence":
          // The sockets stay open, and nothing is said on them.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, step.forS * 1000);
          return;
        case "report":
          say({
            type: "report",
            report: { sessions: panel.sessions(), subscriptions: panel.subscriptions(), calls: panel.calls },
          });
      }
    },
    stop: () => panel.stop(),
  };
}

/** The whole process goes by a clock that is off. */
function skewClock(skewMs: number): void {
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [RealDate.now() + skewMs] : given) as []));
    }
    static override now(): number {
      return RealDate.now() + skewMs;
    }
  } as DateConstructor;
}

if (import.meta.main) await runProgram(openPanel);
