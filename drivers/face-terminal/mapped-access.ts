import { z } from "zod";
import type { BodyOf, ObservationDraft } from "../../gateway/domain/observation.ts";
import { describeLooked, firstThatHolds, type MappedCommon, textAt } from "../json-events/mapped-record.ts";
import type { Meaning } from "../json-events/mapped-session.ts";
import { conditionListSchema, mappingFields } from "../json-events/mapping.ts";
import { at, pointerSchema } from "../json-events/pointer.ts";
import { asNumber } from "../json-events/values.ts";

const method = z.enum(["face", "card", "fingerprint", "password", "qr-code", "other"]);
const when = conditionListSchema;

const entrySchema = z.discriminatedUnion("as", [
  z.strictObject({ when, as: z.enum(["granted", "stranger", "duress"]), method: method.optional() }),
  z.strictObject({
    when,
    as: z.literal("denied"),
    method: method.optional(),
    reason: z.enum(["refused", "not-registered", "expired", "no-right", "unknown"]).default("unknown"),
  }),
  z.strictObject({
    when,
    as: z.literal("released"),
    by: z.enum(["exit-button", "remote", "fire", "unknown"]).default("unknown"),
  }),
  z.strictObject({
    when,
    as: z.enum([
      "door-open",
      "door-closed",
      "door-forced",
      "door-held",
      "tamper",
      "tamper-over",
      "heartbeat",
      "offline",
      "ignore",
    ]),
  }),
]);

export const accessMapping = z.strictObject({
  ...mappingFields,
  events: z
    .array(entrySchema)
    .min(1, "at least one entry")
    .max(64)
    .describe("What a record is, by values in it; the first entry of which all conditions hold is taken."),
  person: pointerSchema
    .optional()
    .describe("The person's id. It is turned into a keyed pseudonym at once; names are never read."),
  similarity: z
    .strictObject({
      at: pointerSchema.describe("Where the likeness stands."),
      of: z.number().positive().default(100).describe("Which value of it is certainty: 1 or 100."),
    })
    .optional()
    .describe("Where the likeness stands, and which value of it is certainty: 1 or 100."),
});
export type AccessMapping = z.output<typeof accessMapping>;

type Passage = Omit<BodyOf<"access.granted">, "delivery">;

/** Makes a passage, or what else a terminal reports, of a record. */
export function accessMeaning(mapping: AccessMapping, pseudonym: (personId: string) => string) {
  return (record: unknown, { delivery, ...common }: MappedCommon): Meaning => {
    const entry = firstThatHolds(record, mapping.events);
    if (entry === undefined) return { kind: "unmapped", found: describeLooked(record, mapping.events) };
    const passage = passageOf(record, "method" in entry ? entry.method : undefined);
    switch (entry.as) {
      case "granted":
        return draft({ ...common, kind: "access.granted", body: { delivery, ...passage } });
      case "stranger":
        return draft({ ...common, kind: "access.stranger", body: { delivery, ...passage } });
      case "duress":
        return draft({ ...common, kind: "access.duress", body: { delivery, ...passage } });
      case "denied":
        return draft({ ...common, kind: "access.denied", body: { delivery, ...passage, reason: entry.reason } });
      case "released":
        return draft({ ...common, kind: "door.released", body: { delivery, by: entry.by } });
      case "door-open":
        return door("open");
      case "door-closed":
        return door("closed");
      case "door-forced":
        return door("forced");
      case "door-held":
        return door("held");
      case "tamper":
      case "tamper-over":
        return draft({ ...common, kind: "device.tamper", body: { active: entry.as === "tamper" } });
      case "heartbeat":
        return { kind: "filtered", reason: "heartbeat" };
      case "ignore":
        return { kind: "filtered", reason: "ignored" };
      case "offline":
        return { kind: "offline" };
    }

    function door(state: BodyOf<"door.state">["state"]): Meaning {
      return draft({ ...common, kind: "door.state", body: { delivery, state } });
    }
  };

  function passageOf(record: unknown, by: z.output<typeof method> | undefined): Passage {
    const personId = textAt(record, mapping.person);
    const { similarity } = mapping;
    const found = similarity === undefined ? undefined : asNumber(at(record, similarity.at));
    const likeness = found === undefined ? undefined : (found / (similarity?.of ?? 100)) * 100;
    return {
      ...(personId === undefined ? {} : { person: pseudonym(personId) }),
      ...(likeness === undefined || likeness < 0 || likeness > 100 ? {} : { similarity: likeness }),
      ...(by === undefined ? {} : { method: by }),
    };
  }
}

function draft(of: ObservationDraft): Meaning {
  return { kind: "draft", draft: of };
}
