import { connect } from "node:net";
import { jpegDataUrl } from "../facesluice/picture.ts";

export interface HapiCameraOptions {
  /** Its alarm server: host, port and, where the address has a path, the prefix. */
  readonly host: string;
  readonly port: number;
  readonly prefix?: string;
  readonly account?: { readonly username: string; readonly password: string };
  /** Its serial number. */
  readonly deviceId: string;
  readonly pictureBytes?: number;
  readonly clockSkewMs?: number;
  /** Minutes east of Greenwich of the wall clock that it writes beside the epoch. */
  readonly offsetMinutes?: number;
}

/** AlarmType with AlarmSubType. */
export type HapiAlarm = readonly [type: string, subType: string];
export const fallingObject: HapiAlarm = ["ObjectDetect", "FallingObjectsDetectionAlarm"];

const connectWithinMs = 500;

/**
 * A HAPI camera as its firmware does it: a connection a notification, half a second to get it, a request written by hand, and
 * a close without reading the answer. One try, and no memory of what failed.
 */
export class HapiCamera {
  readonly #options: HapiCameraOptions;
  /** Notifications that could not be sent. */
  failed = 0;

  constructor(options: HapiCameraOptions) {
    this.#options = options;
  }

  /** Resolves when the camera is done with it. */
  async notify([type, subType]: HapiAlarm, occurs: boolean, atMs = Date.now()): Promise<void> {
    const { deviceId, clockSkewMs = 0, offsetMinutes = 480, pictureBytes = 0 } = this.#options;
    const seconds = Math.floor((atMs + clockSkewMs) / 1000);
    const wall = new Date((seconds + offsetMinutes * 60) * 1000).toISOString().slice(0, 19).replace("T", " ");
    const picture =
      pictureBytes === 0 ? undefined : jpegDataUrl(pictureBytes, 3).slice("data:image/jpeg;base64,".length);
    await this.send(
      JSON.stringify({
        AlarmType: type,
        AlarmSubType: subType,
        TimeStamp: seconds,
        LocalTime: wall,
        ChannelNo: 0,
        NotificationType: 0,
        OccurFlag: occurs ? "true" : "false",
        DeviceID: deviceId,
        // The length of the buffer with the zero that ends it, not of the picture.
        ...(picture === undefined ? {} : { Picture: { Size: picture.length + 1, Data: picture } }),
        AlarmInfo: occurs ? { image: null, ObjectDetectInfo: null } : null,
      }),
    );
  }

  /** A body as it is; for mistakes. */
  send(body: string): Promise<void> {
    const { host, port, prefix, account } = this.#options;
    const basic = account === undefined ? undefined : Buffer.from(`${account.username}:${account.password}`);
    const head = [
      `POST /HAPI/V1.0/${prefix === undefined ? "" : `${prefix}/`}Event/Notification HTTP/1.1`,
      "User-Agent: HAPI NOTIFY",
      "Cache-Control: no-cache",
      "Connection: keep-alive",
      "Content-Type: application/x-www-form-urlencoded",
      "x-cos-meta-User-ID: 0",
      `Host: ${host}`,
      ...(basic === undefined ? [] : [`Authorization: Basic ${basic.toString("base64")}`]),
      `Content-Length: ${Buffer.byteLength(body)}`,
      "",
      "",
    ].join("\r\n");
    return new Promise((resolve) => {
      const socket = connect({ host, port, noDelay: true });
      const late = setTimeout(() => socket.destroy(new Error("no connection in time")), connectWithinMs);
      socket.on("connect", () => {
        clearTimeout(late);
        socket.write(head);
        // Closed as soon as the kernel has it; the answer finds nobody.
        socket.end(body, () => socket.destroy());
      });
      socket.on("error", () => {
        this.failed += 1;
      });
      socket.on("close", () => {
        clearTimeout(late);
        resolve();
      });
    });
  }
}
