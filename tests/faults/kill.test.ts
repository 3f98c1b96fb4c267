import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { ordeal } from "../support/ordeal.ts";

const kills = process.env["ZHIAN_NIGHTLY"] === "1" ? 1000 : 50;
const earlyAck = resolve(import.meta.dirname, "early-ack-gateway.ts");

describe("kill -9 at random instants", () => {
  let city: Mosquitto;
  beforeAll(async () => {
    city = await startMosquitto();
  });
  afterAll(() => city.stop());

  test(`${kills} kills lose no acknowledged record and no alarm, and the city gets all in order`, {
    timeout: kills * 15_000,
  }, async () => {
    const outcome = await ordeal({ city, times: kills, start: () => ({}) });
    console.info(
      `${kills} kills: ${outcome.acknowledged} acknowledged, ${outcome.lost.length} lost, ${outcome.raised} alarms raised`,
    );
    expect(outcome).toMatchObject({ lost: [], faults: [], lostSteps: [] });
    expect(outcome.acknowledged).toBeGreaterThan(kills);
    expect(outcome.raised).toBeGreaterThan(kills / 4);
  });
});

describe("control: a gateway that acknowledges before it writes", () => {
  let city: Mosquitto;
  beforeAll(async () => {
    city = await startMosquitto();
  });
  afterAll(() => city.stop());

  test("loses acknowledged records under the same kills, so the test above bites", { timeout: 180_000 }, async () => {
    const outcome = await ordeal({ city, times: 10, start: () => ({ entry: earlyAck }), patienceMs: 8000 });
    console.info(`control, 10 kills: ${outcome.acknowledged} acknowledged, ${outcome.lost.length} lost`);
    expect(outcome.lost.length).toBeGreaterThan(0);
  });
});
