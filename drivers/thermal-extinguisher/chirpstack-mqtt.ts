import { randomUUID } from "node:crypto";
import type { CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceMqtt, DeviceSession, DriverContext, MqttMessage } from "../../gateway/ports/driver.ts";
import { forgotten, type Memory, nothingReported, refused, remember, stored } from "../modbus/report.ts";
import { type ChirpStackEvent, readEvent } from "./chirpstack-event.ts";
import { type Reading, readUplink } from "./chirpstack-layout.ts";
import type { ChirpStackOptions } from "./chirpstack-options.ts";
import { type ChirpStackProfile, chirpStackProfileSchema } from "./chirpstack-profile.ts";

/** Ids of uplinks that are kept, to know one that is delivered again. */
const recentUplinks = 64;
/** A time further ahead than this is not believed, ms. */
const believedAhead = 5 * 60_000;
/** Every uplink's reading is told: there are few of them. */
const everyUplink = { temperature: 0, pressure: 0, everyMs: 0 };

/** One device behind a LoRaWAN server. Ends with PROFILE_INVALID where the profile is none. */
export function open(context: DriverContext<ChirpStackOptions>): DeviceSession {
  const { signal, mqtt } = context;
  let session: Session | undefined;
  const done = new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) return resolve();
    const profile = chirpStackProfileSchema.safeParse(context.profile);
    if (!profile.success)
      return reject(
        new GatewayError("PROFILE_INVALID", `the profile ${context.options.profile} is not one`, {
          cause: profile.error,
        }),
      );
    if (mqtt === undefined) return reject(new GatewayError("LINK_ABSENT", "there is no broker"));
    session = new Session(context, mqtt, profile.data);
  });
  return {
    done,
    command: (command) =>
      Promise.resolve(session?.command(command) ?? { ok: false, why: "not-connected", detail: "the session is over" }),
  };
}

class Session {
  readonly #context: DriverContext<ChirpStackOptions>;
  readonly #mqtt: DeviceMqtt;
  readonly #profile: ChirpStackProfile;
  readonly #known: string[] = [];
  #memory: Memory = nothingReported;
  /** Time of the newest uplink. */
  #newestMs = 0;
  #connected = true;

