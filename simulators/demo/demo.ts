import { createWriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { scenarios } from "../scenarios/scenarios.ts";
import { deviceOf, type Scenario } from "../scenarios/step.ts";
import type { Actor } from "./actor.ts";
import { GatewayVoice } from "./gateway-voice.ts";
import { Narrator } from "./narrator.ts";
import { demoDevices } from "./site.ts";
import { type Stage, setStage } from "./stage.ts";
import { Fallen, type Simulator, Troupe } from "./troupe.ts";

export interface DemoOptions {
  /** `evening` unless said otherwise. */
  readonly scenario?: string | undefined;
  readonly list?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** End after the story, with a summary; 1 where the city misses anything or heard other alarms than the story raises. */
  readonly once?: boolean | undefined;
  /** How the gateway is run on a configuration. */
  readonly gateway: (configFile: string) => { readonly command: string; readonly args: readonly string[] };
}

/**
 * Plays a story on the demo site: a simulated city, simulated devices and a real gateway, each a process of its own. Runs
 * until it is interrupted. Exit code: 0 fine, 1 a process failed, 2 no such scenario.
 */
export async function tellDemo(options: DemoOptions): Promise<number> {
  const narrator = new Narrator(options.json ?? false);
  if (options.list === true) {
    for (const { name, title } of scenarios)
      narrator.line({ scenario: name, ...title }, `${name.padEnd(14)}${title.zh}  ·  ${title.en}`);
    return 0;
  }
  const scenario =
    options.scenario === undefined ? scenarios[0] : scenarios.find(({ name }) => name === options.scenario);
  if (scenario === undefined) {
    const known = scenarios.map(({ name }) => name).join(", ");
    process.stderr.write(
      `没有场景“${options.scenario}” · there is no scenario "${options.scenario}"; known: ${known}\n`,
    );
    return 2;
  }

  narrator.say("搭建演示小区：金水湾", "setting up the demo site Jinshuiwan");
  const troupe = new Troupe(narrator);
  const interrupted = Promise.withResolvers<"interrupted">();
  const offSignals = onInterrupt(() => interrupted.resolve("interrupted"), troupe);
  try {
    const told = play(scenario, options, narrator, troupe);
    told.catch(() => {});
    const end = await Promise.race([told, troupe.fall, interrupted.promise]);
    if (end === "interrupted") narrator.say("正在停止……", "stopping …");
    return end === "interrupted" ? 0 : typeof end === "number" ? end : 1;
  } catch (error) {
    if (!(error instanceof Fallen)) throw error;
    return 1;
  } finally {
    await troupe.end();
    offSignals();
  }
}

async function play(scenario: Scenario, options: DemoOptions, narrator: Narrator, troupe: Troupe): Promise<number> {
  const stage = await setStage(process.env["ZHIAN_DATA"]);
  narrator.fact(
    { dir: stage.dir, gatewayLog: stage.gatewayLog },
    `目录 ${stage.dir}，网关完整日志 gateway.log`,
    "everything of this demo is there, the gateway's whole log too",
    "faint",
  );
  // Node takes its time to start, so all of them do at once; terminals and cameras connect when they are told to.
  const terminalsUp = troupe.simulator(
    { zh: "人脸门禁", en: "the face terminals" },
    new URL("../face-terminal/main.ts", import.meta.url),
    stage.settings.terminals,
  );
  const camerasUp = troupe.simulator(
    { zh: "高抛相机", en: "the throw cameras" },
    new URL("../throw-camera/main.ts", import.meta.url),
    stage.settings.cameras,
  );
  for (const up of [terminalsUp, camerasUp]) up.catch(() => {});
  const [city, extinguishers] = await Promise.all([
    troupe.simulator(
      { zh: "城市平台", en: "the city" },
      new URL("../city/main.ts", import.meta.url),
      stage.settings.city,
    ),
    troupe.simulator(
      { zh: "灭火装置", en: "the extinguishers" },
      new URL("../thermal-extinguisher/main.ts", import.meta.url),
      stage.settings.extinguishers,
    ),
  ]);
  const { path } = z.object({ path: z.string() }).parse(extinguishers.info);
  narrator.say(
    `城市平台与 RS-485 总线（${path}）就绪，启动网关`,
    "city and RS-485 line are ready, starting the gateway",
  );
  stage.writeConfig(path);
  await startGateway(stage, options, narrator, troupe);
  const [terminals, cameras] = await Promise.all([terminalsUp, camerasUp]);
  for (const { actor } of [terminals, cameras]) actor.tell({ do: "connect" });
  narrator.say(
    `场景 ${scenario.name}：${scenario.title.zh}`,
    `scenario ${scenario.name}: ${scenario.title.en}`,
    "good",
  );
  await runTimeline(scenario, {
    city: city.actor,
    "face-terminal": terminals.actor,
    "throw-camera": cameras.actor,
    "thermal-extinguisher": extinguishers.actor,
  });
  if (options.once === true) return summarise(scenario, city, narrator);
  narrator.say(
    "场景结束，小区继续运行；按 Ctrl-C 停止",
    "the story is told, the site goes on; Ctrl-C stops it",
    "good",
  );
  return new Promise(() => {});
}

type Cast = Readonly<Record<"city" | "face-terminal" | "throw-camera" | "thermal-extinguisher", Actor>>;

/** Tells each step to the process that plays its device, at its time. */
async function runTimeline({ steps, endS }: Scenario, cast: Cast): Promise<void> {
  const start = performance.now();
  const until = (s: number) => sleep(Math.max(0, start + s * 1000 - performance.now()));
  for (const { atS, ...step } of [...steps].sort((a, b) => a.atS - b.atS)) {
    await until(atS);
    const driver = demoDevices.find(({ id }) => id === deviceOf(step))?.driver;
    cast[driver ?? "city"].tell(step);
  }
  await until(endS);
}

async function startGateway(stage: Stage, options: DemoOptions, narrator: Narrator, troupe: Troupe): Promise<void> {
  const voice = new GatewayVoice();
  const log = createWriteStream(stage.gatewayLog, { flags: "a", mode: 0o600 });
  const url = `http://127.0.0.1:${stage.ports.console}`;
  const signIn = Promise.withResolvers<string>();
  const gateway = troupe.start(
    {
      name: { zh: "网关", en: "the gateway" },
      ...options.gateway(stage.configFile),
      env: { ZHIAN_DATA: `${stage.dir}/data`, ZHIAN_DEMO_SIGNIN: "1" },
      apart: true,
      onLine: (line) => {
        log.write(`${line}\n`);
        const { tale, signInUrl } = voice.hear(line);
        if (tale !== undefined) narrator.tell(tale);
        if (signInUrl !== undefined) signIn.resolve(signInUrl);
      },
      onComplaint: (line) => log.write(`${line}\n`),
    },
    7000,
  );
  if (!(await healthy(`${url}/healthz`, gateway))) {
    narrator.say(
      `网关 ${healthyWithinMs / 1000} 秒内没有应答，见 gateway.log`,
      "the gateway does not answer, see its log",
      "bad",
    );
    throw new Fallen(gateway.name.en);
  }
  const signInUrl = await Promise.race([signIn.promise, sleep(2000, undefined)]);
  narrator.fact(
    { console: url, signInUrl },
    `控制台 ${signInUrl ?? url}`,
    "console, this link signs you in once",
    "good",
  );
}

const healthyWithinMs = 30_000;

/** Waits for the gateway to say that it is alive; false when it does not. Rejects when it dies before. */
async function healthy(url: string, gateway: Actor): Promise<boolean> {
  for (const end = performance.now() + healthyWithinMs; performance.now() < end; ) {
    if (gateway.dead) throw new Fallen(gateway.name.en);
    const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    if (answer?.ok === true) return true;
    await sleep(50);
  }
  return false;
}

const reportSchema = z.object({
  received: z.number(),
  distinct: z.number(),
  duplicates: z.number(),
  disorder: z.number(),
  conflicts: z.number(),
  malformed: z.number(),
  raised: z.number(),
  late: z.number(),
  rules: z.array(z.string()),
  missing: z.array(z.unknown()),
  quietMs: z.number(),
});

/** What the city has to say in the end. The last messages may still be under way, so it is asked until it is content. */
async function summarise(scenario: Scenario, city: Simulator, narrator: Narrator): Promise<number> {
  const wanted = [...scenario.raises].sort().join(", ");
  const giveUpAt = performance.now() + 15_000;
  for (;;) {
    const report = reportSchema.parse(await city.report());
    const { raised, distinct, missing, duplicates, disorder, conflicts, malformed, rules, late } = report;
    const asRaised = rules.join(", ") === wanted;
    const ok = asRaised && missing.length + disorder + conflicts + malformed === 0;
    if (!ok && performance.now() < giveUpAt) {
      await sleep(250);
      continue;
    }
    narrator.fact(
      { summary: { ...report, scenario: scenario.name, expected: scenario.raises, ok } },
      `小结：警情${raised}起（${rules.join("、") || "无"}），送达${distinct}条（其中补发${late}条），缺口${missing.length}，乱序${disorder}，重复${duplicates}`,
      `summary: ${raised} alarms raised, ${distinct} messages delivered (${late} late), gaps ${missing.length}, disorder ${disorder}`,
      ok ? "good" : "bad",
    );
    if (!asRaised) narrator.say(`应有警情：${wanted}`, `expected alarms of: ${wanted || "no rule"}`, "bad");
    return ok ? 0 : 1;
  }
}

/** The first signal stops in order, the second at once. */
function onInterrupt(stop: () => void, troupe: Troupe): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  let asked = false;
  const listener = () => {
    if (asked) {
      troupe.kill();
      process.exit(1);
    }
    asked = true;
    stop();
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
