import { type DeviceId, deviceIdSchema } from "../../../gateway/domain/ids.ts";
import { Admission } from "../../../gateway/ingress/admission.ts";
import { type Broker, startBroker } from "../../../gateway/ingress/broker.ts";
import type { IngressLimits } from "../../../gateway/ingress/limits.ts";
import type { Clock } from "../../../gateway/ports/clock.ts";
import type { MqttGrants } from "../../../gateway/ports/driver.ts";
import type { Logger, Telemetry } from "../../../gateway/ports/telemetry.ts";
import { RealClock } from "./real-clock.ts";

/** Counts by name and by one label's value: `name`, `name value`. */
export class RecordedTelemetry implements Telemetry {
  readonly counts = new Map<string, number>();

  count(name: string, labels: Readonly<Record<string, string>> = {}, by = 1): void {
    for (const key of [name, ...Object.values(labels).map((value) => `${name} ${value}`)]) {
      this.counts.set(key, (this.counts.get(key) ?? 0) + by);
    }
  }

  gauge(name: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    this.counts.set([name, ...Object.values(labels)].join(" "), value);
  }

  of(key: string): number {
    return this.counts.get(key) ?? 0;
  }
}

/** Keeps each line as text. */
export class RecordedLogger implements Logger {
  readonly lines: string[] = [];

  debug(): void {}

  info(fields: object, message: string): void {
    this.#keep("info", fields, message);
  }

  warn(fields: object, message: string): void {
    this.#keep("warn", fields, message);
  }

  error(fields: object, message: string): void {
    this.#keep("error", fields, message);
  }

  child(): Logger {
    return this;
  }

  #keep(level: string, fields: object, message: string): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  }
}

export const deviceId = (id: string): DeviceId => deviceIdSchema.parse(id);

/** A device that may publish on `up/<id>` and `state/<id>` and subscribe to `down/<id>`. */
export function grantsOf(id: string): MqttGrants {
  return { username: id, password: `pw-${id}`, publish: [`up/${id}`, `state/${id}`], subscribe: [`down/${id}`] };
}

export interface TestBroker {
  readonly broker: Broker;
  readonly admission: Admission;
  readonly telemetry: RecordedTelemetry;
  readonly logger: RecordedLogger;
}

/** A broker on a free port of loopback, with the devices named. */
export async function startTestBroker(
  ids: readonly string[],
  { clock = new RealClock(), limits = {} }: { clock?: Clock; limits?: Partial<IngressLimits> } = {},
): Promise<TestBroker> {
  const telemetry = new RecordedTelemetry();
  const logger = new RecordedLogger();
  const admission = new Admission({ clock, logger, telemetry, limits });
  const listen = { host: "127.0.0.1", port: 0 };
  const broker = await startBroker({ listen, admission, limits, clock, logger, telemetry });
  broker.admit(new Map(ids.map((id) => [deviceId(id), grantsOf(id)])));
  return { broker, admission, telemetry, logger };
}