  constructor(context: DriverContext<ChirpStackOptions>, mqtt: DeviceMqtt, profile: ChirpStackProfile) {
    this.#context = context;
    this.#mqtt = mqtt;
    this.#profile = profile;
    mqtt.onConnection((connected) => {
      this.#connected = connected;
    });
    mqtt.serve((message) => (context.signal.aborted ? Promise.resolve() : this.#take(message)));
  }

  command({ name, args }: DeviceCommand): CommandOutcome {
    const { downlinks } = this.#profile;
    const downlink = Object.hasOwn(downlinks, name) ? downlinks[name] : undefined;
    if (downlink === undefined) return { ok: false, why: "unsupported", detail: `the profile has no downlink ${name}` };
    if (Object.keys(args).length > 0) return { ok: false, why: "unsupported", detail: `${name} takes no arguments` };
    if (!this.#connected || this.#context.signal.aborted)
      return { ok: false, why: "not-connected", detail: "the LoRaWAN server is not connected" };
    const { devEui, downlinkTopic } = this.#context.options;
    const { confirmed, fPort, data } = downlink;
    const queued = { id: randomUUID(), devEui, confirmed, fPort, data: Buffer.from(data, "hex").toString("base64") };
    this.#mqtt.publish(downlinkTopic, JSON.stringify(queued), 1);
    return { ok: true, confirmed: false, detail: "queued: a device of class A takes it after its next uplink" };
  }

  async #take({ topic, payload, will }: MqttMessage): Promise<void> {
    const { options } = this.#context;
    if (will) {
      this.#memory = forgotten(this.#memory);
      this.#context.gone("last-will");
      return this.#context.filtered("last-will");
    }
    const name = options.topics.get(topic);
    const reject = (reason: string, detail: string) =>
      this.#context.reject({ reason, detail, source: topic, bytes: payload.length });
    if (name === undefined) return reject("wrong-topic", `expected one of ${options.topics.size} events of the device`);
    const event = readEvent(payload);
    if (typeof event === "string") return reject("bad-json", event);
    if (event.devEui !== undefined && event.devEui !== options.devEui)
      return reject("foreign-id", `expected DevEUI ${options.devEui}, found ${event.devEui}`);
    switch (name) {
      case "up":
        return this.#uplink(event, reject);
      case "log":
      case "error":
        if (name === "error" || event.level === "ERROR")
          return reject("network-log", `${event.code ?? "UNKNOWN"}: ${event.description ?? ""}`);
        return this.#context.filtered("log");
      case "join":
      case "status":
        this.#seen(event, event.batteryPercent);
        return this.#context.filtered(name);
      case "ack":
      case "txack":
      case "location":
      case "integration":
        return this.#context.filtered(name);
    }
  }

  async #uplink(event: ChirpStackEvent, reject: (reason: string, detail: string) => void): Promise<void> {
    const { clock } = this.#context;
    const id = idOf(event);
    if (id !== undefined && this.#known.includes(id)) return this.#context.filtered("duplicate");
    if (event.data === undefined && event.object === undefined) {
      this.#seen(event, undefined);
      return this.#context.filtered("no-payload");
    }
    const reading = readUplink(this.#profile, event);
    if (typeof reading === "string") return reject("unknown-layout", reading);
    this.#seen(event, reading.batteryPercent);

    const believed = event.atMs !== undefined && event.atMs <= clock.wall() + believedAhead ? event.atMs : undefined;
    const overtaken = believed !== undefined && believed < this.#newestMs;
    if (believed !== undefined) this.#newestMs = Math.max(this.#newestMs, believed);
    const before = this.#memory.edges;
    const { memory, reading: measured } = remember(
      this.#memory,
      overtaken ? withoutAllClear(reading) : reading,
      everyUplink,
      clock.now(),
    );
    const stamp = {
      ...(believed === undefined ? {} : { occurredAtMs: believed }),
      ...(event.fCnt === undefined ? {} : { sourceRecordId: String(event.fCnt) }),
    };
    const keyed = (draft: ObservationDraft, nth: number): ObservationDraft => {
      const key = id === undefined ? {} : { dedupKey: `${id} ${draft.kind} ${nth}` };
      return { ...draft, ...stamp, ...key };
    };
    const edges = [...before, ...memory.edges.slice(before.length).map(keyed)];
    const drafts = measured === undefined ? edges : [...edges, keyed({ kind: "thermal.reading", body: measured }, 0)];
    // As if it were stored: another uplink may come before the log answers, and must not tell the same changes.
    this.#memory = stored(memory, measured, clock.now());
    if (drafts.length === 0) return this.#context.filtered("unchanged");
    const seenAt = clock.wall();
    try {
      await this.#context.observe(drafts);
    } catch (error) {
      this.#memory = refused({ ...this.#memory, edges: [...edges, ...this.#memory.edges] }, seenAt);
      throw error;
    }
    if (id !== undefined) this.#known.push(id);
    if (this.#known.length > recentUplinks) this.#known.shift();
  }

  #seen({ signalDbm, atMs }: ChirpStackEvent, batteryPercent: number | undefined): void {
    const ahead = atMs === undefined ? 0 : atMs - this.#context.clock.wall();
    this.#context.seen({
      ...(signalDbm === undefined ? {} : { signalDbm }),
      ...(batteryPercent === undefined ? {} : { batteryPercent }),
      // Behind may be late as well; ahead is a clock that is wrong.
      ...(ahead > 0 ? { clockSkewMs: ahead } : {}),
    });
  }
}

/** Counters start anew with every join, hence the time beside them. */
function idOf({ id, fCnt, atMs }: ChirpStackEvent): string | undefined {
  if (id !== undefined) return id;
  return fCnt === undefined && atMs === undefined ? undefined : `${fCnt ?? 0} ${atMs ?? ""}`;
}

/** Of an uplink that was overtaken by a newer one, what was set counts; what was not set may have changed since. */
function withoutAllClear(reading: Reading): Reading {
  const bits = new Map([...reading.values.bits].filter(([, set]) => set));
  return { ...reading, values: { ...reading.values, bits, invalid: new Map() }, read: new Set() };
}
