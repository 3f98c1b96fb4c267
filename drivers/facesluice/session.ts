import type { CommandOutcome } from "../../gateway/domain/command.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceMqtt, DeviceSession, DriverContext, MqttMessage } from "../../gateway/ports/driver.ts";
import { decodeRecPush, decodeStrSnapPush } from "./access-records.ts";
import { decodeAlarm, receiptOfAnyPush } from "./alarm-records.ts";
import { type Asked, CommandRunner } from "./command-runner.ts";
import type { CommandRequest } from "./commands.ts";
import { type Envelope, openEnvelope } from "./envelope.ts";
import type { FaceSluiceOptions } from "./options.ts";
import { Recorder } from "./recorder.ts";
import type { Decoded, PushReceipt } from "./records.ts";
import { onlineAck, pushAck } from "./replies.ts";

/**
 * One device that speaks the dialect over the embedded broker, of whatever family: a terminal may report a throw and a camera
 * a stranger. Every message ends as exactly one of observed, filtered or rejected. A connection that ends without a word is not
 * told here: whoever owns the connections gives the device time to come back.
 */
export function openFaceSluice(context: DriverContext<FaceSluiceOptions>): DeviceSession {
  const { mqtt, signal } = context;
  if (mqtt === undefined) throw new TypeError("facesluice-mqtt was opened without the embedded broker");
  const conversation = new Conversation(context, mqtt);
  mqtt.serve((message) => conversation.handle(message));
  const done = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return { done, command: (command) => conversation.commands.run(command) };
}

/** How long a device may take over its answer to one command. */
const answerWithinMs = 10_000;

class Conversation {
  readonly commands: CommandRunner;
  readonly #context: DriverContext<FaceSluiceOptions>;
  readonly #mqtt: DeviceMqtt;
  readonly #topics: ReadonlySet<string>;
  readonly #recorder: Recorder;
  #replies = 0;
  /** Undefined until the connection has changed for the first time. */
  #connected: boolean | undefined;
  #awaited: Awaited | undefined;

