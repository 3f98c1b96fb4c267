import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../../tests/support/wait-for.ts";
import { Mosquitto } from "../mosquitto-for-tests.ts";
import { fallSeconds, releaseHeight, terminalSpeed } from "../throw-camera/falling.ts";
import { AxisCamera } from "./axis.ts";
import { sights } from "./body.ts";
import { Frigate } from "./frigate.ts";
import { OnvifCamera } from "./onvif.ts";

describe("a falling body in the picture", () => {
  it("moves down ever faster, from the first frame to the ground, in the time that the fall takes", () => {
    const seen = sights("brick", 10, { width: 1280, height: 720, metres: 40 }, 25, 0.5);
    const tops = seen.map(({ box }) => box[1]);
    const steps = tops.slice(1).map((top, n) => top - (tops[n] ?? 0));
    expect(steps.at(-1)).toBeGreaterThan(2 * (steps[5] ?? 0));
    const falls = fallSeconds(releaseHeight(10), terminalSpeed.brick) * 1000;
    expect(Math.abs((seen.at(-1)?.ms ?? 0) - falls)).toBeLessThan(40);
    expect(seen[0]?.box[1]).toBe(720 - 28 * 18);
  });

  it("is not seen above the picture", () => {
    const seen = sights("brick", 30, { width: 1280, height: 720, metres: 20 }, 25, 0.5);
    expect(seen[0]?.ms).toBeGreaterThan(1000);
  });
});

