import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";
import { stepSchema } from "../scenarios/step.ts";
import { CityBroker } from "./broker.ts";
import { alarmOf } from "./envelope.ts";
import { CityNews } from "./news.ts";
import { CitySubscriber } from "./subscriber.ts";

const settingsSchema = z.object({
  /** Absent: the city listens at `url`, a broker of somebody else's. */
  broker: z.object({ linePort: z.number(), users: z.record(z.string(), z.string()) }).optional(),
  url: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  prefix: z.string().optional(),
  dueFrom: z.enum(["beginning", "first-heard"]).optional(),
  /** A line for each observation and device state too. */
  everything: z.boolean().optional(),
});

const reportSchema = z.object({ do: z.literal("report") });

/** The city as a process: a broker with a line that can be cut (or somebody else's broker), and who listens to it. */
async function openCity(settings: unknown, say: Say): Promise<Program> {
  const { broker: brokerSettings, everything, url, ...options } = settingsSchema.parse(settings);
  const broker = brokerSettings === undefined ? undefined : new CityBroker({ port: 0, ...brokerSettings });
  await broker?.start();
  const at = broker?.url ?? url;
  if (at === undefined) throw new Error("settings need `broker` or `url`");
  const news = new CityNews(everything ?? false);
  const count = { raised: 0, events: 0, late: 0 };
  const rules = new Set<string>();
  let lastNewMs = Date.now();
  const subscriber = new CitySubscriber({
    ...options,
    url: at,
    onMessage: (message) => {
      if (message.fate === "new") {
        lastNewMs = Date.now();
        if (message.kind === "events") count.events += 1;
        const alarm =
          message.kind === "alarms" && message.envelope !== undefined ? alarmOf(message.envelope) : undefined;
        if (alarm?.step === "raised") {
          count.raised += 1;
          rules.add(alarm.rule);
        }
        if (message.envelope?.replayed === true) count.late += 1;
      }
      const tale = news.tell(message);
      if (tale !== undefined) say({ type: "tale", ...tale });
    },
  });
  await subscriber.connect();
  const timers = new Set<NodeJS.Timeout>();

  return {
    info: { protocolVersion: subscriber.protocolVersion },
    act(command) {
      if (reportSchema.safeParse(command).success) {
        const missing = subscriber.missing();
        const quietMs = Date.now() - lastNewMs;
        const lanes = subscriber.lanes();
        say({
          type: "report",
          report: { ...subscriber.counters, ...count, rules: [...rules].sort(), missing, lanes, quietMs },
        });
        return;
      }
      const step = stepSchema.parse(command);
      if (step.do !== "cut-city-line" || broker === undefined) throw new Error(`the city cannot ${step.do}`);
      broker.cutLine();
      say({
        type: "tale",
        from: "city",
        tone: "warn",
        zh: `与网关的线路中断${step.forS}秒`,
        en: `the line to the gateway is cut for ${step.forS} s`,
      });
      const timer = setTimeout(() => {
        void broker.mendLine();
        say({ type: "tale", from: "city", tone: "good", zh: "线路恢复", en: "the line is back" });
      }, step.forS * 1000);
      timers.add(timer);
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      await subscriber.close();
      await broker?.stop();
    },
  };
}

if (import.meta.main) await runProgram(openCity);
