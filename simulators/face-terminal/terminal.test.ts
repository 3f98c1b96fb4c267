import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../../tests/support/wait-for.ts";
import type { StationEvent } from "../facesluice/station.ts";
import { Mosquitto } from "../mosquitto-for-tests.ts";
import { FaceTerminal, type FaceTerminalOptions } from "./terminal.ts";

const deviceId = "1026700";
type Heard = { topic: string; payload: string }[];

interface Said {
  readonly operator: string;
  readonly info: Record<string, unknown>;
}
function said(heard: Heard, topic: string, operator: string): Said[] {
  return heard
    .filter((message) => message.topic === topic)
    .map((message): Said => JSON.parse(message.payload))
    .filter((message) => message.operator === operator);
}
const records = (heard: Heard) => said(heard, `mqtt/face/${deviceId}/Rec`, "RecPush");

describe("a face terminal, as Mosquitto hears it", () => {
  let broker: Mosquitto;
  let terminal: FaceTerminal | undefined;
  let events: StationEvent[];

  beforeEach(async () => {
    broker = await Mosquitto.start();
    events = [];
  });
  afterEach(async () => {
    terminal?.station.cut();
    await broker.stop();
  });

  function open(options: Partial<FaceTerminalOptions> = {}): FaceTerminal {
    terminal = new FaceTerminal({
      url: broker.url,
      deviceId,
      username: "gate-east",
      password: "not-checked",
      pictureBytes: 400,
      onEvent: (event) => events.push(event),
      ...options,
    });
    terminal.station.start();
    return terminal;
  }
  const connected = () => waitFor("the connection", () => events.some((event) => event.type === "connected"));
  const acknowledge = (id: number | string) =>
    broker.say(`mqtt/face/${deviceId}`, {
      operator: "PushAck",
      messageId: "m1",
      info: { PushAckType: 2, SnapOrRecordID: id },
    });

  it("repeats Online until an Online-Ack names it", async () => {
    const heard = await broker.hear("mqtt/face/#");
    open({ onlineEveryMs: 60 });
    const onlines = () => said(heard, "mqtt/face/basic", "Online");
    await waitFor("three announcements", () => onlines().length >= 3);
    broker.say(`mqtt/face/${deviceId}`, {
      operator: "Online-Ack",
      info: { facesluiceId: "somebody-else", result: "ok" },
    });
    const before = onlines().length;
    await waitFor("more announcements", () => onlines().length > before);
    broker.say(`mqtt/face/${deviceId}`, {
      messageId: "10201",
      operator: "Online-Ack",
      info: { facesluiceId: deviceId, result: "ok" },
    });
    await waitFor("the acceptance", () => events.some((event) => event.type === "accepted"));
    const announced = events.filter((event) => event.type === "announced").length;
    terminal?.recognise("allowed");
    await waitFor("the record", () => records(heard).length === 1);
    expect(events.filter((event) => event.type === "announced").length).toBe(announced);
    expect(onlines()[0]?.info).toMatchObject({ facesluiceId: deviceId, username: "admin" });
  });

  it("writes a record with the spellings of the real firmware", async () => {
    const heard = await broker.hear("mqtt/face/#");
    open({ pictureBytes: 60_000 });
    await connected();
    terminal?.recognise("refused");
    await waitFor("the record", () => records(heard).length === 1);
    const info = records(heard)[0]?.info ?? {};
    expect(info).toMatchObject({
      customId: "",
      RecordID: "1",
      VerifyStatus: "2",
      PersonType: "0",
      Sendintime: 1,
      facesluiceId: deviceId,
      isNoMask: "1",
      PushType: 0,
    });
    expect(info["similarity1"]).toMatch(/^\d\d\.\d{6}$/);
    expect(info["time"]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(info["idCard"]).toMatch(/^\d{17}[\dX]$/);
    expect(info["personName"]).toMatch(/^\p{Script=Han}{2,4}$/u);
    const pic = String(info["pic"]);
    expect(pic.startsWith("data:image/jpeg;base64,/9j/")).toBe(true);
    expect(Buffer.from(pic.slice(23), "base64").length).toBe(60_000);
  });

  it("spells persionName where the firmware is old", async () => {
    const heard = await broker.hear("mqtt/face/#");
    open({ firmware: "old" });
    await connected();
    terminal?.recognise("allowed");
    await waitFor("the record", () => records(heard).length === 1);
    expect(records(heard)[0]?.info).toHaveProperty("persionName");
    expect(records(heard)[0]?.info).not.toHaveProperty("personName");
  });

  it("sends the same record again until a PushAck names it, and holds back the next", async () => {
    const heard = await broker.hear("mqtt/face/#");
    open({ ackWithinMs: 80 });
    await connected();
    terminal?.recognise("refused");
    terminal?.recognise("refused");
    await waitFor("three transmissions", () => records(heard).length >= 3);
    expect(new Set(records(heard).map(({ info }) => info["RecordID"]))).toEqual(new Set(["1"]));
    expect(new Set(heard.filter(({ topic }) => topic.endsWith("/Rec")).map(({ payload }) => payload)).size).toBe(1);
    acknowledge(7);
    acknowledge("1");
    await waitFor("the second record", () => records(heard).some(({ info }) => info["RecordID"] === "2"));
    acknowledge(2);
    await waitFor("nothing waiting", () => terminal?.station.waiting === 0);
    const answers = said(heard, `mqtt/face/${deviceId}/Ack`, "PushAck-Ack");
    expect(answers.at(-1)?.info).toMatchObject({ result: "ok", PushAckType: "2", SnapOrRecordID: "2" });
  });

  it("speaks its last will when it is cut off, keeps what happens meanwhile and sends it as late", async () => {
    const heard = await broker.hear("mqtt/face/#");
    const gate = open();
    await connected();
    gate.station.cut();
    await waitFor("the will", () => said(heard, "mqtt/face/basic", "Offline").length === 1);
    gate.recognise("refused");
    gate.recognise("allowed");
    expect(events.filter((event) => event.type === "buffered").length).toBe(2);
    gate.station.start();
    await waitFor("the first late record", () => records(heard).length === 1);
    acknowledge(1);
    await waitFor("the second late record", () => records(heard).length === 2);
    expect(records(heard).map(({ info }) => [info["RecordID"], info["Sendintime"]])).toEqual([
      ["1", 0],
      ["2", 0],
    ]);
  });

  it("drops the oldest when its storage is full, and says so", async () => {
    const gate = open({ storage: 3 });
    await connected();
    gate.station.cut();
    for (let tries = 0; tries < 5; tries++) gate.recognise("refused");
    expect(gate.station.waiting).toBe(3);
    expect(events.flatMap((event) => (event.type === "dropped" ? [event.record.id] : []))).toEqual([1, 2]);
  });

  it("marks what is pushed again by hand with PushType 2", async () => {
    const heard = await broker.hear("mqtt/face/#");
    const gate = open({ resume: false });
    await connected();
    gate.recognise("refused");
    gate.stranger();
    await waitFor("the record", () => records(heard).length === 1);
    broker.say(`mqtt/face/${deviceId}`, {
      operator: "ManualPushRecords",
      messageId: "r1",
      info: {
        DeviceID: deviceId,
        TimeS: "2020-01-01 00:00:00",
        TimeE: gate.station.timeText(gate.station.now() + 5000),
      },
    });
    await waitFor("the replayed record", () => records(heard).length === 2);
    expect(records(heard).map(({ info }) => [info["RecordID"], info["PushType"]])).toEqual([
      ["1", 0],
      ["1", 2],
    ]);
    expect(said(heard, `mqtt/face/${deviceId}/Ack`, "ManualPushRecords-Ack").length).toBe(1);
    expect(said(heard, `mqtt/face/${deviceId}/Snap`, "StrSnapPush").length).toBe(1);
  });

  it("beats with its id inside info, and follows UpMQTTconfig", async () => {
    const heard = await broker.hear("mqtt/face/#");
    open();
    await connected();
    broker.say(`mqtt/face/${deviceId}`, {
      operator: "UpMQTTconfig",
      messageId: "c1",
      info: { facesluiceId: deviceId, KeepAliveInterval: 0.05, ResumefromBreakpoint: 0 },
    });
    const beats = () => said(heard, "mqtt/face/heartbeat", "HeartBeat");
    await waitFor("two beats", () => beats().length >= 2);
    expect(beats()[0]).toMatchObject({ info: { facesluiceId: deviceId } });
    expect(beats()[0]).not.toHaveProperty("facesluiceId");
    terminal?.recognise("allowed");
    await waitFor("the record", () => records(heard).length === 1);
    expect(terminal?.station.waiting).toBe(0);
  });
});
