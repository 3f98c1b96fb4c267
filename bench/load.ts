import { connect, type Socket } from "node:net";
import mqttPacket from "mqtt-packet";

/** A terminal's record of about 400 bytes without a picture, as the faceSluice dialect sends it. */
export function recordPayload(id: number): string {
  const time = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
  return JSON.stringify({
    operator: "RecPush",
    info: {
      customId: "resident-000117",
      personId: "117",
      RecordID: String(id),
      VerifyStatus: "1",
      PersonType: "0",
      similarity1: "91.500000",
      Sendintime: 1,
      personName: "",
      facesluiceId: "1026700",
      idCard: "",
      telnum: " ",
      time,
      isNoMask: "1",
      PushType: 0,
      targetPosInScene: [346, 0, 1572, 1080],
      note: "x".repeat(60),
    },
  });
}

/** Sends at most this many QoS 1 publishes before the broker has acknowledged the oldest. */
const window = 200;

export interface Publisher {
  /** Sends `count` records with ids from `from`, resolves when the last is acknowledged. */
  send(from: number, count: number, onSent?: (id: number) => void): Promise<void>;
  close(): void;
}

export async function connectPublisher(
  port: number,
  login: { username?: string; password?: string } = {},
): Promise<Publisher> {
  const socket = await session(port, "bench-publisher", login);
  let onAck = (): void => {};
  socket.parser.on("packet", (packet) => {
    if (packet.cmd === "puback") onAck();
  });
  let messageId = 0;
  return {
    send(from, count, onSent) {
      return new Promise((resolve) => {
        let next = from;
        let inFlight = 0;
        const fill = (): void => {
          socket.stream.cork();
          while (inFlight < window && next < from + count) {
            messageId = (messageId % 65_535) + 1;
            inFlight += 1;
            onSent?.(next);
            socket.stream.write(
              mqttPacket.generate({
                cmd: "publish",
                topic: "mqtt/face/1026700/Rec",
                payload: recordPayload(next++),
                qos: 1,
                messageId,
                dup: false,
                retain: false,
              }),
            );
          }
          socket.stream.uncork();
        };
        onAck = () => {
          inFlight -= 1;
          if (next < from + count) fill();
          else if (inFlight === 0) resolve();
        };
        fill();
      });
    },
    close: () => socket.stream.destroy(),
  };
}

/** Subscribes with QoS 1 and hands on the record id of every message. */
export async function connectSubscriber(
  port: number,
  topic: string,
  onRecord: (id: number) => void,
): Promise<{ close(): void }> {
  const socket = await session(port, `bench-subscriber-${port}`, {});
  const pattern = /"(?:RecordID|sourceRecordId)":"(\d+)"/;
  await new Promise<void>((resolve) => {
    socket.parser.on("packet", (packet) => {
      if (packet.cmd === "suback") resolve();
      if (packet.cmd !== "publish") return;
      if (packet.qos === 1 && packet.messageId !== undefined)
        socket.stream.write(mqttPacket.generate({ cmd: "puback", messageId: packet.messageId }));
      const match = pattern.exec(packet.payload.toString());
      if (match !== null) onRecord(Number(match[1]));
    });
    socket.stream.write(mqttPacket.generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 1 }] }));
  });
  return { close: () => socket.stream.destroy() };
}

function session(
  port: number,
  clientId: string,
  login: { username?: string; password?: string },
): Promise<{ stream: Socket; parser: ReturnType<typeof mqttPacket.parser> }> {
  return new Promise((resolve, reject) => {
    const stream = connect(port, "127.0.0.1");
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    stream.setNoDelay(true);
    stream.on("error", reject);
    stream.on("data", (bytes) => parser.parse(bytes));
    stream.on("connect", () => {
      const { username, password } = login;
      stream.write(
        mqttPacket.generate({
          cmd: "connect",
          protocolId: "MQTT",
          protocolVersion: 4,
          clean: true,
          clientId,
          keepalive: 60,
          ...(username === undefined ? {} : { username }),
          ...(password === undefined ? {} : { password: Buffer.from(password) }),
        }),
      );
    });
    parser.on("packet", (packet) => {
      if (packet.cmd === "connack")
        packet.returnCode === 0 ? resolve({ stream, parser }) : reject(new Error(`refused with ${packet.returnCode}`));
    });
  });
}