  constructor(context: DriverContext<FaceSluiceOptions>, mqtt: DeviceMqtt) {
    const { options } = context;
    this.#context = context;
    this.#mqtt = mqtt;
    this.#topics = new Set(Object.values(options.topics));
    this.#recorder = new Recorder(context, options.scene);
    const { topics } = options;
    const ask = (request: CommandRequest, messageId: string) => this.#ask(request, messageId);
    this.commands = new CommandRunner({ context, options, topics, recorder: this.#recorder, ask });
    mqtt.onConnection((connected) => {
      this.#connected = connected;
    });
    context.signal.addEventListener("abort", () => this.#awaited?.settle(unanswered("the session ended")), {
      once: true,
    });
  }

  async handle(message: MqttMessage): Promise<void> {
    if (this.#context.signal.aborted) throw new GatewayError("LOG_CLOSED", "the session of this device has ended");
    if (!this.#topics.has(message.topic)) {
      return this.#reject(message, "wrong-topic", "not a topic on which this device may speak");
    }
    const opened = openEnvelope(message.payload);
    if (!opened.ok) {
      if (message.will) this.#context.gone("last-will");
      return this.#reject(message, opened.reason, opened.detail);
    }
    const { envelope } = opened;
    const { ownIds } = this.#context.options;
    const foreign = envelope.deviceIds.find((each) => !ownIds.includes(each));
    if (foreign !== undefined) {
      return this.#reject(message, "foreign-id", `the payload names ${foreign}, expected ${ownIds.join(" or ")}`);
    }
    // Stored by the broker at CONNECT: whatever it says, it is no news but that the client is gone.
    if (message.will) {
      this.#context.gone("last-will");
      return this.#context.filtered("last-will");
    }
    return this.#dispatch(message, envelope);
  }

  #dispatch(message: MqttMessage, envelope: Envelope): Promise<void> | void {
    const { operator, info } = envelope;
    switch (operator) {
      case "Online":
        this.#send(onlineAck(this.#messageId(envelope), this.#context.options.deviceId));
        return this.#recorder.status(info, "online");
      case "HeartBeat":
      case "Heartbeat":
      // The construction-site variant calls its heartbeat so.
      case "Basic":
        return this.#recorder.status(info, "heartbeat");
      case "Offline":
        this.#context.gone("said-so");
        return this.#context.filtered("offline");
      case "RecPush":
        return this.#push(
          message,
          envelope,
          decodeRecPush(info, (personId) => this.#context.pseudonym(personId)),
        );
      case "StrSnapPush":
        return this.#push(message, envelope, decodeStrSnapPush(info));
      default: {
        if (this.#awaited?.operator === operator) return this.#answered(this.#awaited, envelope);
        if (operator.endsWith("-Ack")) return this.#filter("reply");
        const alarm = decodeAlarm(operator, info, this.#context.options.highTemperature);
        return alarm === undefined ? this.#unknown(message, envelope) : this.#push(message, envelope, alarm);
      }
    }
  }

  async #push(message: MqttMessage, envelope: Envelope, decoded: Decoded): Promise<void> {
    switch (decoded.kind) {
      case "record":
        await this.#recorder.record(decoded.record);
        return this.#acknowledge(envelope, decoded.record.receipt);
      case "filtered":
        this.#filter(decoded.reason);
        return this.#acknowledge(envelope, decoded.receipt);
      case "rejected":
        this.#reject(message, decoded.reason, decoded.detail);
        return this.#acknowledge(envelope, decoded.receipt);
    }
  }

  #unknown(message: MqttMessage, envelope: Envelope): void {
    const { operator, info } = envelope;
    const shown = /^[A-Za-z0-9-]{1,40}$/.test(operator) ? operator : "no name of an operator";
    this.#reject(message, "unknown-operator", `found ${shown}`);
    this.#acknowledge(envelope, receiptOfAnyPush(operator, info));
  }

  #ask({ operator, ackOperator, info }: CommandRequest, messageId: string): Promise<Asked> {
    if (this.#connected === false) {
      const detail = "the device is not connected to the broker: nothing was sent";
      return Promise.resolve({ outcome: { ok: false, why: "not-connected", detail } });
    }
    return new Promise((resolve) => {
      const cancel = this.#context.clock.after(answerWithinMs, () => {
        awaited.settle(unanswered(`no ${ackOperator} within ${answerWithinMs / 1000} s`));
      });
      const awaited: Awaited = {
        operator: ackOperator,
        messageId,
        settle: (asked) => {
          cancel();
          if (this.#awaited === awaited) this.#awaited = undefined;
          resolve(asked);
        },
      };
      this.#awaited = awaited;
      this.#send(JSON.stringify({ messageId, operator, info }));
    });
  }

  /** An answer that names another message is that to a command which was given up. */
  #answered(awaited: Awaited, { messageId, code, info }: Envelope): void {
    this.#filter("reply");
    if (messageId !== undefined && messageId !== awaited.messageId) return;
    awaited.settle({ answer: { code, info } });
  }

  #acknowledge(envelope: Envelope, receipt: PushReceipt | undefined): void {
    if (receipt !== undefined) this.#send(pushAck(this.#messageId(envelope), receipt));
  }

  #messageId(envelope: Envelope): string {
    this.#replies += 1;
    return envelope.messageId ?? String(this.#replies);
  }

  #send(payload: string): void {
    this.#mqtt.publish(this.#context.options.topics.command, payload);
  }

  #filter(reason: string): void {
    this.#context.seen();
    this.#context.filtered(reason);
  }

  #reject(message: MqttMessage, reason: string, detail: string): void {
    this.#context.reject({ reason, detail, source: message.topic, bytes: message.payload.byteLength });
  }
}

interface Awaited {
  readonly operator: string;
  readonly messageId: string;
  settle(asked: Asked): void;
}

function unanswered(found: string): { readonly outcome: CommandOutcome } {
  const detail = `${found}; it may have been carried out`;
  return { outcome: { ok: false, why: "no-answer", detail } };
}
