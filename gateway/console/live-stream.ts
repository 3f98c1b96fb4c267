import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import type { LoggedTransition } from "../ports/logs.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { HttpError } from "./problem.ts";
import { alarmsView, statusView, transitionView, type Watched } from "./views.ts";

const beatEveryMs = 5_000;
/** A storm of device states makes one status a second. */
const statusAtMostEveryMs = 1_000;
const clientsAtMost = 32;
const clientsOfOneAtMost = 8;
/** What may wait for a client beyond its first answer; one that takes no more is cut off and comes again. */
const waitingAtMost = 512 * 1024;
/** With more than this to catch up a client gets the state as it is instead. */
const catchUpAtMost = 200;
const reconnectMs = 2_000;

export interface LiveRequest {
  /** Who it is: nobody may take up all places. */
  readonly owner: string;
  /** Does the session or token still hold? */
  readonly standing: () => boolean;
  /** The newest transition that the client has. */
  readonly after?: number;
  readonly epoch?: string;
}

interface Client {
  readonly raw: ServerResponse;
  readonly request: LiveRequest;
  readonly allowance: number;
}

/**
 * The alarms as they happen, for any number of screens up to a bound. Snapshot and subscription are one turn of the
 * event loop, so nothing falls between them. A screen that hangs costs its buffer, and then its connection.
 */
export class LiveStream {
  readonly #watched: Watched;
  readonly #telemetry: Telemetry;
  readonly #logger: Logger;
  readonly #clients = new Set<Client>();
  readonly #unsubscribe: (() => void)[];
  #cancelBeat: () => void = () => {};
  #statusPending = false;

  constructor(watched: Watched, telemetry: Telemetry, logger: Logger) {
    this.#watched = watched;
    this.#telemetry = telemetry;
    this.#logger = logger;
    this.#unsubscribe = [
      watched.desk.onTransitions((batch) => this.#transitions(batch)),
      watched.devices.onChanged(() => this.#statusSoon()),
      watched.zones.onChanged(() => this.#statusSoon()),
    ];
    this.#beat();
  }

  /** Takes the connection over. Throws LIVE_FULL where there is no place. */
  open(reply: FastifyReply, request: LiveRequest): FastifyReply {
    const own = [...this.#clients].filter((client) => client.request.owner === request.owner);
    if (this.#clients.size >= clientsAtMost || own.length >= clientsOfOneAtMost) {
      reply.header("retry-after", 10);
      throw new HttpError(503, `${this.#clients.size} live clients are connected`);
    }
    reply.hijack();
    const raw = reply.raw;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
    raw.write(`retry: ${reconnectMs}\n\n`);
    this.#first(raw, request);
    raw.write(event("status", statusView(this.#watched)));
    const client: Client = { raw, request, allowance: raw.writableLength + waitingAtMost };
    this.#clients.add(client);
    raw.on("close", () => this.#gone(client));
    raw.on("error", () => this.#gone(client));
    this.#telemetry.gauge("zhian_console_live_clients", this.#clients.size);
    return reply;
  }

  close(): void {
    this.#cancelBeat();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const client of this.#clients) client.raw.end();
  }

  #first(raw: ServerResponse, { after, epoch }: LiveRequest): void {
    const { alarmLog } = this.#watched;
    const head = alarmLog.head();
    const sameNumbering = epoch === undefined || epoch === alarmLog.epoch;
    if (after !== undefined && sameNumbering && after <= head && head - after <= catchUpAtMost) {
      const missed = alarmLog.read(after, catchUpAtMost);
      for (const logged of missed) raw.write(this.#transitionEvent(logged));
      return;
    }
    const view = alarmsView(this.#watched);
    raw.write(event("snapshot", view, view.seq));
  }

  #transitions(batch: readonly LoggedTransition[]): void {
    if (this.#clients.size === 0) return;
    this.#send(batch.map((logged) => this.#transitionEvent(logged)).join(""));
  }

  #transitionEvent(logged: LoggedTransition): string {
    return event("transition", transitionView(this.#watched, logged), logged.seq);
  }

  #beat(): void {
    for (const client of this.#clients) {
      if (this.#stands(client)) continue;
      client.raw.write(event("signed-out", {}));
      client.raw.end();
      this.#gone(client);
    }
    this.#sendStatus();
    this.#cancelBeat = this.#watched.clock.after(beatEveryMs, () => this.#beat());
  }

  #stands(client: Client): boolean {
    try {
      return client.request.standing();
    } catch (error) {
      this.#logger.warn({ err: error }, "a live client's session cannot be checked");
      return false;
    }
  }

  #statusSoon(): void {
    if (this.#statusPending || this.#clients.size === 0) return;
    this.#statusPending = true;
    this.#watched.clock.after(statusAtMostEveryMs, () => {
      this.#statusPending = false;
      this.#sendStatus();
    });
  }

  #sendStatus(): void {
    if (this.#clients.size > 0) this.#send(event("status", statusView(this.#watched)));
  }

  #send(text: string): void {
    for (const client of this.#clients) {
      if (client.raw.writableLength <= client.allowance) {
        client.raw.write(text);
        continue;
      }
      this.#telemetry.count("zhian_console_live_cut_total", { reason: "slow" });
      this.#logger.warn({ owner: client.request.owner }, "live client takes nothing, cut off");
      client.raw.destroy();
      this.#gone(client);
    }
  }

  #gone(client: Client): void {
    if (!this.#clients.delete(client)) return;
    this.#telemetry.gauge("zhian_console_live_clients", this.#clients.size);
  }
}

/** JSON has no raw line breaks, so the data is one line (HTML Standard §9.2.6). */
function event(name: string, data: object, id?: number): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
