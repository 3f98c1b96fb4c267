import type { Thing } from "../throw-camera/falling.ts";
import { type Facade, sights } from "./body.ts";
import { CameraLink, type LinkOptions } from "./link.ts";

type Items = Readonly<Record<string, string | number | boolean>>;

export interface OnvifCameraOptions extends Omit<LinkOptions, "clientId" | "onConnect" | "will"> {
  readonly topicPrefix: string;
  /**
   * `standard`: ONVIF Core, "JSON Event Payload". `kept-prefixes`: tns1: stays in the topic, Source and Data are lists of SimpleItem;
   * so did cameras of one maker.
   */
  readonly style?: "standard" | "kept-prefixes";
  /** Whether numbers and truth values are written as text. */
  readonly quoted?: boolean;
  /** The maker's topic of a throw; the standard has none. */
  readonly throwTopic: string;
  readonly facade?: Facade;
}

/** Half a second between the first sight of a thing and the word of it. */
const decidesAfterMs = 500;

/**
 * A camera with an ONVIF event broker. Its properties carry the RETAIN flag, are told again on every connect, and are deleted by a
 * message without payload.
 */
export class OnvifCamera {
  readonly link: CameraLink;
  readonly #options: OnvifCameraOptions;
  readonly #properties = new Map<string, string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #objects = 0;

  constructor(options: OnvifCameraOptions) {
    this.#options = options;
    this.link = new CameraLink({
      ...options,
      clientId: `onvif-${options.topicPrefix.replaceAll("/", "-")}`,
      onConnect: () => {
        for (const [topic, payload] of this.#properties) this.link.publish(topic, payload, true);
      },
    });
  }

  /** A property changes, or is created. */
  property(topic: string, source: Items, data: Items, atMs = this.link.now()): void {
    const where = this.#topic(topic, source);
    const payload = this.#payload(source, data, atMs);
    this.#properties.set(where, payload);
    this.link.publish(where, payload, true);
  }

  deleted(topic: string, source: Items): void {
    const where = this.#topic(topic, source);
    this.#properties.delete(where);
    this.link.publish(where, "", true);
  }

  /** Something happened that has no duration. */
  event(topic: string, source: Items, data: Items, atMs = this.link.now()): void {
    this.link.publish(this.#topic(topic, source), this.#payload(source, data, atMs));
  }

  /** A thing falls: the property of the maker's rule becomes true once it is seen, and false when it is on the ground. */
  watch(thing: Thing, floor: number): boolean {
    const facade = this.#options.facade ?? { width: 1920, height: 1080, metres: 60 };
    const seen = sights(thing, floor, facade, 25, 0.5);
    const last = seen.at(-1);
    if (last === undefined) return false;
    const source = { VideoSource: "1", Rule: "Facade" };
    const begun = this.link.now();
    this.#objects += 1;
    const id = this.#objects;
    const { throwTopic } = this.#options;
    this.#later(decidesAfterMs, () => this.property(throwTopic, source, { State: true, ObjectId: id }, begun));
    this.#later(decidesAfterMs + last.ms, () => this.property(throwTopic, source, { State: false, ObjectId: id }));
    return true;
  }

  rest(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #topic(topic: string, source: Items): string {
    const kept = this.#options.style === "kept-prefixes";
    const [first = "", ...rest] = topic.split("/");
    // As it was seen: Device/tns1:Trigger/tns1:Relay.
    const local = kept
      ? [first, ...rest.map((level) => (level.includes(":") ? level : `tns1:${level}`))].join("/")
      : topic;
    const values = Object.values(source).map(String);
    const suffix = values.length === 0 ? "" : `/&${values.join("/")}`;
    return `${this.#options.topicPrefix}/onvif-ej/${local}${suffix}`;
  }

  #payload(source: Items, data: Items, atMs: number): string {
    const written = (items: Items) => {
      const entries = Object.entries(items).map(([name, value]): [string, unknown] => [
        name,
        this.#options.quoted === false ? value : String(value),
      ]);
      if (this.#options.style !== "kept-prefixes") return Object.fromEntries(entries);
      return { SimpleItem: entries.map(([Name, Value]) => ({ Name, Value })) };
    };
    return JSON.stringify({ UtcTime: new Date(atMs).toISOString(), Source: written(source), Data: written(data) });
  }

  #later(ms: number, call: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      call();
    }, ms);
    this.#timers.add(timer);
  }
}
