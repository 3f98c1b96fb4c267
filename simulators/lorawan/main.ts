import { z } from "zod";
import { type Program, runProgram, type Say } from "../program.ts";
import { ExtinguisherUnit } from "../thermal-extinguisher/unit.ts";
import { LoraNode } from "./node.ts";
import { LoraServer } from "./server.ts";

const settingsSchema = z.object({
  url: z.string(),
  username: z.string(),
  password: z.string(),
  applicationId: z.string(),
  version: z.union([z.literal(3), z.literal(4)]).optional(),
  uplinkEveryS: z.number().positive().default(60),
  devices: z.array(z.object({ id: z.string(), zh: z.string(), en: z.string(), devEui: z.string() })),
});

const device = z.string();
const stepSchema = z.discriminatedUnion("do", [
  z.object({
    do: z.literal("fire"),
    device,
    growth: z.enum(["slow", "medium", "fast", "ultrafast"]),
    ceilingM: z.number(),
    radiusM: z.number(),
  }),
  z.object({ do: z.literal("uplink"), device }),
  z.object({ do: z.literal("status"), device }),
  z.object({ do: z.literal("battery"), device, percent: z.number() }),
  z.object({ do: z.literal("hold"), held: z.boolean() }),
  z.object({
    do: z.literal("faults"),
    copies: z.number().int().optional(),
    lost: z.number().optional(),
    clockSkewMs: z.number().optional(),
    cutAfter: z.number().int().optional(),
  }),
]);

/** A LoRaWAN server with extinguishers as a process of its own. */
async function openServer(settings: unknown, say: Say): Promise<Program> {
  const { devices, uplinkEveryS, ...rest } = settingsSchema.parse(settings);
  const server = new LoraServer(rest);
  const startedAt = performance.now();
  const nodes = new Map<string, LoraNode>();
  for (const [index, { id, zh, en, devEui }] of devices.entries()) {
    const unit = new ExtinguisherUnit({ seed: index + 1 });
    const node = new LoraNode({ devEui, unit });
    unit.onDischarge = () => {
      say({
        type: "tale",
        from: "device",
        tone: "bad",
        zh: `${zh}：玻璃球爆裂，干粉喷放`,
        en: `${en}: its bulb breaks`,
      });
      // Electronics send at once what they are there for.
      server.hear(node);
    };
    nodes.set(id, node);
  }
  const advance = () => {
    for (const { unit } of nodes.values()) unit.advanceTo((performance.now() - startedAt) / 1000);
  };
  const living = setInterval(advance, 250);
  const sending = setInterval(() => {
    for (const node of nodes.values()) server.hear(node);
  }, uplinkEveryS * 1000);
  const find = (id: string): LoraNode => {
    const node = nodes.get(id);
    if (node === undefined) throw new Error(`no device ${id}`);
    return node;
  };

  return {
    act(command) {
      const step = stepSchema.parse(command);
      advance();
      switch (step.do) {
        case "fire":
          return find(step.device).unit.ignite(step);
        case "uplink":
          server.hear(find(step.device));
          return;
        case "status":
          return server.status(find(step.device));
        case "battery":
          find(step.device).batteryPercent = step.percent;
          return;
        case "hold":
          return server.hold(step.held);
        case "faults":
          server.faults = step;
          return;
      }
    },
    async stop() {
      clearInterval(living);
      clearInterval(sending);
      await server.stop();
    },
  };
}

if (import.meta.main) await runProgram(openServer);
