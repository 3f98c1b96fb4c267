import { z } from "zod";
import type { HttpPart } from "../../gateway/ports/driver.ts";
import { id, text } from "./fields.ts";
import type { PushedRecord } from "./records.ts";

/** The form fields beside a film, `/Subscribe/PushVideo`, HTTP V1.13 §3.3.4. */
export interface VideoFields {
  readonly deviceIds: readonly string[];
  /** Of the throw. */
  readonly id: string | undefined;
  /** The fields as an event would have them; absent where they tell of no throw. */
  readonly info: Readonly<Record<string, string>> | undefined;
}

const fieldsSchema = z.object({ DeviceID: id, ID: id, StartTime: text, EndTime: text });
const maxFieldBytes = 256;

export function videoFields(parts: readonly HttpPart[]): VideoFields {
  const given = new Map<string, string>();
  for (const { name, body, dropped, bytes } of parts) {
    if (!dropped && bytes <= maxFieldBytes && !given.has(name)) given.set(name, Buffer.from(body).toString("utf8"));
  }
  const { DeviceID, ID, StartTime, EndTime } = fieldsSchema.parse(Object.fromEntries(given));
  const told = StartTime !== undefined || EndTime !== undefined;
  return {
    deviceIds: DeviceID === undefined ? [] : [DeviceID],
    id: ID,
    info: told
      ? {
          ...(ID === undefined ? {} : { ID }),
          ...(StartTime === undefined ? {} : { StartTime }),
          ...(EndTime === undefined ? {} : { EndTime }),
        }
      : undefined,
  };
}

/** A film follows its throw within minutes. */
const mostAwaited = 64;

/** Throws that were taken in and whose film may follow. */
export class FollowingVideos {
  readonly #ids = new Set<string>();

  expect({ receipt, facts }: PushedRecord): void {
    if (receipt === undefined || facts[0]?.kind !== "throw.detected") return;
    this.#ids.delete(receipt.id);
    this.#ids.add(receipt.id);
    const [oldest] = this.#ids;
    if (this.#ids.size > mostAwaited && oldest !== undefined) this.#ids.delete(oldest);
  }

  follows({ id: throwId }: VideoFields): boolean {
    return throwId !== undefined && this.#ids.has(throwId);
  }
}
