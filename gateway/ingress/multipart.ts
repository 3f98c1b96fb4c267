import type { HttpPart } from "../ports/driver.ts";

export type MultipartFault = "no-boundary" | "no-part" | "part-header" | "too-many-parts" | "too-big";

const partsAtMost = 64;
const partHeaderBytes = 8 * 1024;
/** RFC 2046 §5.1.1 allows 70; some need more. */
const boundaryAtMost = 200;
const files = /\.(jpe?g|png|bmp|gif|webp|mp4|m4v|mov|avi|mkv|ts|h26[45]|ps|wav|mp3|aac)$/i;

/** The boundary of a multipart content type (RFC 2046 §5.1.1); absent where it has none that can be used. */
export function boundaryOf(contentType: string): string | undefined {
  const match = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(contentType);
  const boundary = (match?.[1] ?? match?.[2] ?? "").trimEnd();
  return boundary === "" || boundary.length > boundaryAtMost ? undefined : boundary;
}

interface OpenPart {
  readonly name: string;
  readonly filename: string | undefined;
  readonly contentType: string;
  readonly dropped: boolean;
  readonly chunks: Buffer[];
  bytes: number;
}

/**
 * Takes a multipart body apart while it comes in (form-data, mixed, related alike). Of files only the length is kept, of all
 * else at most `keepBytes` together. Lines may end in CRLF, or LF alone; a body whose closing delimiter is missing ends its last part.
 */
export class MultipartSplitter {
  readonly parts: HttpPart[] = [];
  /** Bytes of files that were let go. */
  droppedBytes = 0;
  readonly #delimiter: Buffer;
  readonly #keepBytes: number;
  #kept = 0;
  /** Bytes at the begin of a part that are no content. */
  #skip = 0;
  #state: "preamble" | "delimiter" | "header" | "body" | "epilogue" = "preamble";
  /** The first delimiter may stand at the very beginning: as if a line had ended before it. */
  #rest: Buffer = Buffer.from("\n");
  #part: OpenPart | undefined;

  constructor(boundary: string, keepBytes: number) {
    this.#delimiter = Buffer.from(`\n--${boundary}`, "latin1");
    this.#keepBytes = keepBytes;
  }

  /** After a fault it is of no more use. */
  push(chunk: Uint8Array): MultipartFault | undefined {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const step = this.#step();
      if (step === "more") return undefined;
      if (step !== "on") return step;
    }
  }

  /** The body is complete. */
  end(): MultipartFault | undefined {
    if (this.#state === "body") {
      const fault = this.#take(this.#rest);
      if (fault !== undefined) return fault;
      this.#close();
    }
    return this.parts.length === 0 ? "no-part" : undefined;
  }

  #step(): MultipartFault | "more" | "on" {
    if (this.#state === "epilogue") {
      this.#rest = Buffer.alloc(0);
      return "more";
    }
    if (this.#state === "delimiter") return this.#afterDelimiter();
    if (this.#state === "header") return this.#header();
    return this.#content();
  }

  /** Preamble or body of a part, up to the next delimiter. */
  #content(): MultipartFault | "more" | "on" {
    const at = this.#rest.indexOf(this.#delimiter);
    if (at >= 0) {
      const fault = this.#take(this.#rest.subarray(0, this.#rest[at - 1] === 0x0d ? at - 1 : at));
      if (fault !== undefined) return fault;
      this.#close();
      this.#rest = this.#rest.subarray(at + this.#delimiter.length);
      this.#state = "delimiter";
      return "on";
    }
    // The end may be the begin of a delimiter, with the CR before it.
    const safe = Math.max(0, this.#rest.length - this.#delimiter.length);
    const fault = this.#take(this.#rest.subarray(0, safe));
    this.#rest = this.#rest.subarray(safe);
    return fault ?? "more";
  }

  /** `--` closes; else blanks to the end of the line (RFC 2046 transport-padding). */
  #afterDelimiter(): MultipartFault | "more" | "on" {
    if (this.#rest.length < 2) return "more";
    if (this.#rest.toString("latin1", 0, 2) === "--") {
      this.#state = "epilogue";
      return "on";
    }
    const end = this.#rest.indexOf("\n");
    if (end < 0) return this.#rest.length > partHeaderBytes ? "part-header" : "more";
    if (!/^[ \t\r]*$/.test(this.#rest.toString("latin1", 0, end))) {
      // RFC 2046 §5.1.1: no line of a part may begin like the delimiter.
      return "part-header";
    }
    // The end of this line is kept: it may be the first of the two that end an empty header.
    this.#rest = this.#rest.subarray(end);
    this.#state = "header";
    return "on";
  }

  #header(): MultipartFault | "more" | "on" {
    const text = this.#rest.toString("latin1", 0, Math.min(this.#rest.length, partHeaderBytes));
    const end = /\r?\n\r?\n/.exec(text);
    if (end === null) return this.#rest.length >= partHeaderBytes ? "part-header" : "more";
    if (this.parts.length >= partsAtMost) return "too-many-parts";
    this.#part = open(this.#rest.toString("utf8", 0, end.index));
    this.#rest = this.#rest.subarray(end.index + end[0].length - 1);
    // One line end stays, so that a delimiter right after the header is found; it is no content.
    this.#skip = 1;
    this.#state = "body";
    return "on";
  }

  #take(bytes: Buffer): MultipartFault | undefined {
    const part = this.#part;
    const own = bytes.subarray(Math.min(this.#skip, bytes.length));
    this.#skip -= bytes.length - own.length;
    if (part === undefined || own.length === 0) return undefined;
    part.bytes += own.length;
    if (part.dropped) {
      this.droppedBytes += own.length;
      return undefined;
    }
    this.#kept += own.length;
    if (this.#kept > this.#keepBytes) return "too-big";
    part.chunks.push(Buffer.from(own));
    return undefined;
  }

  #close(): void {
    const part = this.#part;
    this.#part = undefined;
    this.#skip = 0;
    if (part === undefined) return;
    const { name, filename, contentType, dropped, bytes } = part;
    const body = Buffer.concat(part.chunks);
    this.parts.push({ name, ...(filename === undefined ? {} : { filename }), contentType, bytes, body, dropped });
  }
}

function open(header: string): OpenPart {
  const lines = header.split(/\r?\n/);
  const field = (name: string): string => {
    const line = lines.find((each) => each.toLowerCase().startsWith(`${name}:`));
    return line === undefined ? "" : line.slice(name.length + 1).trim();
  };
  const disposition = field("content-disposition");
  const name = parameterOf(disposition, "name") ?? "";
  const filename = parameterOf(disposition, "filename");
  const contentType = bareType(field("content-type"));
  return { name, filename, contentType, dropped: isFile(contentType, filename), chunks: [], bytes: 0 };
}

/** Pictures, video and sound, also where a file of that name has no type of its own. */
function isFile(contentType: string, filename: string | undefined): boolean {
  if (/^(image|video|audio)\//.test(contentType)) return true;
  if (filename === undefined) return false;
  return contentType === "application/octet-stream" || (contentType === "" && files.test(filename));
}

/** Lower case, without parameters. */
export function bareType(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}

function parameterOf(disposition: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]*))`, "i").exec(disposition);
  return match?.[1]?.replace(/\\(.)/g, "$1") ?? match?.[2];
}
