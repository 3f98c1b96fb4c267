import { TextDecoder } from "node:util";
import { z } from "zod";
import { GatewayError, isGatewayError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { AnswerMemory, type AnswerQueue, type Remembered } from "./answers.ts";
import { type Answer, type CommandName, commandSchemas } from "./contract.ts";
import { contentType, type Origin, writeEvent } from "./envelope.ts";
import { Pacer } from "./pacer.ts";
import { mayAnswerOn, type Topics } from "./topics.ts";
import type { Incoming } from "./wire-types.ts";

/** A command is small: larger ones are refused unread. */
export const largestCommandBytes = 16 * 1024;
/** Commands a second, and at once; one that changes an alarm waits for the disk. */
const commandsPerSecond = 20;
const commandsAtOnce = 100;

/** One command for the audit log, whatever became of it. */
export interface CommandRecord {
  /** ISO 8601, wall clock. */
  readonly at: string;
  /** As it stands in the topic, at most 64 characters. */
  readonly command: string;
  readonly requestId: string;
  readonly by?: string;
  readonly alarmId?: string;
  readonly ok: boolean;
  /** Error code. */
  readonly code?: string;
  /** It came before and was answered from memory. */
  readonly repeated: boolean;
}

/** What a command does; throws GatewayError where it cannot. The result is part of the answer. */
export type Handlers = {
  readonly [N in CommandName]: (command: z.output<(typeof commandSchemas)[N]>) => Record<string, unknown>;
};

interface Parts {
  readonly handlers: Handlers;
  readonly answers: AnswerQueue;
  readonly topics: Topics;
  readonly prefix: string;
  readonly responseTopics: readonly string[] | undefined;
  readonly origin: Origin;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly audit: (record: CommandRecord) => void;
}

const heads = z.looseObject({
  requestId: z.string().max(128).catch(""),
  by: z.string().max(100).optional().catch(undefined),
  alarmId: z.string().max(64).optional().catch(undefined),
});
const noHead = heads.parse({});
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** What came in, as far as it could be read. */
interface Asked {
  readonly name: string;
  readonly head: z.output<typeof heads>;
  readonly body: unknown;
  /** It came in a CloudEvents envelope and is answered in one. */
  readonly enveloped: boolean;
  readonly unreadable?: string;
}

/** Takes commands of the city, does each once, and answers. */
export class Commands {
  readonly #parts: Parts;
  readonly #memory = new AnswerMemory();
  readonly #pacer: Pacer;
  #answered = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pacer = new Pacer(commandsPerSecond, parts.clock.now(), commandsAtOnce);
  }

  receive(message: Incoming): void {
    const asked = read(message, this.#parts.topics);
    // A retained command would be done anew after every connect.
    if (message.retained) {
      this.#parts.logger.warn({ topic: message.topic }, "a retained command is ignored");
      this.#record(asked, false, "COMMAND_INVALID", false);
      return;
    }
    const { requestId } = asked.head;
    const key = requestId === "" ? undefined : `${asked.name}\n${requestId}`;
    const known = key === undefined ? undefined : this.#memory.get(key);
    if (known !== undefined) {
      this.#record(asked, known.ok, undefined, true);
      this.#answer(message, asked, known);
      return;
    }
    const { answer, transient } = this.#do(asked);
    const done: Remembered = { text: JSON.stringify(answer), ok: answer.ok };
    // What failed for now may be tried again under the same id.
    if (key !== undefined && !transient) this.#memory.put(key, done);
    this.#record(asked, answer.ok, answer.error?.code, false);
    this.#answer(message, asked, done);
  }

  #do(asked: Asked): { answer: Answer; transient: boolean } {
    const { requestId } = asked.head;
    try {
      if (this.#pacer.take(this.#parts.clock.now()) > 0) {
        throw new GatewayError("TOO_MANY_ATTEMPTS", `more than ${commandsPerSecond} commands a second`);
      }
      if (asked.unreadable !== undefined) throw new GatewayError("COMMAND_INVALID", asked.unreadable);
      return { answer: { requestId, ok: true, ...this.#dispatch(asked) }, transient: false };
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      return { answer: refusal(requestId, error), transient: error.transient };
    }
  }

  #dispatch({ name, body }: Asked): Record<string, unknown> {
    const { handlers } = this.#parts;
    switch (name) {
      case "acknowledge":
        return handlers.acknowledge(parse(commandSchemas.acknowledge, body));
      case "close":
        return handlers.close(parse(commandSchemas.close, body));
      case "replay-range":
        return handlers["replay-range"](parse(commandSchemas["replay-range"], body));
      case "snapshot":
        return handlers.snapshot(parse(commandSchemas.snapshot, body));
      case "ping":
        return handlers.ping(parse(commandSchemas.ping, body));
      default:
        throw new GatewayError("COMMAND_UNKNOWN", `no command is called ${JSON.stringify(name)}`);
    }
  }

  #record(asked: Asked, ok: boolean, code: string | undefined, repeated: boolean): void {
    const { audit, clock, telemetry } = this.#parts;
    const { requestId, by, alarmId } = asked.head;
    telemetry.count("zhian_uplink_commands_total", { command: labelOf(asked.name), ok: String(ok) });
    audit({
      at: new Date(clock.wall()).toISOString(),
      command: asked.name,
      requestId,
      ...(by === undefined ? {} : { by }),
      ...(alarmId === undefined ? {} : { alarmId }),
      ok,
      ...(code === undefined ? {} : { code }),
      repeated,
    });
  }

  #answer(message: Incoming, asked: Asked, { text, ok }: Remembered): void {
    const { answers, topics, prefix, responseTopics, origin, clock } = this.#parts;
    const { responseTopic, correlationData } = message;
    const allowed = responseTopic !== undefined && mayAnswerOn(responseTopic, prefix, responseTopics);
    const time = new Date(clock.wall()).toISOString();
    this.#answered += 1;
    const id = `answer/${time}/${this.#answered}`;
    const wrap = (data: string): string =>
      asked.enveloped
        ? writeEvent(origin, { type: "zhian.command.answer", id, time, clock: clock.quality().state, data })
        : data;
    answers.put({
      topic: allowed ? responseTopic : topics.responses,
      payload: wrap(text),
      tooLarge: wrap(JSON.stringify({ requestId: asked.head.requestId, ok, truncated: true } satisfies Answer)),
      options: {
        contentType: asked.enveloped ? contentType : "application/json",
        ...(correlationData === undefined ? {} : { correlationData }),
      },
    });
  }
}

