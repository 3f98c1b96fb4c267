import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession, DriverContext, MqttMessage } from "../../gateway/ports/driver.ts";
import { EventDesk } from "../json-events/event-desk.ts";
import { sessionUntil } from "../json-events/session.ts";
import { timeReader } from "../json-events/times.ts";
import { viewOf } from "../json-events/view.ts";
import { axisEventTopic, parseAxisPayload, plainAxisTopic } from "./axis-message.ts";
import type { AxisOptions } from "./axis-options.ts";

/** An Axis camera whose event bridge publishes on the embedded broker. */
export function open(context: DriverContext<AxisOptions>): DeviceSession {
  const { mqtt, options, signal } = context;
  if (mqtt === undefined) throw new TypeError("axis-mqtt was opened without the embedded broker");
  const read = timeReader("UTC");
  const events = `${options.topicPrefix}/event`;
  const desk = new EventDesk(context, viewOf(context.profile), {
    rules: options.events,
    lateAfterMs: options.lateAfter,
    plain: plainAxisTopic,
  });
  mqtt.onConnection((connected) => {
    if (connected) desk.connected();
  });
  mqtt.serve(async (message) => {
    if (signal.aborted) throw new GatewayError("LOG_CLOSED", "the session of this device has ended");
    return handle(message);
  });
  return sessionUntil(signal);

  function handle({ topic, payload, will, retained }: MqttMessage): Promise<void> | void {
    if (will) {
      context.gone("last-will");
      return context.filtered("last-will");
    }
    const below = topic === events ? "" : topic.startsWith(`${events}/`) ? topic.slice(events.length + 1) : undefined;
    if (below === undefined) {
      context.seen();
      return context.filtered("not-an-event");
    }
    if (payload.byteLength === 0 && retained) return desk.deleted(topic);
    const opened = parseAxisPayload(payload);
    if (!opened.ok) {
      const { reason, detail } = opened;
      return context.reject({ reason, detail, source: topic, bytes: payload.byteLength });
    }
    const { value, items, source, timestamp } = opened.message;
    // Where the bridge does not append the topic, the payload alone names it.
    const named = below === "" ? plainAxisTopic(opened.message.topic ?? "") : axisEventTopic(below);
    const instance = below === "" ? `${topic}\n${named}\n${source.join("/")}` : topic;
    const timeMs = read(timestamp, "epoch-ms", context.clock.wall());
    return desk.take({ source: topic, instance, topic: named, items, value, payload, timeMs, retained });
  }
}
