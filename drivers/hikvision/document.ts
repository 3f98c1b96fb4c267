import { XMLParser, XMLValidator } from "fast-xml-parser";
import { withoutLongStrings } from "../facesluice/envelope.ts";

export type Fields = Readonly<Record<string, unknown>>;

export type ReadDocument =
  | { readonly ok: true; readonly fields: Fields }
  | {
      readonly ok: false;
      readonly reason: "bad-json" | "bad-xml" | "no-document" | "too-large";
      readonly detail: string;
    };

/** Events have 2 kB; one with a list of regions 20. Pictures never come as XML. */
const maxXmlBytes = 256 * 1024;

const xml = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
  trimValues: true,
});

/**
 * Bytes to the fields of one message, JSON or XML by what stands there: headers lie. Long strings are emptied before the JSON
 * is parsed, since they are pictures; entities of XML are not read, and a DOCTYPE is refused. Never throws, and never repeats
 * what was received.
 */
export function readDocument(bytes: Uint8Array): ReadDocument {
  switch (documentKind(bytes)) {
    case "json":
      return readJson(bytes);
    case "xml":
      return readXml(bytes);
    case undefined: {
      const found = bytes.byteLength === 0 ? "nothing" : `${bytes.byteLength} bytes`;
      return { ok: false, reason: "no-document", detail: `found ${found}, expected JSON or XML` };
    }
  }
}

/** What a body is, by its first sign that is no blank; a byte order mark may stand before it. */
export function documentKind(bytes: Uint8Array): "json" | "xml" | undefined {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (at < bytes.length && isBlank(bytes[at])) at += 1;
  if (bytes[at] === 0x7b) return "json";
  return bytes[at] === 0x3c ? "xml" : undefined;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function readJson(bytes: Uint8Array): ReadDocument {
  const text = withoutLongStrings(bytes);
  if (text === undefined) {
    return {
      ok: false,
      reason: "too-large",
      detail: `${bytes.byteLength} bytes, too many of them beside the pictures`,
    };
  }
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    if (isFields(value)) return { ok: true, fields: unwrapped(value) };
  } catch {
    // Told below: the parser's own message quotes its input.
  }
  const whole = text.trimEnd().endsWith("}") ? "" : ", cut off before the closing brace";
  return { ok: false, reason: "bad-json", detail: `${bytes.byteLength} bytes that are not JSON${whole}` };
}

function readXml(bytes: Uint8Array): ReadDocument {
  const broken = (why: string): ReadDocument => {
    return { ok: false, reason: "bad-xml", detail: `${bytes.byteLength} bytes that are not XML${why}` };
  };
  if (bytes.byteLength > maxXmlBytes) {
    return { ok: false, reason: "too-large", detail: `${bytes.byteLength} bytes of XML, at most ${maxXmlBytes}` };
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
  if (text.includes("<!DOCTYPE") || text.includes("<!ENTITY")) return broken(": it declares a document type");
  try {
    if (XMLValidator.validate(text) !== true) return broken("");
    const root: unknown = xml.parse(text);
    const contents = isFields(root) ? Object.values(root)[0] : undefined;
    return isFields(contents) ? { ok: true, fields: contents } : broken(": no element within the root");
  } catch {
    return broken("");
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Some firmware puts the name of the XML root around its JSON. */
function unwrapped(fields: Fields): Fields {
  const inner = field(fields, "EventNotificationAlert");
  return isFields(inner) ? inner : fields;
}

/** An own field whatever its capitals: the makers' papers and firmware disagree about them. */
export function field(fields: Fields, name: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name];
  const wanted = name.toLowerCase();
  const found = Object.keys(fields).find((key) => key.toLowerCase() === wanted);
  return found === undefined ? undefined : fields[found];
}

/** One or many: XML knows no list of one. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null || value === "") return [];
  return Array.isArray(value) ? value : [value];
}
