import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Device } from "../../gateway/domain/device.ts";
import { deviceIdSchema, zoneIdSchema } from "../../gateway/domain/ids.ts";
import { bodySchemas, type ObservationDraft } from "../../gateway/domain/observation.ts";
import type {
  DeviceHttp,
  DeviceMqtt,
  DriverContext,
  Exchange,
  Expectation,
  HttpPart,
  HttpPush,
  HttpReply,
  ModbusLine,
  MqttMessage,
  Rejection,
  SerialFeed,
  SignOfLife,
} from "../../gateway/ports/driver.ts";
import { ManualClock } from "./manual-clock.ts";

/** The embedded broker with one device, whose part the test plays. */
class FakeDeviceMqtt implements DeviceMqtt {
  readonly published: { topic: string; payload: string; qos: 0 | 1 }[] = [];
  #handle: ((message: MqttMessage) => Promise<void>) | undefined;
  readonly #listeners: ((connected: boolean) => void)[] = [];

  serve(handle: (message: MqttMessage) => Promise<void>): void {
    this.#handle = handle;
  }

  publish(topic: string, payload: string, qos: 0 | 1 = 0): void {
    this.published.push({ topic, payload, qos });
  }

  onConnection(listener: (connected: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /** The device publishes. Resolves when the broker would acknowledge; rejects when it would cut the device off. */
  say(topic: string, payload: string | Uint8Array | object, will = false, retained = false): Promise<void> {
    if (this.#handle === undefined) throw new Error("the session does not serve");
    return this.#handle({ topic, payload: bytesOf(payload), will, retained });
  }

  connect(connected: boolean): void {
    for (const listener of this.#listeners) listener(connected);
  }

  /** What the gateway sent to the device, parsed. */
  replies(): unknown[] {
    return this.published.map(({ payload }) => JSON.parse(payload));
  }
}

function bytesOf(payload: string | Uint8Array | object): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  return Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));
}

export interface FakePush extends Partial<Omit<HttpPush, "body" | "header" | "parts">> {
  readonly body?: string | Uint8Array | object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly parts?: readonly (Partial<Omit<HttpPart, "body">> & { readonly body?: string | Uint8Array | object })[];
}

/** The ingest listener with one device, whose part the test plays. */
class FakeDeviceHttp implements DeviceHttp {
  /** Every reply that was sent, in order. */
  readonly replies: HttpReply[] = [];
  #handle: ((push: HttpPush) => Promise<HttpReply>) | undefined;

  serve(handle: (push: HttpPush) => Promise<HttpReply>): void {
    this.#handle = handle;
  }

  /** The device pushes. Resolves with the reply, which is 503 where the session rejects. */
  async push(given: FakePush): Promise<HttpReply> {
    if (this.#handle === undefined) throw new Error("the session does not serve");
    const { headers = {}, body, parts = [], ...rest } = given;
    const push: HttpPush = {
      method: "POST",
      path: "",
      query: {},
      contentType: headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "application/json",
      address: "127.0.0.1",
      ...rest,
      header: (name) => headers[name.toLowerCase()],
      body: body === undefined ? new Uint8Array(0) : bytesOf(body),
      parts: parts.map(({ body: content, ...part }) => {
        const bytes = content === undefined ? new Uint8Array(0) : bytesOf(content);
        return { name: "", contentType: "application/json", bytes: bytes.length, dropped: false, ...part, body: bytes };
      }),
    };
    const reply = await this.#handle(push).catch((): HttpReply => ({ status: 503 }));
    this.replies.push(reply);
    return reply;
  }
}

/** A line to which the device speaks by itself; the test speaks for it. */
class FakeSerialFeed implements SerialFeed {
  readonly id = "rs232-1";
  readonly #listeners = new Set<{ received(bytes: Uint8Array): void; changed(open: boolean): void }>();

  listen(received: (bytes: Uint8Array) => void, changed: (open: boolean) => void): () => void {
    const listener = { received, changed };
    this.#listeners.add(listener);
    changed(true);
    return () => this.#listeners.delete(listener);
  }

