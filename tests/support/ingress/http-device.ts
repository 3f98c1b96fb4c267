import { hash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { waitFor } from "../wait-for.ts";

export interface HttpAnswer {
  readonly status: number;
  /** In order, names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A device that sends exactly the bytes it is told to and keeps the answers. */
export class HttpDevice {
  readonly socket: Socket;
  readonly answers: HttpAnswer[] = [];
  closed = false;
  #text = "";
  readonly #waiting = new Set<() => void>();

  constructor(port: number, localAddress = "127.0.0.1") {
    this.socket = connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text) => {
      this.#text += text;
      this.#read();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** One request; resolves with its answer. */
  async ask(ask: Ask): Promise<HttpAnswer> {
    const before = this.answers.length;
    this.send(requestBytes(ask));
    return this.answer(before + 1);
  }

  /** The `count`th answer on this connection, as soon as it is there. */
  answer(count: number): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const answer = this.answers[count - 1];
        if (answer === undefined) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve(answer);
      };
      const late = setTimeout(() => reject(new Error(`waited in vain for answer ${count}`)), 15_000);
      this.#waiting.add(look);
      look();
    });
  }

  wasCut(): Promise<true> {
    return waitFor("the connection to be cut", () => (this.closed ? true : undefined));
  }

  end(): void {
    this.socket.destroy();
  }

  #read(): void {
    for (;;) {
      const end = this.#text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const [first = "", ...lines] = this.#text.slice(0, end).split("\r\n");
      const headers = lines.map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      });
      const status = Number(first.split(" ")[1]);
      const length = Number(headers.find(([name]) => name === "content-length")?.[1] ?? 0);
      if (this.#text.length < end + 4 + length) return;
      const body = this.#text.slice(end + 4, end + 4 + length);
      this.#text = this.#text.slice(end + 4 + length);
      if (status === 100) continue;
      this.answers.push({ status, headers, body });
      for (const look of [...this.#waiting]) look();
    }
  }
}

export function requestBytes({ method = "POST", path, headers = {}, body = "" }: Ask): Buffer {
  const content = Buffer.from(body);
  const lines = Object.entries({ host: "gateway", "content-length": String(content.length), ...headers });
  const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), content]);
}

/** One request on a connection of its own. */
export async function askOnce(port: number, ask: Ask, localAddress?: string): Promise<HttpAnswer> {
  const device = new HttpDevice(port, localAddress);
  try {
    return await device.ask(ask);
  } finally {
    device.end();
  }
}

export const basic = (username: string, password: string): Readonly<Record<string, string>> => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
});

export function headersOf(answer: HttpAnswer, name: string): string[] {
  return answer.headers.filter(([each]) => each === name).map(([, value]) => value);
}

export interface DigestParts {
  readonly username: string;
  readonly password: string;
  readonly method?: string;
  readonly uri: string;
  readonly algorithm?: "MD5" | "SHA-256";
  readonly nc?: number;
  readonly realm?: string;
  readonly nonce: string;
}

/** RFC 7616 §3.4 with qop=auth, as a client computes it. */
export function digest(parts: DigestParts): Readonly<Record<string, string>> {
  const { username, password, method = "POST", uri, algorithm = "SHA-256", nc = 1, realm = "zhian", nonce } = parts;
  const h = (text: string): string => hash(algorithm === "MD5" ? "md5" : "sha256", text, "hex");
  const cnonce = randomBytes(8).toString("hex");
  const count = nc.toString(16).padStart(8, "0");
  const response = h(
    `${h(`${username}:${realm}:${password}`)}:${nonce}:${count}:${cnonce}:auth:${h(`${method}:${uri}`)}`,
  );
  const fields = `username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", cnonce="${cnonce}"`;
  return {
    authorization: `Digest ${fields}, nc=${count}, qop=auth, algorithm=${algorithm}, response="${response}"`,
  };
}

/** The nonce of a challenge. */
export function nonceOf(answer: HttpAnswer): string {
  return /nonce="([^"]+)"/.exec(headersOf(answer, "www-authenticate")[0] ?? "")?.[1] ?? "";
}
