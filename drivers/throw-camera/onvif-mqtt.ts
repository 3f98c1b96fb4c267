import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DeviceSession, DriverContext, MqttMessage } from "../../gateway/ports/driver.ts";
import { EventDesk } from "../json-events/event-desk.ts";
import { sessionUntil } from "../json-events/session.ts";
import { timeReader } from "../json-events/times.ts";
import { viewOf } from "../json-events/view.ts";
import { standardEvents } from "./onvif-events.ts";
import { parseOnvifPayload, parseOnvifTopic, plainOnvifTopic } from "./onvif-message.ts";
import type { OnvifOptions } from "./onvif-options.ts";

/** A camera that publishes its ONVIF events on the embedded broker (ONVIF Core, "Event Broker"). */
export function open(context: DriverContext<OnvifOptions>): DeviceSession {
  const { mqtt, options, signal } = context;
  if (mqtt === undefined) throw new TypeError("onvif-mqtt was opened without the embedded broker");
  const read = timeReader("UTC");
  const desk = new EventDesk(context, viewOf(context.profile), {
    rules: [...options.events, ...standardEvents],
    lateAfterMs: options.lateAfter,
    plain: plainOnvifTopic,
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
    const parsed = parseOnvifTopic(topic, options.topicPrefix);
    if (parsed === undefined) {
      const detail = `not below the prefix ${options.topicPrefix}`;
      return context.reject({ reason: "wrong-topic", detail, source: topic, bytes: payload.byteLength });
    }
    if (parsed.payload === "onvif-mj") {
      context.seen();
      return context.filtered("metadata");
    }
    // ONVIF Core, "Payload for deleted properties".
    if (payload.byteLength === 0 && retained) return desk.deleted(topic);
    const event = { source: topic, topic: parsed.local, payload, retained };
    // Some makers publish without a payload: that it came is all that it says.
    if (payload.byteLength === 0) {
      return desk.take({ ...event, instance: topic, items: new Map(), value: {}, timeMs: undefined });
    }
    const opened = parseOnvifPayload(payload);
    if (!opened.ok) {
      const { reason, detail } = opened;
      return context.reject({ reason, detail, source: topic, bytes: payload.byteLength });
    }
    const { items, value, source, utcTime } = opened.message;
    const instance = topic.includes("/&") || source.length === 0 ? topic : `${topic}\n${source.join("/")}`;
    return desk.take({ ...event, instance, items, value, timeMs: read(utcTime, "iso", context.clock.wall()) });
  }
}
