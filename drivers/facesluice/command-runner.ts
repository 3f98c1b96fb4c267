import type { CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import type { DriverContext } from "../../gateway/ports/driver.ts";
import { type Answer, type AnswerWire, readAnswer } from "./answers.ts";
import { type CommandRequest, planCommand } from "./commands.ts";
import type { CommonOptions, FaceSluiceTopics } from "./options.ts";
import type { Recorder } from "./recorder.ts";

/** What came back for one request: the device's answer, parsed from JSON, or why there is none. */
export type Asked = { readonly answer: unknown } | { readonly outcome: CommandOutcome };

export interface RunnerParts {
  readonly context: DriverContext<unknown>;
  readonly options: CommonOptions;
  /** Over MQTT. */
  readonly topics?: FaceSluiceTopics;
  readonly recorder: Recorder;
  /** Sends one request and waits for its answer, at most 10 s. Never rejects. */
  readonly ask: (request: CommandRequest, messageId: string) => Promise<Asked>;
}

/** Carries out commands, one at a time: these devices answer 410 to a second one, or nothing. */
export class CommandRunner {
  readonly #parts: RunnerParts;
  readonly #wire: AnswerWire;
  #busy = false;
  #sent = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#wire = parts.topics === undefined ? "http" : "mqtt";
  }

  async run(command: DeviceCommand): Promise<CommandOutcome> {
    const { context, options, topics, recorder } = this.#parts;
    if (context.signal.aborted) return { ok: false, why: "not-connected", detail: "the device's session has ended" };
    if (this.#busy) return { ok: false, why: "refused", detail: "another command is under way: try again in a moment" };
    this.#sent += 1;
    const messageId = `zhian-${context.clock.now().toString(36)}-${this.#sent}`;
    const plan = planCommand(command, {
      options,
      ...(topics === undefined ? {} : { topics }),
      ms: context.clock.wall(),
      timeZone: context.timeZone,
      messageId,
      read: (text) => recorder.read(text),
    });
    if (!plan.ok) return plan.outcome;
    this.#busy = true;
    try {
      // Old firmware knows only one of the two ways to its version.
      const oneSuffices = command.name === "device-info";
      return await this.#askAll(plan.requests, messageId, oneSuffices);
    } finally {
      this.#busy = false;
    }
  }

  async #askAll(requests: readonly CommandRequest[], messageId: string, oneSuffices: boolean): Promise<CommandOutcome> {
    const failed: CommandOutcome[] = [];
    const done: CommandOutcome[] = [];
    for (const [index, request] of requests.entries()) {
      const outcome = await this.#askOne(request, index === 0 ? messageId : `${messageId}-${index + 1}`);
      (outcome.ok ? done : failed).push(outcome);
      if (!outcome.ok && !oneSuffices) return outcome;
    }
    const [first] = done;
    if (first === undefined) return failed[0] ?? { ok: false, why: "unsupported", detail: "there is nothing to ask" };
    const told = new Set(done.flatMap(({ detail }) => (detail === undefined ? [] : detail.split(", "))));
    return told.size === 0 ? first : { ok: true, confirmed: true, detail: [...told].join(", ") };
  }

  async #askOne(request: CommandRequest, messageId: string): Promise<CommandOutcome> {
    const asked = await this.#parts.ask(request, messageId);
    if ("outcome" in asked) return asked.outcome;
    const answer = readAnswer(asked.answer, this.#wire);
    if (!answer.outcome.ok) return answer.outcome;
    if (answer.firmware !== undefined) this.#parts.context.seen({ firmware: answer.firmware });
    return answer.time === undefined ? answer.outcome : this.#clockTold(answer, answer.time);
  }

  /** A clock that was asked for is measured as by a heartbeat. */
  #clockTold({ outcome }: Answer, written: string): CommandOutcome {
    const { context, recorder } = this.#parts;
    const ms = recorder.read(written);
    if (ms === undefined) return outcome;
    const fault = recorder.measure(written);
    // The log may refuse it; then the clock is judged anew by the next heartbeat.
    if (fault !== undefined) void recorder.observe([fault]).catch(() => undefined);
    const seconds = Math.round((ms - context.clock.wall()) / 1000);
    const off = seconds === 0 ? "right" : `${Math.abs(seconds)} s ${seconds > 0 ? "ahead" : "behind"}`;
    return { ok: true, confirmed: true, detail: `its clock reads ${written}, ${off}` };
  }
}