function refusal(requestId: string, { code, message, hint }: GatewayError): Answer {
  return { requestId, ok: false, error: { code, message, hint } };
}

function labelOf(name: string): string {
  return Object.hasOwn(commandSchemas, name) ? name : "unknown";
}

function read(message: Incoming, topics: Topics): Asked {
  const name = message.topic.slice(topics.commands.length - 1).slice(0, 64);
  const nothing = { name, head: noHead, body: undefined, enveloped: false };
  if (message.payload.byteLength > largestCommandBytes) {
    const found = message.payload.byteLength;
    return { ...nothing, unreadable: `${found} bytes; at most ${largestCommandBytes} are taken` };
  }
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(message.payload));
    const enveloped = z.looseObject({ specversion: z.literal("1.0"), data: z.unknown() }).safeParse(value);
    const body = enveloped.success ? enveloped.data.data : value;
    const head = heads.safeParse(body);
    return { name, head: head.success ? head.data : noHead, body, enveloped: enveloped.success };
  } catch {
    return { ...nothing, unreadable: "not JSON in UTF-8" };
  }
}

/** Names every mistake with its path. */
function parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues
    .slice(0, 8)
    .map((issue) => `${issue.path.join(".") || "command"}: ${issue.message}`);
  throw new GatewayError("COMMAND_INVALID", mistakes.join("; "));
}
