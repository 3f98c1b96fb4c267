import type { GstProfile, PanelEvent } from "./gst-words.ts";

/** What a message of the panel says. */
export interface GstMessage {
  readonly event: PanelEvent;
  /** Loop and number as printed, `004-017`. */
  readonly point?: string;
  /** All lines of its text. */
  readonly text: string;
  /** `YYYY-MM-DD HH:mm:00` by the panel's clock. */
  readonly localTime?: string;
}

const gb18030 = new TextDecoder("gb18030");
const longestText = 200;
/** What may be left of a fire in a line that noise has damaged. */
const fireScraps = /[火警]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the bytes between the parts of a message
const escapes = /\u001b[69]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: printers have more commands than are documented
const controls = /\u001b[\u0020-\u007e]?|[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g;

/**
 * A message from its bytes: ESC 6, `YY/MM/DD  HH:MM`, the point, ESC 9, the line with the event, and lines with the place. The
 * event is told by its own line alone: places are named by people, and there are rooms called 火警. Absent where the bytes hold
 * neither a frame nor a word of fire.
 */
export function readMessage(block: Uint8Array, { words }: GstProfile): GstMessage | undefined {
  const printed = gb18030.decode(block);
  const textAt = printed.indexOf("\u001b9");
  const framed = textAt !== -1 || printed.startsWith("\u001b6");
  const head = textAt === -1 ? printed : printed.slice(0, textAt);
  const when = /(\d\d)\/(\d\d)\/(\d\d)\s+(\d\d):(\d\d)/.exec(head);
  const rest = when === null ? head : head.slice(when.index + when[0].length);
  const point = /(?:^|\D)(\d{1,3}-\d{1,4})(?!\d)/.exec(rest)?.[1];
  const body = textAt === -1 ? (framed ? withoutHead(rest, point) : printed) : printed.slice(textAt);
  const lines = body
    .replace(escapes, "")
    .replace(controls, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const event = eventOf(lines, words, framed);
  if (event === undefined) return undefined;
  const text = lines.join(" ").slice(0, longestText);
  return {
    event,
    text,
    ...(point === undefined ? {} : { point }),
    ...(when === null ? {} : { localTime: `20${when[1]}-${when[2]}-${when[3]} ${when[4]}:${when[5]}:00` }),
  };
}

/** Where ESC 9 is lost, the text is what stands behind the point. */
function withoutHead(rest: string, point: string | undefined): string {
  return point === undefined ? rest : rest.slice(rest.indexOf(point) + point.length);
}

function eventOf(lines: readonly string[], words: GstProfile["words"], framed: boolean): PanelEvent | undefined {
  const [first = "", ...others] = lines;
  const known = words.find(({ text }) => first.includes(text))?.event;
  if (known !== undefined) return framed || known === "fire" ? known : undefined;
  // An event that the table does not know may be one of a fire; its other lines then count as well.
  const fires = words.filter(({ event }) => event === "fire");
  if (others.some((line) => fires.some(({ text }) => line.includes(text)))) return "fire";
  if (!framed) return undefined;
  return first.includes("\ufffd") && fireScraps.test(first) ? "fire" : "supervisory";
}
