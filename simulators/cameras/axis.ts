import { CameraLink, type LinkOptions } from "./link.ts";

type Items = Readonly<Record<string, string | number | boolean>>;

export interface AxisCameraOptions extends Omit<LinkOptions, "clientId" | "onConnect" | "will"> {
  readonly serial: string;
  /** `retain` of the bridge's event filter. */
  readonly retain?: "none" | "property";
  readonly includeTopicNamespaces?: boolean;
  readonly appendEventTopic?: boolean;
}

/** A device's event bridge, as an AXIS Q3538-SLVE on AXIS OS 12.11 was recorded: every value is text, the time is epoch ms. */
export class AxisCamera {
  readonly link: CameraLink;
  readonly #options: AxisCameraOptions;
  readonly #states = new Map<string, () => void>();

  constructor(options: AxisCameraOptions) {
    this.#options = options;
    this.link = new CameraLink({
      ...options,
      clientId: options.serial,
      will: { topic: `axis/${options.serial}/connection`, payload: "Connection Lost" },
      onConnect: () => {
        for (const tell of this.#states.values()) tell();
      },
    });
  }

  /** `topic` as in the payload: onvif:Device/axis:IO/Port. */
  state(topic: string, source: Items, data: Items, atMs = this.link.now()): void {
    const tell = () => this.#publish(topic, source, data, atMs, this.#options.retain === "property");
    this.#states.set(`${topic} ${JSON.stringify(source)}`, tell);
    if (this.link.connected) tell();
  }

  event(topic: string, source: Items, data: Items, atMs = this.link.now()): void {
    this.#publish(topic, source, data, atMs, false);
  }

  #publish(topic: string, source: Items, data: Items, timestamp: number, retain: boolean): void {
    const { serial, includeTopicNamespaces = true, appendEventTopic = true } = this.#options;
    const path = includeTopicNamespaces
      ? topic.replace(/\b(onvif|axis):/g, "tns:$1/")
      : topic.replace(/\b(onvif|axis):/g, "");
    const sources = Object.entries(source).map(([key, value]) => `/$source/${key}/${value}`);
    const where = appendEventTopic ? `axis/${serial}/event/${path}${sources.join("")}` : `axis/${serial}/event`;
    const message = { source: text(source), key: {}, data: text(data) };
    this.link.publish(where, JSON.stringify({ topic, timestamp, message }), retain);
  }
}

function text(items: Items): Record<string, string> {
  const spelt = (value: string | number | boolean) =>
    typeof value === "boolean" ? (value ? "1" : "0") : String(value);
  return Object.fromEntries(Object.entries(items).map(([name, value]) => [name, spelt(value)]));
}