  say(bytes: Uint8Array): void {
    for (const { received } of this.#listeners) received(bytes);
  }

  plug(open: boolean): void {
    for (const { changed } of this.#listeners) changed(open);
  }
}

/** A line with slaves whose registers the test sets. What it does not know is answered by an exception. */
export class FakeModbusLine implements ModbusLine {
  readonly id: string;
  /** `answering`, `silent` (time-outs), `noisy` (bad CRC) or `unplugged`. */
  state: "answering" | "silent" | "noisy" | "unplugged" = "answering";
  requests = 0;
  readonly registers = new Map<string, number>();

  constructor(id: string) {
    this.id = id;
  }

  set(unit: number, address: number, value: number): void {
    this.registers.set(`${unit}:${address}`, value);
  }

  open(): boolean {
    return this.state !== "unplugged";
  }

  readHolding(unit: number, address: number, count: number, _expect: Expectation): Promise<Exchange> {
    return this.#read(unit, address, count);
  }

  readInput(unit: number, address: number, count: number, _expect: Expectation): Promise<Exchange> {
    return this.#read(unit, address, count);
  }

  readCoils(unit: number, address: number, count: number, _expect: Expectation): Promise<Exchange> {
    return this.#read(unit, address, count);
  }

  readDiscrete(unit: number, address: number, count: number, _expect: Expectation): Promise<Exchange> {
    return this.#read(unit, address, count);
  }

  writeCoil(unit: number, address: number, on: boolean, _expect: Expectation): Promise<Exchange> {
    return this.#write(unit, address, on ? 1 : 0);
  }

  writeRegister(unit: number, address: number, value: number, _expect: Expectation): Promise<Exchange> {
    return this.#write(unit, address, value);
  }

  /** What was written, in order. */
  readonly writes: { unit: number; address: number; value: number }[] = [];

  #write(unit: number, address: number, value: number): Promise<Exchange> {
    this.requests += 1;
    const answer = this.state === "answering" ? undefined : this.#answer(unit, address, 1);
    if (answer === undefined) this.writes.push({ unit, address, value });
    return Promise.resolve(answer ?? { ok: true, registers: [] });
  }

  #read(unit: number, address: number, count: number): Promise<Exchange> {
    this.requests += 1;
    return Promise.resolve(this.#answer(unit, address, count));
  }

  #answer(unit: number, address: number, count: number): Exchange {
    if (this.state === "silent") return { ok: false, why: "timeout", detail: "no answer" };
    if (this.state === "noisy") return { ok: false, why: "bad-crc", detail: "CRC does not match" };
    if (this.state === "unplugged") return { ok: false, why: "lost", detail: "the port is gone" };
    const found = Array.from({ length: count }, (_, index) => this.registers.get(`${unit}:${address + index}`));
    const registers = found.filter((value) => value !== undefined);
    if (registers.length < count) return { ok: false, why: "exception", detail: "illegal data address" };
    return { ok: true, registers };
  }
}

export interface FakeContextParts<O> {
  readonly options: O;
  readonly driver?: string;
  readonly dialect?: string;
  readonly timeZone?: string;
  readonly clock?: ManualClock;
  readonly line?: FakeModbusLine;
  readonly profile?: unknown;
  readonly dataDir?: string;
}

/** All that a session may touch, written down for the test. Drafts that the log would refuse fail at once. */
export class FakeDriverContext<O> implements DriverContext<O> {
  readonly device: Device;
  readonly options: O;
  readonly timeZone: string;
  readonly clock: ManualClock;
  readonly mqtt = new FakeDeviceMqtt();
  readonly http = new FakeDeviceHttp();
  readonly feed = new FakeSerialFeed();
  readonly line: FakeModbusLine;
  readonly profile?: unknown;
  readonly dataDir: string;

  readonly observed: ObservationDraft[] = [];
  readonly rejections: Rejection[] = [];
  readonly filteredReasons: string[] = [];
  readonly seenDetails: SignOfLife[] = [];
  readonly goneReasons: string[] = [];
  /** One entry a message's outcome, in order: the conservation law is counted on it. */
  readonly outcomes: ("observed" | "filtered" | "rejected")[] = [];
  /** Set to make the log refuse. */
  logError: Error | undefined;
  /** Set to hold every commit until `commit()` is called. */
  held = false;
  readonly #waiting: (() => void)[] = [];
  readonly #abort = new AbortController();
  readonly signal: AbortSignal = this.#abort.signal;

  constructor(parts: FakeContextParts<O>) {
    this.options = parts.options;
    this.timeZone = parts.timeZone ?? "Asia/Shanghai";
    this.clock = parts.clock ?? new ManualClock();
    this.line = parts.line ?? new FakeModbusLine("rs485-1");
    this.profile = parts.profile;
    this.dataDir = parts.dataDir ?? join(tmpdir(), `zhian-driver-${process.pid}`);
    this.device = {
      id: deviceIdSchema.parse("device-1"),
      name: "device 1",
      driver: parts.driver ?? "driver",
      dialect: parts.dialect ?? "dialect",
      zoneId: zoneIdSchema.parse("zone-1"),
    };
  }

  async observe(drafts: readonly ObservationDraft[]): Promise<void> {
    this.outcomes.push("observed");
    for (const draft of drafts) checkDraft(draft);
    if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.logError !== undefined) throw this.logError;
    this.observed.push(...drafts);
  }

  /** Lets the held commits finish. */
  commit(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  reject(rejection: Rejection): void {
    this.outcomes.push("rejected");
    this.rejections.push(rejection);
  }

  filtered(reason: string): void {
    this.outcomes.push("filtered");
    this.filteredReasons.push(reason);
  }

  seen(details: SignOfLife = {}): void {
    this.seenDetails.push(details);
  }

  gone(reason: "last-will" | "said-so" | "no-answer" | "link-lost"): void {
    this.goneReasons.push(reason);
  }

  pseudonym(personId: string): string {
    return `p-${Buffer.from(personId).toString("hex").length}-${checksum(personId)}`;
  }

  modbusLine(): ModbusLine {
    return this.line;
  }

  modbusTcp(): ModbusLine {
    return this.line;
  }

  serialFeed(): SerialFeed {
    return this.feed;
  }

  abort(): void {
    this.#abort.abort();
  }

  /** Everything that left the session, as one text to search for what must not be there. */
  everything(): string {
    const { observed, rejections, filteredReasons, seenDetails, goneReasons } = this;
    const said = [this.mqtt.published, this.http.replies];
    return JSON.stringify([observed, rejections, filteredReasons, seenDetails, goneReasons, said]);
  }
}

/** Not a secret keyed hash, but like one it keeps nothing that can be read. */
function checksum(text: string): number {
  return [...text].reduce((sum, char) => (sum * 31 + (char.codePointAt(0) ?? 0)) % 2_147_483_647, 7);
}

function checkDraft(draft: ObservationDraft): void {
  bodySchemas[draft.kind].parse(draft.body);
  if (draft.occurredAtMs !== undefined && !Number.isFinite(new Date(draft.occurredAtMs).getTime())) {
    throw new RangeError("occurredAtMs is no instant");
  }
  if (draft.dedupKey?.length === 0 || draft.sourceRecordId?.length === 0) throw new RangeError("an empty key");
}
