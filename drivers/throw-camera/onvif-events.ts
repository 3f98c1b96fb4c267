import type { EventRule } from "../json-events/event-rules.ts";

/**
 * What the topics mean that the standard itself defines; an entry of the configuration for the same topic comes first. Topics and
 * items are those of ONVIF Device IO ("Events"), Imaging ("Tampering", "MotionAlarm"), Analytics and Core ("Mechanical failure").
 * The standard knows no falling or thrown object.
 */
export const standardEvents: readonly EventRule[] = [
  contact("Device/Trigger/DigitalInput", "digital-input"),
  contact("Device/Trigger/Relay", "relay"),
  ...["AnalyticsService", "ImagingService", "RecordingService"].map((service) =>
    tamper(`VideoSource/GlobalSceneChange/${service}`),
  ),
  tamper("VideoSource/SignalLoss"),
  fault("Device/HardwareFailure/FanFailure", "fan-failed", "Failed"),
  fault("Device/HardwareFailure/PowerSupplyFailure", "power-supply-failed", "Failed"),
  fault("Device/HardwareFailure/StorageFailure", "storage-failed", "Failed"),
  fault("Device/HardwareFailure/TemperatureCritical", "temperature-critical", "Critical"),
  // Every camera tells of motion all day; it is nothing to be mapped.
  ignored("VideoSource/MotionAlarm"),
  ignored("RuleEngine/CellMotionDetector/Motion"),
  ignored("RuleEngine/MotionRegionDetector/Motion"),
];

function contact(topic: string, role: string): EventRule {
  return { topic, when: {}, active: { LogicalState: true }, as: "contact", role };
}

function tamper(topic: string): EventRule {
  return { topic, when: {}, active: { State: true }, as: "tamper" };
}

function fault(topic: string, code: string, item: string): EventRule {
  return { topic, when: {}, active: { [item]: true }, as: "fault", code };
}

function ignored(topic: string): EventRule {
  return { topic, when: {}, as: "ignore" };
}
