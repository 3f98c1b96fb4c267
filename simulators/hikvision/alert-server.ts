import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Account, DigestGuard } from "./digest.ts";
import { asJson, asXml, jpeg, streamPart, type Values } from "./wire.ts";

export interface AlertServerOptions {
  readonly account: Account;
  /** As it is announced; devices differ: `MIME_boundary`, `boundary`, `<boundary>`. */
  readonly boundary?: string | undefined;
  readonly format?: "json" | "xml" | undefined;
  /** Wrong: some firmware leaves Content-Length out of its parts. */
  readonly lengths?: "right" | "none" | undefined;
  /** A request other than that of the stream, after it signed in; the body is the answer. */
  readonly onRequest?: (method: string, path: string, body: string) => { status: number; body: string } | undefined;
  readonly onStream?: (open: number) => void;
}

export const streamPath = "/ISAPI/Event/notification/alertStream";

/** The web server of a device: Digest before everything, and an alert stream that never ends. */
export class AlertServer {
  readonly guard: DigestGuard;
  readonly #options: AlertServerOptions;
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();

  constructor(options: AlertServerOptions) {
    this.#options = options;
    this.guard = new DigestGuard(options.account);
    this.#server = createServer((request, response) => this.#take(request, response));
  }

  /** Its address once it listens on the loopback. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    return this.address;
  }

  get address(): string {
    const at = this.#server.address();
    return `http://127.0.0.1:${typeof at === "object" && at !== null ? at.port : 0}`;
  }

  /** Does not keep the process alive. */
  unref(): void {
    this.#server.unref();
  }

  get listeners(): number {
    return this.#streams.size;
  }

  get boundary(): string {
    return this.#options.boundary ?? "MIME_boundary";
  }

  /** To all that listen, with a picture behind it where one is given. False where nobody listens. */
  tell(event: Values, pictureBytes = 0): boolean {
    const { format = "json", lengths } = this.#options;
    const body = format === "json" ? asJson(event) : asXml(event);
    this.say(streamPart(`application/${format}; charset="UTF-8"`, body, this.boundary, lengths));
    if (pictureBytes > 0) this.say(streamPart("image/jpeg", jpeg(pictureBytes, 1), this.boundary, lengths));
    return this.#streams.size > 0;
  }

  /** Bytes as they are, for noise. */
  say(bytes: Buffer): void {
    for (const stream of this.#streams) stream.write(bytes);
  }

  /** The streams end in form, or break off. */
  drop(how: "end" | "break"): void {
    for (const stream of this.#streams) {
      if (how === "end") stream.end();
      else stream.destroy();
    }
    this.#streams.clear();
  }

  async close(): Promise<void> {
    this.drop("break");
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "" } = request;
    const verdict = this.guard.admits(method, url, request.headers.authorization);
    if (verdict !== "yes") {
      response.writeHead(401, { "www-authenticate": this.guard.challenge(verdict === "stale"), "content-length": 0 });
      response.end();
      request.resume();
      return;
    }
    if (method === "GET" && url === streamPath) {
      response.writeHead(200, { "content-type": `multipart/mixed; boundary=${this.boundary}` });
      response.flushHeaders();
      this.#streams.add(response);
      this.#options.onStream?.(this.#streams.size);
      response.on("close", () => this.#streams.delete(response));
      return;
    }
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const answer = this.#options.onRequest?.(method, url, body) ?? { status: 404, body: "" };
      response.writeHead(answer.status, { "content-type": "application/xml" });
      response.end(answer.body);
    });
  }
}
