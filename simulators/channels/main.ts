import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";
import { openPty } from "../serial/pty.ts";
import { MailServer } from "./mail-server.ts";
import { GsmModem } from "./modem.ts";
import { RobotServer } from "./robots.ts";

const settingsSchema = z.object({
  token: z.string().default("token-of-the-group"),
  secret: z.string().optional(),
  perMinute: z.number().int().default(20),
});

const stepSchema = z.discriminatedUnion("do", [
  z.object({ do: z.literal("robots"), faults: z.record(z.string(), z.unknown()) }),
  z.object({ do: z.literal("mail"), faults: z.record(z.string(), z.unknown()) }),
  z.object({ do: z.literal("modem"), faults: z.record(z.string(), z.unknown()) }),
  z.object({ do: z.literal("network"), registration: z.number().int(), rssi: z.number().int() }),
  z.object({ do: z.literal("report") }),
]);

/** Where pushes go, as a process of its own: robots, a mail server without TLS, and a modem; `info` has their addresses. */
async function openChannels(settings: unknown, say: Say): Promise<Program> {
  const { secret, ...rest } = settingsSchema.parse(settings);
  const robots = await RobotServer.open({ ...rest, ...(secret === undefined ? {} : { secret }) });
  const mail = await MailServer.open({ tls: "none" });
  const pty = await openPty();
  const modem = new GsmModem(pty.stream);
  return {
    info: {
      dingtalk: `${robots.origin}/robot/send?access_token=${rest.token}`,
      wecom: `${robots.origin}/cgi-bin/webhook/send?key=${rest.token}`,
      feishu: `${robots.origin}/open-apis/bot/v2/hook/${rest.token}`,
      webhook: `${robots.origin}/hook`,
      mailPort: mail.port,
      modem: pty.path,
    },
    act(command) {
      const step = stepSchema.parse(command);
      if (step.do === "robots") robots.faults = step.faults;
      else if (step.do === "mail") mail.faults = step.faults;
      else if (step.do === "modem") modem.faults = step.faults;
      else if (step.do === "network") {
        modem.registration = step.registration;
        modem.rssi = step.rssi;
      } else {
        const { taken } = robots;
        say({ type: "report", report: { requests: taken, mails: mail.mails, texts: modem.inbox } });
      }
    },
    async stop() {
      await robots.close();
      await mail.close();
      await pty.close();
    },
  };
}

if (import.meta.main) await runProgram(openChannels);
