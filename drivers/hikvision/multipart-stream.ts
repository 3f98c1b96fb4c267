import { documentKind } from "./document.ts";

/** One part of an endless multipart body. */
export interface StreamedPart {
  /** Lower case, without parameters; empty where absent. */
  readonly contentType: string;
  readonly bytes: number;
  /** Empty where `skipped`. */
  readonly body: Uint8Array;
  /** `picture`: not text, and let go as it came. `too-large`, `bad-headers`: beyond its bound. */
  readonly skipped?: "picture" | "too-large" | "bad-headers";
}

/** Bounds of what is held: a device that sends no end is let go on, and costs no more than this. */
const maxHeaderBytes = 8 * 1024;
const maxTextBytes = 256 * 1024;
const maxDelimiterBytes = 200;
/** How often a part without a usable length is looked at for its end before the next delimiter has come. */
const mostLooks = 16;

const nothing = Buffer.alloc(0);
const lineFeed = 0x0a;
const dash = 0x2d;

/**
 * The parts of `multipart/mixed` that never ends (RFC 2046 §5.1, HTTP server push), from chunks of any size. The delimiter is
 * the first line that begins with two dashes: devices name another in their header than they use, or none. Lines end in CRLF or
 * LF, both within one stream. A part is handed out as soon as its text is whole, since the delimiter after it comes with the
 * next event, which may be the heartbeat half a minute later; Content-Length is a hint, for it is not always right.
 */
export class MultipartStream {
  #held: Buffer = nothing;
  /** What came before `#held`: a delimiter begins a line. */
  #before = lineFeed;
  #delimiter: Buffer | undefined;
  #part: OpenPart | undefined;

  /** Feeds what came in; the parts that it ends, in order. */
  push(chunk: Uint8Array): readonly StreamedPart[] {
    this.#held = Buffer.concat([this.#held, chunk]);
    const parts: StreamedPart[] = [];
    while (this.#part === undefined ? this.#findPart(parts) : this.#readPart(this.#part, parts)) {
      // Each step takes something off what is held.
    }
    return parts;
  }

  /** The stream is over: a last part whose text is whole though no delimiter follows. */
  end(): readonly StreamedPart[] {
    const part = this.#part;
    this.#part = undefined;
    if (part === undefined || part.told) return [];
    part.add(this.#take(this.#held.length));
    return isWhole(part.text()) ? [part.close()] : [];
  }

  /** Bytes that are held: never more than the bounds and one chunk. */
  get held(): number {
    return this.#held.length + (this.#part?.held ?? 0);
  }

  /** Between parts: skips to the line after the delimiter, then reads the headers. */
  #findPart(parts: StreamedPart[]): boolean {
    const line = this.#delimiter === undefined ? this.#firstDelimiter() : this.#nextDelimiter(this.#delimiter);
    if (line === undefined) {
      this.#take(this.#held.length - maxDelimiterBytes);
      return false;
    }
    // What closes the stream by its form may be followed by more.
    if (line.closing) {
      this.#take(line.end);
      return true;
    }
    this.#take(line.start);
    const bodyFrom = line.end - line.start;
    const head = headEnd(this.#held, bodyFrom);
    if (head === undefined) {
      if (this.#held.length <= maxHeaderBytes + maxDelimiterBytes) return false;
      parts.push({ contentType: "", bytes: 0, body: nothing, skipped: "bad-headers" });
      this.#take(bodyFrom);
      return true;
    }
    this.#part = new OpenPart(this.#held.toString("latin1", bodyFrom, head.start));
    this.#take(head.end);
    return true;
  }

  #readPart(part: OpenPart, parts: StreamedPart[]): boolean {
    const line = this.#delimiter === undefined ? undefined : this.#nextDelimiter(this.#delimiter);
    if (line !== undefined) {
      part.add(this.#take(line.start));
      if (!part.told) parts.push(part.close());
      this.#part = undefined;
      return true;
    }
    const text = this.#beforeDelimiter();
    if (text > 0 && part.mayEnd(this.#held.subarray(0, text))) {
      part.add(this.#take(text));
      if (isWhole(part.text())) parts.push(part.close());
    } else {
      // What may be the beginning of a delimiter stays.
      part.add(this.#take(this.#held.length - maxDelimiterBytes));
    }
    return false;
  }

  #take(count: number): Buffer {
    if (count <= 0) return nothing;
    const taken = this.#held.subarray(0, count);
    this.#before = taken[taken.length - 1] ?? lineFeed;
    // Copied, so that a large chunk is not kept alive by its last bytes.
    this.#held = Buffer.from(this.#held.subarray(count));
    return taken;
  }

  #firstDelimiter(): Line | undefined {
    for (let from = 0; ; ) {
      const newline = this.#held.indexOf(lineFeed, from);
      if (newline < 0) return undefined;
      const text = this.#held.toString("latin1", from, Math.min(newline, from + maxDelimiterBytes)).trimEnd();
      if (this.#beginsLine(from) && /^--\S{1,150}$/.test(text)) {
        this.#delimiter = Buffer.from(text, "latin1");
        return { start: from, end: newline + 1, closing: false };
      }
      from = newline + 1;
    }
  }

  #nextDelimiter(delimiter: Buffer): Line | undefined {
    for (let from = 0; ; ) {
      const at = this.#held.indexOf(delimiter, from);
      if (at < 0) return undefined;
      const after = at + delimiter.length;
      const newline = this.#held.indexOf(lineFeed, after);
      const rest = this.#held.toString("latin1", after, newline < 0 ? after + 64 : newline);
      if (this.#beginsLine(at) && /^(--)?[ \t]*\r?$/.test(rest)) {
        return newline < 0 ? undefined : { start: at, end: newline + 1, closing: rest.startsWith("--") };
      }
      from = after;
    }
  }

  /** How much is text for certain: the last line may be the beginning of a delimiter, and some end in a bracket themselves. */
  #beforeDelimiter(): number {
    const line = this.#held.lastIndexOf(lineFeed) + 1;
    return this.#beginsLine(line) && this.#held[line] === dash ? line : this.#held.length;
  }

  #beginsLine(at: number): boolean {
    return (at === 0 ? this.#before : this.#held[at - 1]) === lineFeed;
  }
}

interface Line {
  readonly start: number;
  readonly end: number;
  readonly closing: boolean;
}

/** Where the headers that begin at `from` end, and the body begins. */
function headEnd(bytes: Buffer, from: number): { start: number; end: number } | undefined {
  for (let at = from; ; ) {
    const newline = bytes.indexOf(0x0a, at);
    if (newline < 0 || newline - from > maxHeaderBytes) return undefined;
    if (newline === at || (newline === at + 1 && bytes[at] === 0x0d)) return { start: at, end: newline + 1 };
    at = newline + 1;
  }
}

/** A part whose headers have come. */
class OpenPart {
  readonly #contentType: string;
  readonly #declared: number | undefined;
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #bytes = 0;
  #looks = 0;
  #tooLarge = false;
  #picture: boolean | undefined;
  told = false;

