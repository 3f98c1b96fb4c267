import type { CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession, DriverContext, HttpPush, HttpReply } from "../../gateway/ports/driver.ts";
import { decodeSnapPush, decodeVerifyPush } from "./access-records.ts";
import { decodeAlarm } from "./alarm-records.ts";
import { readAnswer } from "./answers.ts";
import { CommandRunner } from "./command-runner.ts";
import { askAction } from "./device-actions.ts";
import { type Envelope, openEnvelope } from "./envelope.ts";
import { FollowingVideos, videoFields } from "./following-videos.ts";
import type { FaceSluiceHttpOptions } from "./http-options.ts";
import { faceSluiceSilence } from "./options.ts";
import { Recorder } from "./recorder.ts";
import type { Decoded } from "./records.ts";
import { subscribeRequests } from "./subscribe-request.ts";
import { Subscription } from "./subscription.ts";

/**
 * One device that pushes to the ingest listener and, where its own server is configured, is subscribed and told what to do
 * there. A push is answered by code 200 when it is durable; else the device sends it again after 10 s (HTTP V1.13 §3.1).
 */
export function openFaceSluiceHttp(context: DriverContext<FaceSluiceHttpOptions>): DeviceSession {
  const { http, signal, options } = context;
  if (http === undefined) throw new TypeError("facesluice-http was opened without the ingest listener");
  const recorder = new Recorder(context, options.scene);
  const { server } = options;
  const subscription = server === undefined ? undefined : subscriptionAt(context, server);
  const pushes = new Pushes(context, recorder, () => subscription?.heard());
  http.serve((push) => pushes.handle(push));
  void subscription?.renew();
  const done = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  if (server === undefined || subscription === undefined) return { done };
  const runner = new CommandRunner({
    context,
    options,
    recorder,
    ask: (request) => askAction(context, server, request),
  });
  const command = (given: DeviceCommand) =>
    given.name === "configure-upload" ? subscription.renew() : runner.run(given);
  return { done, command };
}

type Server = NonNullable<FaceSluiceHttpOptions["server"]>;

function subscriptionAt(context: DriverContext<FaceSluiceHttpOptions>, server: Server): Subscription {
  const { clock, signal, options, device } = context;
  const ask = async (): Promise<CommandOutcome> => {
    let outcome: CommandOutcome = { ok: false, why: "unsupported", detail: "there is nothing to subscribe to" };
    for (const request of subscribeRequests(options, server, device.id)) {
      const asked = await askAction(context, server, request);
      outcome = "outcome" in asked ? asked.outcome : readAnswer(asked.answer, "http").outcome;
      // Only who answered may know other topics.
      if (outcome.ok || outcome.why !== "refused") break;
    }
    if (outcome.ok && !signal.aborted) context.seen();
    return outcome;
  };
  const silentAfterMs = faceSluiceSilence(options);
  return new Subscription({ clock, signal, ask, silentAfterMs, onLost: () => context.gone("no-answer") });
}

const accepted: HttpReply = reply(200, "OK");

function reply(status: number, desc: string): HttpReply {
  return { status, contentType: "application/json", body: JSON.stringify({ code: status, desc }) };
}

/** What a device pushes. Every request ends as exactly one of observed, filtered or rejected. */
class Pushes {
  readonly #context: DriverContext<FaceSluiceHttpOptions>;
  readonly #recorder: Recorder;
  readonly #heard: () => void;
  readonly #videos = new FollowingVideos();

  constructor(context: DriverContext<FaceSluiceHttpOptions>, recorder: Recorder, heard: () => void) {
    this.#context = context;
    this.#recorder = recorder;
    this.#heard = heard;
  }

  async handle(push: HttpPush): Promise<HttpReply> {
    if (this.#context.signal.aborted) throw new GatewayError("LOG_CLOSED", "the session of this device has ended");
    if (push.method === "GET") return this.#reject(push, "wrong-method", "expected a POST", reply(405, "POST"));
    if (push.parts.length > 0) return this.#video(push);
    const opened = openEnvelope(push.body);
    // It came whole, so that it would come the same again, and hold up all that is behind it.
    if (!opened.ok) return this.#reject(push, opened.reason, opened.detail, accepted);
    const { envelope } = opened;
    if (!this.#isOurs(envelope.deviceIds)) return this.#foreign(push, envelope.deviceIds);
    this.#heard();
    return this.#dispatch(push, envelope);
  }

  async #dispatch(push: HttpPush, { operator, info }: Envelope): Promise<HttpReply> {
    switch (operator) {
      case "HeartBeat":
      case "Heartbeat":
        await this.#recorder.status(info, "heartbeat");
        return accepted;
      case "VerifyPush":
        return this.#record(
          push,
          decodeVerifyPush(info, (personId) => this.#context.pseudonym(personId)),
        );
      case "SnapPush":
        return this.#record(push, decodeSnapPush(info));
      default: {
        const alarm = decodeAlarm(operator, info, this.#context.options.highTemperature);
        if (alarm !== undefined) return this.#record(push, alarm);
        const shown = /^[A-Za-z0-9-]{1,40}$/.test(operator) ? operator : "no name of an operator";
        return this.#reject(push, "unknown-operator", `found ${shown}`, accepted);
      }
    }
  }

  async #record(push: HttpPush, decoded: Decoded): Promise<HttpReply> {
    switch (decoded.kind) {
      case "record":
        await this.#recorder.record(decoded.record);
        this.#videos.expect(decoded.record);
        return accepted;
      case "filtered":
        this.#context.seen();
        this.#context.filtered(decoded.reason);
        return accepted;
      case "rejected":
        return this.#reject(push, decoded.reason, decoded.detail, accepted);
    }
  }

  /**
   * The film of a throw, of which the listener has kept the fields alone. Where its event did not come, or before the last
   * start, the fields are the event: it has the same key.
   */
  async #video(push: HttpPush): Promise<HttpReply> {
    const fields = videoFields(push.parts);
    if (!this.#isOurs(fields.deviceIds)) return this.#foreign(push, fields.deviceIds);
    this.#heard();
    if (this.#videos.follows(fields)) {
      this.#context.seen();
      this.#context.filtered("video");
      return accepted;
    }
    if (fields.info === undefined) {
      return this.#reject(
        push,
        "wrong-shape",
        "expected DeviceID, ID, StartTime and EndTime beside the file",
        accepted,
      );
    }
    const decoded = decodeAlarm("ParabolicSnapPush", fields.info, this.#context.options.highTemperature);
    if (decoded === undefined) throw new TypeError("a throw is no alarm any more");
    return this.#record(push, decoded);
  }

  #isOurs(deviceIds: readonly string[]): boolean {
    return deviceIds.every((each) => this.#context.options.ownIds.includes(each));
  }

  /** Not acknowledged, so that nothing is lost until the configuration is mended. */
  #foreign(push: HttpPush, deviceIds: readonly string[]): HttpReply {
    const { ownIds } = this.#context.options;
    const foreign = deviceIds.find((each) => !ownIds.includes(each)) ?? "nothing";
    const detail = `the payload names ${foreign}, expected ${ownIds.join(" or ")}`;
    return this.#reject(push, "foreign-id", detail, reply(403, "wrong DeviceID"));
  }

  #reject({ path, body }: HttpPush, reason: string, detail: string, answer: HttpReply): HttpReply {
    const source = /^[A-Za-z0-9/_.-]{0,64}$/.test(path) ? `http ${path || "/"}` : "http";
    this.#context.reject({ reason, detail, source, bytes: body.byteLength });
    return answer;
  }
}
