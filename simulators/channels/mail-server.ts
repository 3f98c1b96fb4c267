import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type SecureContextOptions, TLSSocket } from "node:tls";

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, dots unstuffed. */
  readonly source: string;
  readonly secured: boolean;
  readonly account?: string;
}

export interface MailFaults {
  /** Answers a verb so: `{ RCPT: "550 no such user" }`. */
  readonly answers?: Readonly<Record<string, string>>;
  readonly refusesRecipient?: Readonly<Record<string, string>>;
  /** Greets nobody. */
  readonly silent?: boolean;
  /** Hangs at this verb. */
  readonly hangsAt?: string;
  /** Ends the connection at this verb. */
  readonly cutsAt?: string;
  /** Answers with lines without end. */
  readonly endless?: boolean;
}

export interface MailSettings {
  readonly tls: "implicit" | "starttls" | "none";
  readonly certificate?: SecureContextOptions;
  readonly account?: { readonly username: string; readonly password: string };
}

/** A mail server on a port of the loopback: as much of RFC 5321, 3207 and 4954 as a submission takes. */
export class MailServer {
  faults: MailFaults = {};
  readonly mails: Mail[] = [];
  readonly #settings: MailSettings;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(settings: MailSettings) {
    this.#settings = settings;
    const serve = (socket: Socket) => this.#serve(socket, settings.tls === "implicit");
    this.#server =
      settings.tls === "implicit" ? createTlsServer({ ...settings.certificate }, serve) : createServer(serve);
    this.#server.on("tlsClientError", () => {});
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async open(settings: MailSettings): Promise<MailServer> {
    const server = new MailServer(settings);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(plain: Socket, secured: boolean): void {
    let socket = plain;
    let isSecured = secured;
    let input = "";
    let account: string | undefined;
    let from = "";
    let to: string[] = [];
    let inData = false;
    const write = (text: string) => {
      if (!socket.destroyed) socket.write(`${text}\r\n`);
    };
    const obey = (line: string) => {
      const verb = (line.split(/[ :]/)[0] ?? "").toUpperCase();
      const { answers, refusesRecipient, hangsAt, cutsAt, endless } = this.faults;
      if (hangsAt === verb) return;
      if (cutsAt === verb) return void socket.destroy();
      if (endless === true) {
        const pour = () => {
          if (!socket.destroyed) socket.write("250-x".repeat(4000), () => setImmediate(pour));
        };
        return pour();
      }
      const told = answers?.[verb];
      if (told !== undefined) return write(told);
      switch (verb) {
        case "EHLO":
          write("250-simulated");
          if (this.#settings.tls === "starttls" && !isSecured) write("250-STARTTLS");
          if (this.#settings.account !== undefined) write("250-AUTH PLAIN LOGIN");
          return write("250 8BITMIME");
        case "STARTTLS":
          if (this.#settings.tls !== "starttls" || isSecured) return write("502 5.5.1 not here");
          write("220 go ahead");
          socket.removeAllListeners("data");
          socket = new TLSSocket(plain, { isServer: true, ...this.#settings.certificate });
          socket.on("error", () => {});
          isSecured = true;
          socket.on("data", hear);
          return;
        case "AUTH": {
          const [, username = "", password = ""] = Buffer.from(line.split(" ")[2] ?? "", "base64")
            .toString("utf8")
            .split("\0");
          const { account: wanted } = this.#settings;
          if (username !== wanted?.username || password !== wanted.password) {
            // Some servers quote what they were given.
            return write(`535 5.7.8 no such account: ${username} ${password}`);
          }
          account = username;
          return write("235 welcome");
        }
        case "MAIL":
          if (this.#settings.account !== undefined && account === undefined) return write("530 5.7.0 sign in first");
          from = addressOf(line);
          to = [];
          return write("250 ok");
        case "RCPT": {
          const refusal = refusesRecipient?.[addressOf(line)];
          if (refusal !== undefined) return write(refusal);
          to.push(addressOf(line));
          return write("250 ok");
        }
        case "DATA":
          if (to.length === 0) return write("503 nobody to send to");
          inData = true;
          return write("354 go on");
        case "QUIT":
          write("221 bye");
          return void socket.end();
        default:
          return write("250 ok");
      }
    };
    const hear = (data: Buffer) => {
      input += data.toString("utf8");
      for (;;) {
        const mark = inData ? "\r\n.\r\n" : "\r\n";
        const end = input.indexOf(mark);
        if (end < 0) return;
        const chunk = input.slice(0, end);
        input = input.slice(end + mark.length);
        if (!inData) {
          obey(chunk);
          continue;
        }
        inData = false;
        const source = chunk.replace(/^\.\./gm, ".");
        const told = this.faults.answers?.["."];
        if (told === undefined) {
          this.mails.push({ from, to, source, secured: isSecured, ...(account === undefined ? {} : { account }) });
        }
        write(told ?? `250 queued as ${this.mails.length}`);
      }
    };
    plain.on("error", () => {});
    if (socket !== plain) socket.on("error", () => {});
    socket.on("data", hear);
    if (this.faults.silent !== true) write("220 simulated ESMTP");
  }
}

function addressOf(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? "";
}
