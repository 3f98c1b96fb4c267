import { AlertServer } from "./alert-server.ts";
import type { Account } from "./digest.ts";
import { type PushAddress, post } from "./pusher.ts";
import { asJson, asXml, formData, isapiTime, jpeg, type Values } from "./wire.ts";

export interface TerminalOptions {
  /** Where its HTTP listening posts to. */
  readonly push?: PushAddress | undefined;
  readonly format?: "json" | "xml" | "multipart" | undefined;
  /** Its own web server, with the alert stream and the door. */
  readonly account?: Account | undefined;
  readonly boundary?: string | undefined;
  readonly pictureBytes?: number | undefined;
  readonly clockSkewMs?: number | undefined;
  readonly firstSerialNo?: number | undefined;
  readonly deviceId?: string | undefined;
  readonly onUnlock?: (() => void) | undefined;
}

export interface Person {
  readonly employeeNo: string;
  readonly name: string;
  readonly cardNo: string;
}

/** Made up, as everybody here. */
export const people: readonly [Person, ...Person[]] = [
  { employeeNo: "20260001", name: "王小明", cardNo: "3312990017" },
  { employeeNo: "20260002", name: "李静", cardNo: "3312990018" },
];

interface Kept {
  readonly major: number;
  readonly sub: number;
  readonly more: Values;
  readonly serialNo: number;
  readonly atMs: number;
}

/**
 * An ISAPI face terminal: AccessControllerEvent by push (JSON, XML, or multipart with the picture) and by alert stream. What
 * nobody took is kept and sent again with `currentEvent` false.
 */
export class IsapiTerminal {
  readonly server: AlertServer | undefined;
  readonly #options: TerminalOptions;
  #serialNo: number;
  #cut = false;
  readonly #kept: Kept[] = [];
  #last: Kept | undefined;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#serialNo = options.firstSerialNo ?? 1;
    const { account, boundary, format } = options;
    if (account === undefined) return;
    this.server = new AlertServer({
      account,
      format: format === "xml" ? "xml" : "json",
      boundary,
      onRequest: (method, path, body) => this.#asked(method, path, body),
    });
  }

  /** Records that nobody took yet. */
  get waiting(): number {
    return this.#kept.length;
  }

  now(): number {
    return Date.now() + (this.#options.clockSkewMs ?? 0);
  }

  /** Somebody at the door. Resolves with its serial number when it was offered. */
  async pass(sub: number, who: Person | undefined = people[0]): Promise<number> {
    const person = who === undefined ? {} : { employeeNoString: who.employeeNo, name: who.name, cardNo: who.cardNo };
    return await this.event(5, sub, { ...person, userType: "normal", currentVerifyMode: "cardOrFaceOrFp", mask: "no" });
  }

  async event(major: number, sub: number, more: Values = {}): Promise<number> {
    const kept: Kept = { major, sub, more, serialNo: this.#serialNo++, atMs: this.now() };
    this.#last = kept;
    if (this.#cut || !(await this.#offer(kept, true))) this.#kept.push(kept);
    return kept.serialNo;
  }

  /** The very same record again. */
  async repeat(): Promise<void> {
    if (this.#last !== undefined) await this.#offer(this.#last, true);
  }

  async heartbeat(): Promise<void> {
    if (this.#cut) return;
    const event = this.#envelope("heartBeat", "active", isapiTime(this.now()));
    this.server?.tell(event);
    if (this.#options.push !== undefined) await this.#push(event);
  }

  /** The cable is out: the stream breaks, and what happens is kept. */
  cut(): void {
    this.#cut = true;
    this.server?.drop("break");
  }

  /** It is in again: what was kept goes out as records of the past. */
  async restore(): Promise<void> {
    this.#cut = false;
    for (let kept = this.#kept.shift(); kept !== undefined; kept = this.#kept.shift()) {
      if (await this.#offer(kept, false)) continue;
      this.#kept.unshift(kept);
      return;
    }
  }

  async stop(): Promise<void> {
    await this.server?.close();
  }

  async #offer(kept: Kept, current: boolean): Promise<boolean> {
    const event = this.#write(kept, current);
    const heard = this.server?.tell(event, this.#options.pictureBytes) ?? false;
    return this.#options.push === undefined ? heard : (await this.#push(event)) === 200;
  }

  #push(event: Values): Promise<number> {
    const { push, format = "json", pictureBytes = 0 } = this.#options;
    if (push === undefined) return Promise.resolve(0);
    if (format !== "multipart")
      return post(push, `application/${format}`, format === "json" ? asJson(event) : asXml(event));
    const parts = [{ name: "AccessControllerEvent", contentType: "application/json", body: asJson(event) }];
    const picture = {
      name: "Picture",
      filename: "Picture.jpg",
      contentType: "image/jpeg",
      body: jpeg(pictureBytes, 2),
    };
    const body = formData(pictureBytes > 0 ? [...parts, picture] : parts);
    return post(push, "multipart/form-data; boundary=MIME_boundary", body);
  }

  #write({ major, sub, more, serialNo, atMs }: Kept, current: boolean): Values {
    return {
      ...this.#envelope("AccessControllerEvent", "active", isapiTime(atMs)),
      eventDescription: "Access Controller Event",
      AccessControllerEvent: {
        deviceName: "Access Controller",
        majorEventType: major,
        subEventType: sub,
        cardReaderKind: 1,
        doorNo: 1,
        serialNo,
        frontSerialNo: serialNo - 1,
        currentEvent: current,
        ...more,
      },
    };
  }

  #envelope(eventType: string, eventState: string, dateTime: string): Values {
    const { deviceId } = this.#options;
    return {
      ipAddress: "192.168.171.112",
      portNo: 80,
      protocol: "HTTP",
      macAddress: "a4:d5:c2:00:00:01",
      channelID: 1,
      dateTime,
      activePostCount: 1,
      eventType,
      eventState,
      ...(deviceId === undefined ? {} : { deviceID: deviceId }),
    };
  }

  #asked(method: string, path: string, body: string): { status: number; body: string } {
    const status = (code: number, text: string) =>
      `<?xml version="1.0"?><ResponseStatus version="2.0"><requestURL>${path}</requestURL><statusCode>${code}</statusCode><statusString>${text}</statusString></ResponseStatus>`;
    if (!path.startsWith("/ISAPI/AccessControl/RemoteControl/door/"))
      return { status: 404, body: status(4, "Invalid Operation") };
    // This firmware says an error with HTTP 200.
    if (method !== "PUT" || !body.includes("<cmd>open</cmd>"))
      return { status: 200, body: status(5, "Invalid XML Format") };
    this.#options.onUnlock?.();
    void this.event(3, 0x400);
    return { status: 200, body: status(1, "OK") };
  }
}
