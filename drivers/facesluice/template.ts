import { z } from "zod";
import { localTimeText } from "./local-time.ts";

export type Json = z.output<typeof jsonSchema>;
const jsonSchema = z.json();

/** A command whose message the configuration gives, since no public source does. */
export interface CommandTemplate {
  readonly operator: string;
  readonly info: Readonly<Record<string, Json>>;
  /** The operator of the answer. */
  readonly ackOperator: string;
}

const operatorWords = "an operator: 1 to 64 letters, digits, - or _";
const operator = z.string("text").regex(/^[A-Za-z0-9_-]{1,64}$/, operatorWords);

const placeholders = "deviceId time isoTime year month day hour minute second unix messageId".split(" ");
const infoWords = `placeholders: ${placeholders.map((name) => `{${name}}`).join(" ")}`;

/** `fallback` is the operator where a public source names it. */
export function commandTemplate(fallback: string | undefined) {
  return z
    .strictObject({
      operator: (fallback === undefined ? operator : operator.default(fallback)).describe(
        "The operator of the message.",
      ),
      info: z
        .record(z.string("text").max(64), jsonSchema)
        .default({})
        .refine((info) => unknownPlaceholder(info) === undefined, `only these ${infoWords}`)
        .describe(
          `What its \`info\` holds, as the device's manual says; ${infoWords}. A text that is nothing but a placeholder of a number becomes a number.`,
        ),
      ackOperator: operator.optional().describe("The operator of the answer; `<operator>-Ack` where it is not given."),
    })
    .transform(
      ({ operator, info, ackOperator }): CommandTemplate => ({
        operator,
        info,
        ackOperator: ackOperator ?? `${operator}-Ack`,
      }),
    );
}

function unknownPlaceholder(value: unknown): string | undefined {
  const named = JSON.stringify(value).matchAll(/\{([A-Za-z]+)\}/g);
  return [...named].map(([, name]) => name).find((name) => name !== undefined && !placeholders.includes(name));
}

/** What the placeholders stand for at one moment. */
export interface Filling {
  readonly deviceId: string;
  readonly messageId: string;
  readonly ms: number;
  readonly timeZone: string;
}

/** The template's `info` with all placeholders filled in. */
export function fillTemplate(template: CommandTemplate, filling: Filling): Record<string, Json> {
  const values = valuesOf(filling);
  return Object.fromEntries(Object.entries(template.info).map(([key, value]) => [key, fill(value, values)]));
}

function valuesOf({ deviceId, messageId, ms, timeZone }: Filling): ReadonlyMap<string, string | number> {
  const time = localTimeText(ms, timeZone);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = time.split(/[- :]/).map(Number);
  const numbers = { year, month, day, hour, minute, second, unix: Math.floor(ms / 1000) };
  return new Map<string, string | number>([
    ["deviceId", deviceId],
    ["messageId", messageId],
    ["time", time],
    ["isoTime", time.replace(" ", "T")],
    ...Object.entries(numbers),
  ]);
}

function fill(value: Json, values: ReadonlyMap<string, string | number>): Json {
  if (typeof value === "string") {
    const whole = /^\{([A-Za-z]+)\}$/.exec(value)?.[1];
    if (whole !== undefined) return values.get(whole) ?? value;
    return value.replace(/\{([A-Za-z]+)\}/g, (all, name: string) => String(values.get(name) ?? all));
  }
  if (Array.isArray(value)) return value.map((each) => fill(each, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each, values)]));
}
