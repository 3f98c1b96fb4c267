import { createHmac } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** What came in, whatever was answered. */
export interface Taken {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface RobotFaults {
  /** Answers so, whatever comes. `body` as it stands. */
  readonly answers?: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };
  /** Takes the request and never answers. */
  readonly hangs?: boolean;
  /** Ends the connection instead of an answer. */
  readonly resets?: boolean;
  /** Promises more than it sends, and ends. */
  readonly cutsShort?: boolean;
  /** Sends a body without end. */
  readonly endless?: boolean;
  /** Sends the head and then nothing. */
  readonly stalls?: boolean;
}

export interface RobotSettings {
  /** The key in the address: `access_token`, `key`, or the last step of the path. */
  readonly token: string;
  /** Signature key of DingTalk and Feishu, and of the plain webhook. */
  readonly secret?: string;
  readonly keyword?: string;
  readonly perMinute?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

const hour = 3_600_000;

/**
 * Group robots of DingTalk (/robot/send), WeCom (/cgi-bin/webhook/send) and Feishu (/open-apis/bot/v2/hook/TOKEN), and a
 * plain webhook (/hook), on one port of the loopback: they check what the real ones check, and answer as those do.
 */
export class RobotServer {
  faults: RobotFaults = {};
  readonly taken: Taken[] = [];
  /** Bytes of an endless answer that the other side has let come. */
  poured = 0;
  readonly #server: Server;
  readonly #settings: RobotSettings;
  readonly #sockets = new Set<Socket>();
  #inThisMinute = 0;

  private constructor(settings: RobotSettings) {
    this.#settings = settings;
    const take = (request: IncomingMessage, response: ServerResponse) => void this.#take(request, response);
    this.#server = settings.tls === undefined ? createHttpServer(take) : createHttpsServer(settings.tls, take);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async open(settings: RobotSettings): Promise<RobotServer> {
    const robots = new RobotServer(settings);
    await new Promise<void>((resolve) => robots.#server.listen(0, "127.0.0.1", resolve));
    return robots;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `${this.#settings.tls === undefined ? "http" : "https"}://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", this.origin);
    const taken: Taken = {
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      text: Buffer.concat(chunks).toString("utf8"),
    };
    this.taken.push(taken);
    if (!this.#misbehave(response)) {
      const { status = 200, body } = this.#judge(taken);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    }
  }

  #misbehave(response: ServerResponse): boolean {
    const { answers, hangs, resets, cutsShort, endless, stalls } = this.faults;
    if (answers !== undefined) response.writeHead(answers.status, answers.headers).end(answers.body ?? "");
    else if (resets === true) response.socket?.resetAndDestroy();
    else if (cutsShort === true) {
      response.writeHead(200, { "content-length": "100" }).write('{"errcode":');
      setImmediate(() => response.destroy());
    } else if (endless === true) {
      response.writeHead(200);
      const pour = () => {
        do this.poured += 16_384;
        while (!response.destroyed && response.write("x".repeat(16_384)));
        if (!response.destroyed) response.once("drain", pour);
      };
      pour();
    } else if (stalls === true) response.writeHead(200, { "content-length": "100" }).flushHeaders();
    else return hangs === true;
    return true;
  }

  #judge(taken: Taken): { status?: number; body: object } {
    const hook = /^\/open-apis\/bot\/v2\/hook\/([^/]+)$/.exec(taken.path)?.[1];
    if (taken.path === "/robot/send") return { body: this.#dingtalk(taken) };
    if (taken.path === "/cgi-bin/webhook/send") return { body: this.#wecom(taken) };
    if (hook !== undefined) return this.#feishu(taken, hook);
    return { body: { taken: true } };
  }

  #tooMany(): boolean {
    this.#inThisMinute++;
    return this.#inThisMinute > (this.#settings.perMinute ?? 1000);
  }

  #dingtalk({ query, text }: Taken): object {
    const { token, secret, keyword } = this.#settings;
    if (query["access_token"] !== token) return { errcode: 300001, errmsg: "token is not exist" };
    if (secret !== undefined) {
      const expected = createHmac("sha256", secret).update(`${query["timestamp"]}\n${secret}`).digest("base64");
      const skew = Math.abs(Date.now() - Number(query["timestamp"]));
      if (query["sign"] !== expected || !(skew < hour)) {
        return {
          errcode: 310000,
          errmsg: "sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]",
        };
      }
    }
    const body = object(text);
    const markdown = object(body["markdown"]);
    if (
      body["msgtype"] !== "markdown" ||
      typeof markdown["title"] !== "string" ||
      typeof markdown["text"] !== "string"
    ) {
      return { errcode: 400, errmsg: "param error" };
    }
    if (keyword !== undefined && !markdown["text"].includes(keyword)) {
      return { errcode: 310000, errmsg: "keywords not in content" };
    }
    if (Buffer.byteLength(text) > 20_000) return { errcode: 460101, errmsg: "message too long, exceed 20000 bytes" };
    if (this.#tooMany()) return { errcode: 130101, errmsg: "send too fast, exceed 20 times per minute" };
    return { errcode: 0, errmsg: "ok" };
  }

  #wecom({ query, text }: Taken): object {
    if (query["key"] !== this.#settings.token) return { errcode: 93000, errmsg: "invalid webhook url, hint: [1]" };
    const body = object(text);
    const type = body["msgtype"];
    const content = object(body[String(type)])["content"];
    if ((type !== "markdown" && type !== "text") || typeof content !== "string") {
      return { errcode: 40008, errmsg: "invalid message type" };
    }
    const limit = type === "markdown" ? 4096 : 2048;
    if (Buffer.byteLength(content) > limit) {
      return { errcode: 40058, errmsg: `${type}.content exceed max length ${limit}. invalid Request Parameter` };
    }
    if (this.#tooMany()) return { errcode: 45009, errmsg: "api freq out of limit, hint: [1]" };
    return { errcode: 0, errmsg: "ok" };
  }

  #feishu({ text }: Taken, hook: string): { status?: number; body: object } {
    const { token, secret, keyword } = this.#settings;
    if (hook !== token) {
      return { body: { code: 19001, msg: "param invalid: incoming webhook access token invalid", data: {} } };
    }
    const body = object(text);
    if (secret !== undefined) {
      const expected = createHmac("sha256", `${body["timestamp"]}\n${secret}`).digest("base64");
      const skew = Math.abs(Date.now() - 1000 * Number(body["timestamp"]));
      if (body["sign"] !== expected || !(skew < hour)) {
        const msg = "sign match fail or timestamp is not within one hour from current time";
        return { body: { code: 19021, data: {}, msg } };
      }
    }
    if (body["msg_type"] !== "interactive" || !("header" in object(body["card"]))) {
      return { status: 400, body: { code: 9499, msg: "Bad Request", data: {} } };
    }
    if (keyword !== undefined && !text.includes(keyword)) return { body: { code: 19024, msg: "Key Words Not Found" } };
    if (Buffer.byteLength(text) > 20_480) return { status: 400, body: { code: 19036, msg: "too large", data: {} } };
    if (this.#tooMany()) return { status: 400, body: { code: 9499, msg: "too many request", data: {} } };
    return { body: { code: 0, data: {}, msg: "success", StatusCode: 0, StatusMessage: "success" } };
  }
}

/** What may be an object or its JSON; an empty one where it is neither. */
function object(value: unknown): Record<string, unknown> {
  if (typeof value === "string") {
    try {
      return object(JSON.parse(value));
    } catch {
      return {};
    }
  }
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
