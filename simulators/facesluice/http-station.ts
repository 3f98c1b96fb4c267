import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Account, type Destination, HttpPusher } from "./http-pusher.ts";
import { localTime } from "./local-time.ts";
import { selfCare } from "./self-care.ts";
import type { Station, StationEvent, StoredRecord } from "./station.ts";
import { noise, type Trouble } from "./trouble.ts";
import { type Command, parseCommand, parseSubscription, type SubscriptionWish } from "./wire.ts";

export interface HttpStationOptions {
  readonly deviceId: string;
  readonly name?: string;
  /** Port of its own server on loopback; 0 picks one. */
  readonly port?: number | undefined;
  /** Its own account, for /action/…; admin:admin as delivered. */
  readonly account?: Account | undefined;
  /** Where to push from the start, as set at the device itself. Kept over a restart, unlike a subscription. */
  readonly destination?: Destination | undefined;
  readonly timeZone?: string;
  readonly clockSkewMs?: number;
  /** Whatever the subscription says. */
  readonly heartbeatEveryMs?: number;
  /** Until it sends a record again that was not answered by code 200. */
  readonly resendAfterMs?: number;
  readonly rebootMs?: number;
  readonly storage?: number;
  /** Topics that its firmware does not know. */
  readonly unknownTopics?: readonly string[];
  readonly onEvent?: (event: StationEvent) => void;
  /** Commands beside its own; true when it was understood. */
  readonly onCommand?: (command: Command) => boolean;
}

interface Waiting {
  readonly record: StoredRecord;
  readonly late: boolean;
  attempt: number;
  firstSentMs?: number;
}

/**
 * The HTTP side of the same devices: a server of its own that is told where to push, HeartBeat, and one record after the other,
 * each sent again 10 s after it was not answered by code 200. It forgets who subscribed when it loses its power.
 */
export class HttpStation implements Station {
  readonly #options: HttpStationOptions;
  readonly #pusher = new HttpPusher();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server | undefined;
  #destination: Destination | undefined;
  #queue: Waiting[] = [];
  #pushing = false;
  #trouble: Trouble = {};
  #clockSkewMs: number;
  /** The one that it got first is its own for ever. */
  #port: number;
  #sent = 0;
  /** Counts the starts, so that what was begun before a cut comes to nothing. */
  #life = 0;

