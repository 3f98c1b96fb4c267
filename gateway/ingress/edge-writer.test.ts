import { describe, expect, it } from "vitest";
import { HeldLog } from "../../tests/support/ingress/held-log.ts";
import { deviceId, RecordedLogger, RecordedTelemetry } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { observationIdSchema, zoneIdSchema } from "../domain/ids.ts";
import type { NewObservation } from "../ports/logs.ts";
import { EdgeWriter } from "./edge-writer.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function start(mode: HeldLog["mode"]) {
  const clock = new ManualClock();
  const log = new HeldLog();
  log.mode = mode;
  const logger = new RecordedLogger();
  const telemetry = new RecordedTelemetry();
  const writer = new EdgeWriter({ log, clock, logger, telemetry, random: () => 0.5 });
  let minted = 0;
  const edge = (device: string, online: boolean): NewObservation => ({
    id: observationIdSchema.parse(`id-${++minted}`),
    deviceId: deviceId(device),
    zoneId: zoneIdSchema.parse("z"),
    dialect: "test",
    draft: online
      ? { kind: "device.online", body: {}, occurredAtMs: clock.wall() }
      : { kind: "device.offline", body: { reason: "silent" }, occurredAtMs: clock.wall() },
  });
  return { clock, log, logger, telemetry, writer, edge };
}

describe("the edges that the gateway observes", () => {
  it("are written at once, before what comes after them", () => {
    const { log, writer, edge } = start("commit");
    writer.write(edge("a", true));
    expect(log.appends).toBe(1);
    expect(log.stored).toHaveLength(1);
  });

  it("are tried again until the log takes them: once each, in order, with their first id and time", async () => {
    const { clock, log, logger, telemetry, writer, edge } = start("fail");
    const written = [edge("a", true)];
    const happened = clock.wall();
    writer.write(written[0] as NewObservation);
    for (let i = 0; i < 20; i++) {
      await turn();
      clock.advance(15_000);
      const next = edge("a", i % 2 === 1);
      written.push(next);
      writer.write(next);
    }
    expect(log.stored).toEqual([]);
    expect(telemetry.of("zhian_ingress_edge_retries_total")).toBe(20);
    expect(logger.lines).toHaveLength(1);
    log.mode = "commit";
    await turn();
    clock.advance(15_000);
    await turn();
    expect(log.stored).toEqual(written);
    expect(log.stored[0]?.draft.occurredAtMs).toBe(happened);
  });

  it("keep their order when one fails while the next is already there", async () => {
    const { clock, log, writer, edge } = start("hold");
    const [gone, back] = [edge("a", false), edge("a", true)];
    writer.write(gone);
    writer.write(back);
    log.fail();
    await turn();
    log.mode = "commit";
    clock.advance(15_000);
    await turn();
    expect(log.stored).toEqual([gone, back]);
  });

  it("are reduced to the newest of each device when there are too many", async () => {
    const { clock, log, telemetry, writer, edge } = start("fail");
    for (let i = 0; i <= 600; i++) {
      writer.write(edge("flapping", i % 2 === 0));
      writer.write(edge("steady", true));
    }
    log.mode = "commit";
    await turn();
    clock.advance(15_000);
    await turn();
    const flapping = log.stored.filter(({ deviceId: id }) => id === "flapping");
    expect(flapping.at(-1)?.draft.kind).toBe("device.online");
    expect(log.stored.length).toBeLessThanOrEqual(1002);
    expect(telemetry.of("zhian_ingress_edges_conflated_total")).toBeGreaterThan(900);
  });

  it("are given up when it is closed", async () => {
    const { clock, log, writer, edge } = start("fail");
    writer.write(edge("a", true));
    await turn();
    writer.close();
    log.mode = "commit";
    clock.advance(60_000);
    await turn();
    expect(log.stored).toEqual([]);
  });
});
