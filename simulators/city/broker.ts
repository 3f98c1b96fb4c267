import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { Aedes } from "aedes";

export interface CityBrokerOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Where gateways connect: a line to the broker that can be cut. */
  readonly linePort: number;
  /** Passwords by user name; nobody else may connect. */
  readonly users: Readonly<Record<string, string>>;
}

/** The city platform's broker (MQTT 3.1.1), in memory, on loopback, behind a line that can be cut. */
export class CityBroker {
  readonly #options: CityBrokerOptions;
  #port = 0;
  #aedes: Aedes | undefined;
  #server: Server | undefined;
  #line: Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #lineSockets = new Set<Socket>();

  constructor(options: CityBrokerOptions) {
    this.#options = options;
  }

  /** For the city itself: never cut. */
  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  /** For gateways. */
  get lineUrl(): string {
    return `mqtt://127.0.0.1:${this.#options.linePort}`;
  }

  async start(): Promise<void> {
    const aedes = await Aedes.createBroker({
      authenticate: (_client, username, password, done) => {
        const expected = this.#options.users[username ?? ""];
        done(null, expected !== undefined && password?.toString() === expected);
      },
    });
    this.#aedes = aedes;
    this.#server = createServer((socket) => {
      track(socket, this.#sockets);
      aedes.handle(socket);
    });
    this.#port = await listen(this.#server, this.#options.port);
    await this.mendLine();
  }

  /** Cuts every connection of the line, and refuses new ones. */
  cutLine(): void {
    this.#line?.close();
    this.#line = undefined;
    for (const socket of this.#lineSockets) socket.destroy();
  }

  async mendLine(): Promise<void> {
    if (this.#line !== undefined) return;
    this.#line = createServer((near) => {
      const far = tcpConnect(this.#port, "127.0.0.1");
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        track(socket, this.#lineSockets);
        socket.on("close", () => other.destroy());
        socket.pipe(other);
      }
    });
    await listen(this.#line, this.#options.linePort);
  }

  async stop(): Promise<void> {
    this.cutLine();
    for (const socket of this.#sockets) socket.destroy();
    const aedes = this.#aedes;
    if (aedes !== undefined) await new Promise<void>((resolve) => aedes.close(resolve));
    await new Promise((resolve) => (this.#server === undefined ? resolve(undefined) : this.#server.close(resolve)));
  }
}

function track(socket: Socket, among: Set<Socket>): void {
  among.add(socket);
  socket.on("close", () => among.delete(socket));
  socket.on("error", () => {});
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(address === null || typeof address === "string" ? port : address.port);
    });
  });
}