  constructor(options: HttpStationOptions) {
    this.#options = options;
    this.#clockSkewMs = options.clockSkewMs ?? 0;
    this.#port = options.port ?? 0;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** It runs and knows where to push. */
  get connected(): boolean {
    return this.#server !== undefined && this.#destination !== undefined;
  }

  get address(): string | undefined {
    const bound = this.#server?.address();
    return typeof bound === "object" && bound !== null ? `http://127.0.0.1:${bound.port}` : undefined;
  }

  get timeZone(): string {
    return this.#options.timeZone ?? "Asia/Shanghai";
  }

  get clockSkewMs(): number {
    return this.#trouble.clockSkewMs ?? this.#clockSkewMs;
  }

  now(): number {
    return Date.now() + this.clockSkewMs;
  }

  timeText(atMs: number): string {
    return localTime(atMs, this.timeZone).replace(" ", "T");
  }

  setClock(toMs: number): void {
    this.#trouble = { ...this.#trouble, clockSkewMs: undefined };
    this.#clockSkewMs = toMs - Date.now();
  }

  reboot(): void {
    this.cut();
    this.#later(this.#options.rebootMs ?? 3000, () => this.start());
  }

  trouble(trouble: Trouble): void {
    this.#trouble = trouble;
    void this.#pushNext();
  }

  start(): void {
    if (this.#server !== undefined) return;
    this.#life += 1;
    const server = createServer((request, reply) => void this.#serve(request, reply));
    this.#server = server;
    server.listen(this.#port, "127.0.0.1", () => {
      const bound = server.address();
      if (typeof bound === "object" && bound !== null) this.#port = bound.port;
      if (this.#server === server) this.#directTo(this.#options.destination);
    });
    server.on("error", (error) => this.#tell({ type: "refused", reason: error.message }));
  }

  cut(): void {
    this.#life += 1;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    if (this.connected) this.#tell({ type: "disconnected" });
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = undefined;
    this.#destination = undefined;
    this.#pushing = false;
    this.#pusher.hangUp();
  }

  stop(): Promise<void> {
    this.cut();
    return Promise.resolve();
  }

  push(record: StoredRecord): void {
    const late = !this.connected;
    this.#queue.push({ record, late, attempt: 0 });
    if (this.#queue.length > (this.#options.storage ?? 2000)) {
      const [dropped] = this.#queue.splice(this.#queue[0]?.attempt === 0 ? 0 : 1, 1);
      if (dropped !== undefined) this.#tell({ type: "dropped", record: dropped.record });
    }
    if (late) this.#tell({ type: "buffered", record });
    void this.#pushNext();
  }

  #directTo(destination: Destination | undefined): void {
    if (destination === undefined) return;
    const known = this.#destination !== undefined;
    this.#destination = destination;
    if (!known) {
      this.#tell({ type: "connected" });
      this.#beat(this.#life);
    }
    void this.#pushNext();
  }

  #beat(life: number): void {
    const destination = this.#destination;
    if (life !== this.#life || destination === undefined) return;
    const info = { DeviceID: this.#options.deviceId, Time: this.timeText(this.now()) };
    if (this.#trouble.silence !== true) {
      void this.#pusher.post(destination, destination.heartbeat, JSON.stringify({ operator: "HeartBeat", info }));
    }
    const everyMs = this.#options.heartbeatEveryMs ?? destination.heartbeatEveryMs ?? 30_000;
    this.#later(everyMs, () => this.#beat(life));
  }

  async #pushNext(): Promise<void> {
    const head = this.#queue[0];
    const destination = this.#destination;
    if (head === undefined || destination === undefined || this.#pushing || this.#trouble.silence === true) return;
    const life = this.#life;
    this.#pushing = true;
    head.attempt += 1;
    head.firstSentMs ??= Date.now();
    const { record } = head;
    const late = head.late || this.#trouble.late === true;
    const path = record.topic === "Rec" ? destination.verify : destination.snap;
    const body = JSON.stringify(record.write(late));
    this.#tell({ type: "sent", record, attempt: head.attempt, late });
    if (this.#trouble.noise === true) await this.#pusher.post(destination, path, noise(this.#sent++));
    const taken = await this.#pusher.post(destination, path, body);
    if (this.#trouble.duplicates === true) await this.#pusher.post(destination, path, body);
    if (life !== this.#life) return;
    if (!taken) {
      this.#later(this.#options.resendAfterMs ?? 10_000, () => {
        this.#pushing = false;
        void this.#pushNext();
      });
      return;
    }
    this.#tell({ type: "acknowledged", record, afterMs: Date.now() - head.firstSentMs });
    this.#queue.shift();
    if (record.film !== undefined) await this.#pusher.postFilm(destination, record.film);
    if (life !== this.#life) return;
    this.#pushing = false;
    void this.#pushNext();
  }

  async #serve(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const { username, password } = this.#options.account ?? { username: "admin", password: "admin" };
    const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    if (this.#trouble.silence === true) return;
    if (request.headers.authorization !== wanted) {
      reply.writeHead(401, { "www-authenticate": 'Basic realm="device"' }).end();
      return;
    }
    const operator = /^\/action\/(\w+)$/.exec(request.url ?? "")?.[1];
    const command = parseCommand(Buffer.concat(chunks));
    const answer = (code: number, info: object) => {
      reply.writeHead(200, { "content-type": "application/json" });
      reply.end(JSON.stringify({ operator: command?.operator, code, info }));
    };
    if (command === undefined) return answer(201, { Result: "Fail", Detail: "is not json!" });
    if (command.operator !== operator) return answer(461, { Result: "Fail", Detail: "Unknow operator" });
    if (command.info === undefined) return answer(462, { Result: "Fail", Detail: "Parameter error" });
    if (String(command.info["DeviceID"] ?? this.#options.deviceId) !== this.#options.deviceId) {
      return answer(463, { Result: "Fail", Detail: "Unknow DeviceID" });
    }
    if (this.#trouble.busy === true) return answer(468, { Result: "Fail", Detail: "Last manual push not completed" });
    if (operator === "Subscribe") return this.#subscribe(parseSubscription(command), answer);
    const own = selfCare(command, this);
    if (own !== undefined) {
      answer(200, { Result: "Ok", ...own.info });
      if (own.afterwards !== undefined) reply.once("finish", own.afterwards);
    } else if (this.#options.onCommand?.(command)) answer(200, { Result: "Ok" });
    else answer(461, { Result: "Fail", Detail: "Unknow operator" });
  }

  #subscribe(wish: SubscriptionWish | undefined, answer: (code: number, info: object) => void): void {
    const unknown = wish?.topics.some((topic) => this.#options.unknownTopics?.includes(topic));
    if (wish === undefined || unknown === true) {
      answer(464, { Result: "Fail", Detail: unknown === true ? "Unkonw Topic" : "Invalid Parameters" });
      return;
    }
    answer(200, { Result: "Ok" });
    this.#tell({ type: "accepted" });
    this.#directTo(wish);
  }

  #later(ms: number, call: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      call();
    }, ms);
    this.#timers.add(timer);
  }

  #tell(event: StationEvent): void {
    this.#options.onEvent?.(event);
  }
}
