import { z } from "zod";
import { frameSchema, type ObservationDraft } from "../../gateway/domain/observation.ts";
import {
  describeLooked,
  firstThatHolds,
  type MappedCommon,
  type RecordReader,
  textAt,
} from "../json-events/mapped-record.ts";
import type { Meaning } from "../json-events/mapped-session.ts";
import { conditionListSchema, mappedTimeSchema, mappingFields } from "../json-events/mapping.ts";
import { at, pointerSchema } from "../json-events/pointer.ts";
import { asNumber } from "../json-events/values.ts";
import { type ThrowReport, throwDraft } from "../throw-view/throw-report.ts";
import type { ViewProfile } from "../throw-view/view-profile.ts";

const corners = z.tuple([pointerSchema, pointerSchema, pointerSchema, pointerSchema]);

export const throwMapping = z.strictObject({
  ...mappingFields,
  events: z
    .array(
      z.strictObject({
        when: conditionListSchema,
        as: z.enum(["throw", "fire", "tamper", "tamper-over", "heartbeat", "offline", "ignore"]),
      }),
    )
    .min(1, "at least one entry")
    .max(64)
    .describe("What a record is, by values in it; the first entry of which all conditions hold is taken."),
  startedAt: mappedTimeSchema.optional().describe("When the object was first seen."),
  endedAt: mappedTimeSchema.optional().describe("When it was last seen."),
  confidence: z
    .strictObject({
      at: pointerSchema.describe("Where the confidence stands."),
      of: z.number().positive().default(1).describe("Which value of it is certainty: 1, 100 or 255."),
    })
    .optional()
    .describe("Where the confidence stands, and which value of it is certainty: 1, 100 or 255."),
  frame: frameSchema
    .optional()
    .describe("The coordinates of box and track: px with the size of the picture, 8192, 10000, onvif or fraction."),
  box: z
    .union([
      z.strictObject({
        at: pointerSchema.describe("A list of four numbers."),
        form: z.enum(["corners", "size"]).default("corners"),
      }),
      z.strictObject({ places: corners, form: z.enum(["corners", "size"]).default("corners") }),
    ])
    .optional()
    .describe("The box: four numbers, as two corners (x1, y1, x2, y2) or as corner and size (x, y, width, height)."),
  track: z
    .strictObject({ at: pointerSchema, x: pointerSchema, y: pointerSchema, time: mappedTimeSchema })
    .optional()
    .describe("A list of the points at which the object was seen; x, y and time are counted from one of them."),
  place: z
    .strictObject({
      building: pointerSchema.optional().describe("Where the building stands."),
      unit: pointerSchema.optional().describe("Where the unit (单元) stands."),
      floor: pointerSchema.optional().describe("Where the storey stands, as people count it: ground floor 1."),
    })
    .optional()
    .describe("Where the sender says that it came from."),
  region: pointerSchema
    .optional()
    .describe("The sender's own region or rule, by which a view profile may place the throw."),
});
export type ThrowMapping = z.output<typeof throwMapping>;

/** Makes a throw, or what else a throw camera reports, of a record. */
export function throwMeaning(mapping: ThrowMapping, reader: RecordReader, view: ViewProfile | undefined) {
  return (record: unknown, common: MappedCommon): Meaning => {
    const entry = firstThatHolds(record, mapping.events);
    if (entry === undefined) return { kind: "unmapped", found: describeLooked(record, mapping.events) };
    switch (entry.as) {
      case "throw":
        return { kind: "draft", draft: throwDraft(report(record, common), view) };
      case "fire":
        return draft({
          ...keys(common),
          kind: "fire.detected",
          body: { delivery: common.delivery, active: true, sensor: "camera" },
        });
      case "tamper":
      case "tamper-over":
        return draft({ ...keys(common), kind: "device.tamper", body: { active: entry.as === "tamper" } });
      case "heartbeat":
        return { kind: "filtered", reason: "heartbeat" };
      case "ignore":
        return { kind: "filtered", reason: "ignored" };
      case "offline":
        return { kind: "offline" };
    }
  };

  function report(record: unknown, common: MappedCommon): ThrowReport {
    const { startedAt, endedAt, confidence, frame, region } = mapping;
    // A clock that is not believed for the record is not believed for these either.
    const believed = mapping.time === undefined || common.occurredAtMs !== undefined;
    const startedAtMs = believed ? reader.time(record, startedAt) : undefined;
    const endedAtMs = believed ? reader.time(record, endedAt) : undefined;
    const certain = confidence === undefined ? undefined : asNumber(at(record, confidence.at));
    const regionName = textAt(record, region);
    return {
      ...common,
      ...(startedAtMs === undefined ? {} : { startedAtMs }),
      ...(endedAtMs === undefined ? {} : { endedAtMs }),
      ...(certain === undefined ? {} : { confidence: certain / (confidence?.of ?? 1) }),
      ...(frame === undefined ? {} : { frame, ...box(record), ...track(record) }),
      ...place(record),
      ...(regionName === undefined ? {} : { region: regionName }),
    };
  }

  function box(record: unknown): Pick<ThrowReport, "box"> {
    if (mapping.box === undefined) return {};
    const found = "at" in mapping.box ? at(record, mapping.box.at) : mapping.box.places.map((each) => at(record, each));
    const [x1, y1, c, d] = Array.isArray(found) && found.length === 4 ? found.map(asNumber) : [];
    if (x1 === undefined || y1 === undefined || c === undefined || d === undefined) return {};
    const size = mapping.box.form === "size";
    return { box: { x1, y1, x2: size ? x1 + c : c, y2: size ? y1 + d : d } };
  }

  function track(record: unknown): Pick<ThrowReport, "track"> {
    const { track } = mapping;
    if (track === undefined) return {};
    const list = at(record, track.at);
    if (!Array.isArray(list)) return {};
    const points = list.slice(0, 2048).flatMap((point: unknown) => {
      const x = asNumber(at(point, track.x));
      const y = asNumber(at(point, track.y));
      const atMs = reader.time(point, track.time);
      return x === undefined || y === undefined || atMs === undefined ? [] : [{ x, y, atMs }];
    });
    return points.length === 0 ? {} : { track: points };
  }

  function place(record: unknown): Pick<ThrowReport, "place"> {
    if (mapping.place === undefined) return {};
    const building = textAt(record, mapping.place.building);
    const unit = textAt(record, mapping.place.unit);
    const floor = mapping.place.floor === undefined ? undefined : asNumber(at(record, mapping.place.floor));
    const storey = floor !== undefined && Number.isInteger(floor) && floor !== 0 ? floor : undefined;
    if (building === undefined && unit === undefined && storey === undefined) return {};
    return {
      place: {
        ...(building === undefined ? {} : { building }),
        ...(unit === undefined ? {} : { unit }),
        ...(storey === undefined ? {} : { floor: storey }),
      },
    };
  }
}

function draft(of: ObservationDraft): Meaning {
  return { kind: "draft", draft: of };
}

function keys({ delivery: _, ...rest }: MappedCommon): Omit<MappedCommon, "delivery"> {
  return rest;
}
