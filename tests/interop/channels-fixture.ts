import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import { channelSchema, openChannel } from "../../gateway/alarms/channels/channels.ts";
import type { ChannelContext } from "../../gateway/alarms/channels/sender.ts";
import { type Alarm, alarmSchema } from "../../gateway/domain/alarm.ts";
import { metricTable } from "../../gateway/ops/metric-table.ts";
import type { Clock, ClockQuality } from "../../gateway/ports/clock.ts";
import type { Channel, Delivery, PushMessage } from "../../gateway/ports/push.ts";
import type { Logger } from "../../gateway/ports/telemetry.ts";

/** Real time with timers that run out `factor` times as fast: a wait of 10 s is over in half a second. */
export class HurriedClock implements Clock {
  state: ClockQuality["state"] = "synchronised";
  readonly #factor: number;

  constructor(factor = 20) {
    this.#factor = factor;
  }

  now = () => performance.now();
  wall = () => Date.now();
  quality = (): ClockQuality => ({ state: this.state, steppedMs: 0 });

  after(ms: number, call: () => void): () => void {
    const timer = setTimeout(call, ms / this.#factor);
    return () => clearTimeout(timer);
  }
}

export const fire: Alarm = alarmSchema.parse({
  id: "alarm-0123456789",
  rule: "fire",
  subject: "ext-b3-2f",
  zoneId: "b3-u1",
  severity: "critical",
  certainty: "observed",
  priority: 1,
  state: "active-unacknowledged",
  active: true,
  acknowledged: false,
  latched: true,
  raisedAt: "2026-11-24T00:00:05.000Z",
  updatedAt: "2026-11-24T00:00:05.000Z",
  count: 1,
  revision: 1,
  causes: ["o-1"],
  evidence: [],
  explanation: {
    zh: "3栋1单元 3栋2层灭火装置：温度达到71.3°C，已达动作温度。请立即派人携带灭火器查看，疏散同层住户，拨打119。",
    en: "3栋1单元 3栋2层灭火装置: it is 71.3 °C. Send somebody with an extinguisher now, clear the floor, call 119.",
  },
});

export const li = { id: "li", name: "李队长", phone: "+8613800138000", email: "li@site.example" };
export const wang = { id: "wang", name: "王经理", phone: "+8613900139000", email: "wang@site.example" };

export function push(changes: Partial<PushMessage> = {}): PushMessage {
  return {
    id: "push-1",
    alarm: fire,
    title: { zh: "3栋1单元 2层 火警", en: "Fire, block 3 unit 1, floor 2" },
    tier: 1,
    to: [li, wang],
    exercise: false,
    link: "https://gw.site.example/alarms/alarm-0123456789",
    ...changes,
  };
}

export interface Bench {
  readonly channel: Channel;
  readonly clock: HurriedClock;
  /** Every line of the log with its fields. */
  readonly log: string[];
  readonly gauges: Map<string, number>;
  readonly counts: Map<string, number>;
  try(message?: PushMessage, signal?: AbortSignal): Promise<Delivery>;
}

/** A channel as the configuration opens it, over real sockets and lines. */
export function bench(config: z.input<typeof channelSchema>, clock = new HurriedClock()): Bench {
  const log: string[] = [];
  const line = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: line, info: line, warn: line, error: line, child: () => logger };
  const gauges = new Map<string, number>();
  const counts = new Map<string, number>();
  const declared = (name: string, labels: Readonly<Record<string, string>> = {}) => {
    const wanted = metricTable[name]?.labels.join(" ");
    if (wanted !== Object.keys(labels).join(" ")) throw new Error(`${name} is not declared with these labels`);
  };
  const context: ChannelContext = {
    clock,
    logger,
    telemetry: {
      count: (name, labels) => {
        declared(name, labels);
        const key = `${name} ${labels?.["result"]}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      },
      gauge: (name, value, labels) => {
        declared(name, labels);
        gauges.set(name, value);
      },
    },
    site: { name: "金水湾小区", timezone: "Asia/Shanghai" },
  };
  const channel = openChannel(channelSchema.parse(config), context);
  return {
    channel,
    clock,
    log,
    gauges,
    counts,
    try: (message = push(), signal = new AbortController().signal) => channel.push(message, signal),
  };
}

/** A certificate of our own making and the authority it comes from, by openssl. */
export function certificate(options: { name?: string; expired?: boolean } = {}) {
  const { name = "127.0.0.1", expired = false } = options;
  const dir = mkdtempSync(join(tmpdir(), "zhian-channels-"));
  const file = (name: string) => join(dir, name);
  const san = /^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`;
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  try {
    openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=Test authority",
      "-keyout",
      file("ca.key"),
      "-out",
      file("ca.pem"),
    );
    openssl(
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-addext",
      `subjectAltName=${san}`,
      "-keyout",
      file("key"),
      "-out",
      file("csr"),
    );
    openssl(
      "x509",
      "-req",
      "-in",
      file("csr"),
      "-CA",
      file("ca.pem"),
      "-CAkey",
      file("ca.key"),
      "-copy_extensions",
      "copy",
      ...(expired ? ["-days", "-1"] : ["-days", "1"]),
      "-out",
      file("cert"),
    );
    const read = (name: string) => readFileSync(file(name), "utf8");
    return { key: read("key"), cert: read("cert"), ca: read("ca.pem") };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export const token = "canary-token-0123456789abcdef";
export const secret = "SECcanary-secret-0123456789";

export const kinds = ["webhook", "dingtalk", "wecom", "feishu"] as const;
export type Kind = (typeof kinds)[number];

/** A channel of that kind to the simulated other side. */
export function configOf(kind: Kind, origin: string, more: { secret?: string; token?: string; ca?: string } = {}) {
  const key = more.token ?? token;
  const ca = more.ca === undefined ? {} : { ca: more.ca };
  switch (kind) {
    case "webhook":
      return { id: "c", type: kind, url: `${origin}/hook?key=${key}`, secret: more.secret ?? secret, ...ca };
    case "dingtalk":
      return {
        id: "c",
        type: kind,
        url: `${origin}/robot/send?access_token=${key}`,
        secret: more.secret ?? secret,
        ...ca,
      };
    case "wecom":
      return { id: "c", type: kind, url: `${origin}/cgi-bin/webhook/send?key=${key}`, ...ca };
    case "feishu":
      return {
        id: "c",
        type: kind,
        url: `${origin}/open-apis/bot/v2/hook/${key}`,
        secret: more.secret ?? secret,
        ...ca,
      };
  }
}

/** The failure that a try was expected to be. */
export function isFailure(delivery: Delivery): Delivery & { ok: false } {
  if (delivery.ok) throw new Error(`it was received: ${delivery.receipt}`);
  return delivery;
}