describe("cameras, as Mosquitto hears them", () => {
  let broker: Mosquitto;
  const open: { rest(): Promise<void> }[] = [];
  beforeEach(async () => {
    broker = await Mosquitto.start();
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.rest();
    await broker.stop();
  });
  const login = () => ({ url: broker.url, username: "u", password: "p", reconnectEveryMs: 50 });
  const started = async <T extends OnvifCamera | AxisCamera | Frigate>(camera: T): Promise<T> => {
    open.push({
      rest: () => {
        if (!(camera instanceof AxisCamera)) camera.rest();
        return camera.link.stop();
      },
    });
    camera.link.start();
    await waitFor("the connection", () => camera.link.connected);
    return camera;
  };

  it("publish an ONVIF event as the standard prints it, and as older cameras do", async () => {
    const heard = await broker.hear("#");
    const source = { VideoSource: 1, AnalyticsConfiguration: 2, Rule: "MyImportantFence1" };
    const at = Date.parse("2008-10-10T12:24:57.321Z");
    const plain = await started(new OnvifCamera({ ...login(), topicPrefix: "MyDevice", throwTopic: "x" }));
    plain.event("RuleEngine/LineDetector/Crossed", source, { ObjectId: 15 }, at);
    const mac = "E4:30:22:F3:31:AA";
    const kept = await started(
      new OnvifCamera({ ...login(), topicPrefix: mac, style: "kept-prefixes", throwTopic: "x" }),
    );
    kept.event("Device/Trigger/Relay", { RelayToken: "Relay-1" }, { LogicalState: "active" }, at);
    await waitFor("both", () => heard.length === 2);
    expect(heard.map(({ topic, payload }) => [topic, JSON.parse(payload)])).toEqual([
      [
        "MyDevice/onvif-ej/RuleEngine/LineDetector/Crossed/&1/2/MyImportantFence1",
        {
          UtcTime: "2008-10-10T12:24:57.321Z",
          Source: { VideoSource: "1", AnalyticsConfiguration: "2", Rule: "MyImportantFence1" },
          Data: { ObjectId: "15" },
        },
      ],
      [
        "E4:30:22:F3:31:AA/onvif-ej/Device/tns1:Trigger/tns1:Relay/&Relay-1",
        {
          UtcTime: "2008-10-10T12:24:57.321Z",
          Source: { SimpleItem: [{ Name: "RelayToken", Value: "Relay-1" }] },
          Data: { SimpleItem: [{ Name: "LogicalState", Value: "active" }] },
        },
      ],
    ]);
  });

  it("keep a property at the broker until it is deleted, and tell it again after a cut", async () => {
    const camera = await started(new OnvifCamera({ ...login(), topicPrefix: "cam", throwTopic: "x" }));
    const before = await broker.hear("cam/#");
    camera.property("Device/Trigger/Relay", { RelayToken: "1" }, { LogicalState: "active" });
    camera.event("Device/Other", {}, {});
    await waitFor("both", () => before.length === 2);
    const late = await broker.hear("cam/#");
    await waitFor("what is retained", () => late.length > 0);
    expect(late).toEqual([before[0]]);
    camera.link.cut();
    camera.link.start();
    await waitFor("the property again", () => before.length === 3);
    expect(before[2]?.payload).toBe(before[0]?.payload);
    camera.deleted("Device/Trigger/Relay", { RelayToken: "1" });
    await waitFor("the deletion", () => before.at(-1)?.payload === "");
    const last = await broker.hear("cam/#");
    camera.event("Device/Marker", {}, {});
    await waitFor("the marker", () => last.length > 0);
    expect(last.map(({ topic }) => topic)).toEqual(["cam/onvif-ej/Device/Marker"]);
  });

  it("fail on demand: twice the same, noise, a wrong clock, silence, and what was kept while cut off", async () => {
    const heard = await broker.hear("cam/#");
    const camera = await started(new OnvifCamera({ ...login(), topicPrefix: "cam", throwTopic: "x", keeps: true }));
    camera.link.faults = { duplicates: true, clockSkewMs: 3_600_000 };
    camera.event("A", {}, {});
    await waitFor("two of it", () => heard.length === 2);
    expect(heard[0]).toEqual(heard[1]);
    const ahead = Date.parse(JSON.parse(heard[0]?.payload ?? "").UtcTime) - Date.now();
    expect(Math.abs(ahead - 3_600_000)).toBeLessThan(10_000);
    camera.link.faults = { silent: true };
    camera.event("B", {}, {});
    camera.link.faults = {};
    camera.link.cut();
    camera.event("C", {}, {});
    camera.link.start();
    await waitFor("what was kept", () => heard.length === 3);
    expect(heard[2]?.topic).toBe("cam/onvif-ej/C");
  });

  it("publish an Axis event with its sources in the topic and every value as text, and a last will", async () => {
    const heard = await broker.hear("axis/#");
    const camera = await started(new AxisCamera({ ...login(), serial: "S" }));
    camera.state("onvif:Device/axis:IO/Port", { port: 1 }, { state: false }, 1785325150144);
    await waitFor("the port", () => heard.length === 1);
    expect(heard[0]?.topic).toBe("axis/S/event/tns:onvif/Device/tns:axis/IO/Port/$source/port/1");
    expect(JSON.parse(heard[0]?.payload ?? "")).toEqual({
      topic: "onvif:Device/axis:IO/Port",
      timestamp: 1785325150144,
      message: { source: { port: "1" }, key: {}, data: { state: "0" } },
    });
    camera.link.cut();
    await waitFor("the last will", () => heard.at(-1)?.payload === "Connection Lost");
  });

  it("tell the life of an object as Frigate does: new, updates, and an end with the whole path", async () => {
    const heard = await broker.hear("frigate/#");
    const facade = { width: 1280, height: 720, metres: 40 };
    const frigate = await started(new Frigate({ ...login(), cameras: ["b3"], facade, fps: 20, maxDisappeared: 4 }));
    const id = frigate.watch("b3", "brick", 6);
    const events = () =>
      heard.filter(({ topic }) => topic === "frigate/events").map(({ payload }) => JSON.parse(payload));
    await waitFor("the end", () => events().some(({ type }) => type === "end"));
    const types: string[] = events().map(({ type }) => type);
    expect([types[0], types.at(-1)]).toEqual(["new", "end"]);
    expect(types.slice(1, -1).every((type) => type === "update")).toBe(true);
    expect(new Set(events().map(({ after }) => after.id))).toEqual(new Set([id]));
    const [first, last] = [events()[0].after, events().at(-1)?.after];
    expect(first.end_time).toBeNull();
    expect(last.end_time).toBeGreaterThan(last.start_time);
    expect(last.box[3]).toBeGreaterThan(first.box[3]);
    expect(last.path_data.length).toBeGreaterThan(first.path_data.length);
    expect(heard).toContainEqual({ topic: "frigate/available", payload: "online" });
    expect(heard.some(({ topic }) => topic === "frigate/stats")).toBe(true);
  });
});

it("a camera whose broker is gone with an acknowledgement is stopped all the same", async () => {
  const sockets: Socket[] = [];
  // It says CONNACK and nothing else (MQTT 3.1.1 §3.2).
  const broker = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(Uint8Array.of(0x20, 2, 0, 0)));
  });
  broker.listen(0, "127.0.0.1");
  await once(broker, "listening");
  const { port } = broker.address() as AddressInfo;
  const camera = new AxisCamera({ url: `mqtt://127.0.0.1:${port}`, username: "u", password: "p", serial: "S" });
  camera.link.start();
  await waitFor("the connection", () => camera.link.connected);
  camera.event("axis:Any", {}, { active: true });
  broker.close();
  for (const socket of sockets) socket.destroy();
  await waitFor("the loss", () => !camera.link.connected);
  await camera.link.stop();
});
