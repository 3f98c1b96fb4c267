import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../../tests/support/wait-for.ts";
import { Mosquitto } from "../mosquitto-for-tests.ts";
import { ThrowCamera } from "./camera.ts";
import { fallenMetres, fallSeconds, releaseHeight, seenDuring, terminalSpeed } from "./falling.ts";

describe("a falling body", () => {
  // Seconds to fall 9, 30, 54 and 90 m, from an independent table of the same equation.
  it.each([
    ["brick", [1.36, 2.53, 3.45, 4.57]],
    ["full-bottle", [1.37, 2.59, 3.59, 4.88]],
    ["rubbish-bag", [1.39, 2.7, 3.86, 5.46]],
    ["takeaway-box", [1.41, 2.81, 4.13, 6.03]],
    ["empty-bottle", [1.89, 5.29, 9.17, 15.0]],
    ["shirt", [2.7, 8.4, 14.9, 24.6]],
  ] as const)("%s takes the time of the table", (thing, seconds) => {
    [9, 30, 54, 90].forEach((height, at) => {
      expect(Math.abs(fallSeconds(height, terminalSpeed[thing]) - (seconds[at] ?? 0))).toBeLessThan(0.06);
    });
  });

  it("falls as in a vacuum where air does not matter", () => {
    expect(fallSeconds(releaseHeight(15), 10_000)).toBeCloseTo(2.96, 2);
    expect(fallenMetres(fallSeconds(20, 33), 33)).toBeCloseTo(20, 6);
  });

  it("is not seen by a camera that looks above it", () => {
    expect(seenDuring(3, "brick", { fromM: 20, toM: 60 })).toBeUndefined();
    const seen = seenDuring(20, "brick", { fromM: 10, toM: 40 });
    expect(seen?.from).toBeCloseTo(fallSeconds(18, 48), 6);
    expect(seen?.to).toBeCloseTo(fallSeconds(48, 48), 6);
  });
});

describe("a throw camera, as Mosquitto hears it", () => {
  let broker: Mosquitto;
  let camera: ThrowCamera | undefined;
  beforeEach(async () => {
    broker = await Mosquitto.start();
  });
  afterEach(async () => {
    camera?.rest();
    camera?.station.cut();
    await broker.stop();
  });

  async function open(withRecordId: boolean): Promise<ThrowCamera> {
    const opened = new ThrowCamera({
      url: broker.url,
      deviceId: "005a213b000b93cc",
      username: "cam",
      password: "not-checked",
      pictureBytes: 400,
      withRecordId,
    });
    camera = opened;
    opened.station.start();
    await waitFor("the connection", () => opened.station.connected);
    return opened;
  }

  it("reports a throw after it is over, as often as its software splits the track", async () => {
    const heard = await broker.hear("mqtt/face/005a213b000b93cc/Snap");
    const camera = await open(false);
    const releasedAtMs = Date.now() - 5000;
    expect(camera.watch({ releasedAtMs, floor: 15, thing: "full-bottle", reports: 2 })).toBe(true);
    await waitFor("two reports", () => heard.length === 2);
    const { operator, info } = JSON.parse(heard[0]?.payload ?? "");
    expect(operator).toBe("ParabolicSnapPush");
    expect(Object.keys(info)).toEqual(["deviceId", "deviceName", "snapTime", "startTime", "endTime", "pic"]);
    const endMs = releasedAtMs + fallSeconds(releaseHeight(15), terminalSpeed["full-bottle"]) * 1000;
    expect(info.endTime).toBe(camera.station.timeText(endMs));
    expect(JSON.parse(heard[1]?.payload ?? "").info.startTime).toBe(info.startTime);
    expect(camera.station.waiting).toBe(0);
  });

  it("waits for the PushAck where its pushes carry an id", async () => {
    const heard = await broker.hear("mqtt/face/005a213b000b93cc/Snap");
    const camera = await open(true);
    camera.mistake("reflection");
    await waitFor("the report", () => heard.length === 1);
    expect(JSON.parse(heard[0]?.payload ?? "").info.SnapOrRecordID).toBe(1);
    expect(camera.station.waiting).toBe(1);
    broker.say("mqtt/face/005a213b000b93cc", {
      operator: "PushAck",
      messageId: "m1",
      info: { PushAckType: 3, SnapOrRecordID: "1" },
    });
    await waitFor("the acknowledgement", () => camera.station.waiting === 0);
  });
});
