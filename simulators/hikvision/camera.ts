import { randomUUID } from "node:crypto";
import { AlertServer } from "./alert-server.ts";
import type { Account } from "./digest.ts";
import { type PushAddress, post } from "./pusher.ts";
import { asJson, asXml, isapiTime, type Values } from "./wire.ts";

export interface CameraOptions {
  readonly account?: Account | undefined;
  readonly push?: PushAddress | undefined;
  readonly format?: "json" | "xml" | undefined;
  readonly channel?: number | undefined;
  readonly clockSkewMs?: number | undefined;
}

export interface Seen {
  readonly startMs: number;
  readonly endMs: number;
  readonly ruleId?: number;
  readonly ruleName?: string;
  /** 0–100. */
  readonly confidence?: number;
}

/** A camera or recorder that knows objectsThrownDetection: by alert stream, by its own push, or both. */
export class IsapiCamera {
  readonly server: AlertServer | undefined;
  readonly #options: CameraOptions;
  #posts = 0;

  constructor(options: CameraOptions) {
    this.#options = options;
    const { account, format = "xml" } = options;
    if (account !== undefined) this.server = new AlertServer({ account, format, boundary: "<boundary>" });
  }

  /** Told as an alert; the status of the push, 200 where there is none. */
  async report(seen: Seen, state: "active" | "inactive" = "active"): Promise<number> {
    this.#posts = state === "active" ? this.#posts + 1 : 0;
    return await this.#tell({
      ...this.#envelope("objectsThrownDetection", state),
      ObjectsThrownDetection: [throwItem(seen, this.#options.clockSkewMs)],
    });
  }

  /** What cameras send when nothing is on. */
  async heartbeat(): Promise<void> {
    await this.#tell(this.#envelope("videoloss", "inactive"));
  }

  async other(eventType: string): Promise<void> {
    await this.#tell(this.#envelope(eventType, "active"));
  }

  async stop(): Promise<void> {
    await this.server?.close();
  }

  async #tell(event: Values): Promise<number> {
    this.server?.tell(event);
    const { push, format = "xml" } = this.#options;
    if (push === undefined) return 200;
    return await post(push, `application/${format}`, format === "json" ? asJson(event) : asXml(event));
  }

  #envelope(eventType: string, eventState: string): Values {
    return {
      ipAddress: "192.168.171.120",
      portNo: 80,
      protocol: "HTTP",
      macAddress: "a4:d5:c2:00:00:02",
      channelID: this.#options.channel ?? 1,
      dateTime: isapiTime(Date.now() + (this.#options.clockSkewMs ?? 0)),
      activePostCount: this.#posts,
      eventType,
      eventState,
      eventDescription: `${eventType} alarm`,
    };
  }
}

function throwItem({ startMs, endMs, ruleId = 1, ruleName = "north", confidence = 90 }: Seen, skewMs = 0): Values {
  return {
    startTime: isapiTime(startMs + skewMs),
    endTime: isapiTime(endMs + skewMs),
    Image: { resourcesContent: "http://192.168.171.120/pic", resourcesContentType: "url" },
    RuleInfo: { ruleID: ruleId, ruleName, confidence, sensitive: 50, uploadPicEnabled: true, overlayPicEnabled: true },
  };
}

interface PlatformEvent {
  readonly camera: string;
  readonly code: number;
  readonly eventId: string;
  readonly at: string;
  readonly data: Values;
}

/** iSecure Center, which pushes for many cameras (`eventType` 930335): several events in one message, and again after a break. */
export class IsecurePlatform {
  readonly #push: PushAddress;
  readonly #codeAsText: boolean;
  #last: readonly PlatformEvent[] = [];

  constructor(push: PushAddress, codeAsText = false) {
    this.#push = push;
    this.#codeAsText = codeAsText;
  }

  async thrown(events: readonly { readonly camera: string; readonly seen: Seen }[]): Promise<number> {
    this.#last = events.map(({ camera, seen }) =>
      this.#event(camera, 930_335, { ObjectsThrownDetection: [throwItem(seen)] }),
    );
    return await this.#send(false);
  }

  /** Another event of the same subscription, such as 131588. */
  async other(camera: string, code: number): Promise<number> {
    this.#last = [this.#event(camera, code, {})];
    return await this.#send(false);
  }

  /** The last message once more, marked as a retransmission or as it was. */
  async again(marked: boolean): Promise<number> {
    return await this.#send(marked);
  }

  async #send(isDataRetransmission: boolean): Promise<number> {
    const events = this.#last.map(({ camera, code, eventId, at, data }) => ({
      eventId,
      eventType: this.#codeAsText ? String(code) : code,
      happenTime: at,
      srcIndex: camera,
      srcType: "camera",
      status: 0,
      timeout: 0,
      data: {
        ...data,
        channelID: 1,
        dateTime: at,
        eventState: "active",
        isDataRetransmission,
        targetAttrs: { cameraIndexCode: camera, deviceIndexCode: "d-1" },
      },
    }));
    const message = {
      method: "OnEventNotify",
      params: { ability: "event_vss", sendTime: isapiTime(Date.now()), events },
    };
    return await post(this.#push, "application/json", asJson(message));
  }

  #event(camera: string, code: number, data: Values): PlatformEvent {
    return { camera, code, eventId: randomUUID(), at: isapiTime(Date.now()), data };
  }
}
