import type { Tone } from "../tale.ts";
import type { StationEvent } from "./station.ts";

/** What is worth a line of what happens on the wire. */
export function storyOf(tell: (tone: Tone, zh: string, en: string) => void): (event: StationEvent) => void {
  let confirmedOnce = false;
  let buffered = 0;
  let refusal: string | undefined;
  return (event) => {
    switch (event.type) {
      case "connected":
        refusal = undefined;
        return tell("good", "已上线", "online");
      case "disconnected":
        return tell("warn", "已断线", "offline");
      case "refused":
        // It tries again every few seconds; the same reason is told once.
        if (refusal !== event.reason) tell("bad", `连接失败：${event.reason}`, `cannot connect: ${event.reason}`);
        refusal = event.reason;
        return;
      case "sent":
        if (event.attempt > 1)
          tell("warn", "未获确认，重发同一记录", "no acknowledgement, sends the same record again");
        return;
      case "buffered":
        buffered += 1;
        return tell("faint", `离线，记录暂存（${buffered}）`, `offline, keeps the record (${buffered})`);
      case "acknowledged":
        if (!confirmedOnce) {
          const ms = Math.max(1, Math.round(event.afterMs));
          tell("faint", `网关落盘后确认，${ms} 毫秒`, `the gateway confirms once it is durable, ${ms} ms`);
        }
        confirmedOnce = true;
        return;
      case "dropped":
        return tell("bad", "存储已满，丢弃最旧记录", "storage full, drops its oldest record");
      case "announced":
      case "accepted":
        return;
    }
  };
}