  constructor(head: string) {
    const header = (name: string) => new RegExp(`^${name}:[ \\t]*([^\\r\\n]*)`, "im").exec(head)?.[1] ?? "";
    this.#contentType = (header("Content-Type").split(";")[0] ?? "").trim().toLowerCase();
    const length = header("Content-Length").trim();
    this.#declared = /^\d{1,9}$/.test(length) ? Number(length) : undefined;
    if (/^(image|video|audio)\//.test(this.#contentType)) this.#picture = true;
  }

  get held(): number {
    return this.#kept;
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#bytes += bytes.length;
    if (this.told || this.#picture === true || this.#tooLarge) return;
    this.#chunks.push(Buffer.from(bytes));
    this.#kept += bytes.length;
    // A device that dribbles must not cost an object a byte.
    if (this.#chunks.length > 64) this.#whole();
    // Untyped pictures are known by their first sign.
    if (this.#picture === undefined && /\S/.test(this.text()))
      this.#picture = documentKind(this.#whole()) === undefined;
    this.#tooLarge = this.#picture !== true && this.#kept > maxTextBytes;
    if (this.#picture === true || this.#tooLarge) this.#drop();
  }

  /** May the text be whole with these bytes? Asked before the delimiter has come. */
  mayEnd(more: Buffer): boolean {
    if (this.told || this.#picture === true || this.#tooLarge || this.#bytes + more.length > maxTextBytes) return false;
    if (!/[}>]\s*$/.test(more.toString("latin1", Math.max(0, more.length - 64)))) return false;
    const reached = this.#declared !== undefined && this.#bytes + more.length >= this.#declared;
    if (reached) return true;
    this.#looks += 1;
    return this.#looks <= mostLooks;
  }

  text(): string {
    return this.#whole().toString("latin1");
  }

  close(): StreamedPart {
    this.told = true;
    const body = this.#whole();
    const bytes = this.#bytes;
    this.#drop();
    const skipped = this.#picture === true ? "picture" : this.#tooLarge ? "too-large" : undefined;
    return { contentType: this.#contentType, bytes, body, ...(skipped === undefined ? {} : { skipped }) };
  }

  #whole(): Buffer {
    if (this.#chunks.length > 1) this.#chunks.splice(0, this.#chunks.length, Buffer.concat(this.#chunks));
    return this.#chunks[0] ?? nothing;
  }

  #drop(): void {
    this.#chunks.length = 0;
    this.#kept = 0;
  }
}

/** Ends what is JSON or XML here? Bytes are told apart as Latin-1, in which brackets and quotes of UTF-8 are the same. */
function isWhole(text: string): boolean {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) {
    try {
      JSON.parse(trimmed);
      return true;
    } catch {
      return false;
    }
  }
  const root = /^(?:<\?[^>]*\?>\s*)?(?:<!--[\s\S]*?-->\s*)*<([\w:.-]+)/.exec(trimmed)?.[1];
  return root !== undefined && trimmed.endsWith(`</${root}>`);
}
