import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** A column as SQLite stores it; what is neither number nor text does not occur in the logs. */
export type Cell = number | string | null;

interface Place {
  readonly seq: number;
  readonly page: number;
  readonly at: number;
}

/** SQLite file format §1.6: kinds of b-tree pages; §1.8: kinds of pages in a pointer map. */
const tableLeaf = 0x0d;
const pointerMapTree: readonly number[] = [1, 5];
const pointerBytes = 5;
const minColumns = 3;

/**
 * The rows of one table found without its tree, for when the pages above them are gone: every leaf page of the file is
 * looked at, and a leaf belongs to the table whose number of columns its rows have. Free pages are left out where the
 * pointer map is readable, since what was removed has to stay removed. Source: https://sqlite.org/fileformat2.html
 */
export class TableLeaves {
  readonly #file: number;
  readonly #pageBytes: number;
  readonly #pages: number;
  readonly #columns: number;
  readonly #places: readonly Place[];

  constructor(path: string, pageBytes: number, columns: number) {
    this.#file = openSync(path, "r");
    this.#pageBytes = pageBytes;
    this.#pages = Math.floor(fstatSync(this.#file).size / pageBytes);
    this.#columns = columns;
    this.#places = this.#find();
  }

  /** Rows with a number from `from` to `to`, ascending: the number and the columns, of which the first one is null. */
  *rows(from: number, to: number): Generator<{ readonly seq: number; readonly cells: readonly Cell[] }> {
    for (const { seq, page, at } of this.#places) {
      if (seq < from || seq > to) continue;
      const cells = attemptRow(() => this.#row(this.#page(page), at));
      if (cells !== undefined) yield { seq, cells };
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #find(): Place[] {
    const places = new Map<number, Place>();
    // The first page belongs to the schema, the second is a pointer map.
    for (let page = 3; page <= this.#pages; page += 1) {
      const content = this.#page(page);
      if (content[0] !== tableLeaf || !this.#inUse(page)) continue;
      const count = Math.min(content.readUInt16BE(3), Math.floor(this.#pageBytes / 4));
      for (let cell = 0; cell < count; cell += 1) {
        const at = content.readUInt16BE(8 + 2 * cell);
        const seq = attemptRow(() => this.#seqOf(content, at));
        if (seq !== undefined) places.set(seq, { seq, page, at });
      }
    }
    return [...places.values()].sort((a, b) => a.seq - b.seq);
  }

  /** By the pointer map, pages 2, 2 + n, 2 + 2n …, each followed by the n - 1 pages that it tells of (§1.8). */
  #inUse(page: number): boolean {
    const covered = Math.floor(this.#pageBytes / pointerBytes);
    const map = 2 + Math.floor((page - 2) / (covered + 1)) * (covered + 1);
    if (page <= map) return false;
    const kind = this.#page(map)[(page - map - 1) * pointerBytes] ?? 0;
    // A map that says nothing sensible is damaged itself.
    return pointerMapTree.includes(kind) || kind === 0 || kind > 5;
  }

  #seqOf(content: Buffer, at: number): number | undefined {
    const payload = varint(content, at);
    const rowid = varint(content, payload.next);
    const header = varint(content, rowid.next);
    let columns = 0;
    for (let next = header.next; next < rowid.next + header.value; columns += 1) next = varint(content, next).next;
    return columns === this.#columns && columns >= minColumns ? rowid.value : undefined;
  }

  #row(content: Buffer, at: number): Cell[] {
    const payload = varint(content, at);
    const rowid = varint(content, payload.next);
    return record(this.#payload(content, rowid.next, payload.value));
  }

  /** A long row goes on in overflow pages (§1.6, "B-tree Cell Format"; no bytes are reserved in our pages). */
  #payload(content: Buffer, at: number, bytes: number): Buffer {
    const usable = this.#pageBytes;
    const most = usable - 35;
    if (bytes <= most) return content.subarray(at, at + bytes);
    const least = Math.floor(((usable - 12) * 32) / 255) - 23;
    const fitting = least + ((bytes - least) % (usable - 4));
    const local = fitting <= most ? fitting : least;
    const parts = [content.subarray(at, at + local)];
    let next = content.readUInt32BE(at + local);
    for (let left = bytes - local; left > 0 && next > 0; left -= usable - 4) {
      const overflow = this.#page(next);
      parts.push(overflow.subarray(4, 4 + Math.min(left, usable - 4)));
      next = overflow.readUInt32BE(0);
    }
    return Buffer.concat(parts);
  }

  #page(page: number): Buffer {
    const content = Buffer.alloc(this.#pageBytes);
    readSync(this.#file, content, 0, this.#pageBytes, (page - 1) * this.#pageBytes);
    return content;
  }
}

/** The record format (§2.1): the kinds of all columns, then their values. */
function record(payload: Buffer): Cell[] {
  const header = varint(payload, 0);
  const cells: Cell[] = [];
  let value = header.value;
  for (let at = header.next; at < header.value; ) {
    const kind = varint(payload, at);
    at = kind.next;
    const bytes = widthOf(kind.value);
    cells.push(cellOf(kind.value, payload.subarray(value, value + bytes)));
    value += bytes;
  }
  return cells;
}

const integerWidths = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function widthOf(kind: number): number {
  return kind >= 12 ? Math.floor((kind - 12) / 2) : (integerWidths[kind] ?? 0);
}

function cellOf(kind: number, bytes: Buffer): Cell {
  if (kind >= 13 && kind % 2 === 1) return bytes.toString("utf8");
  if (kind >= 1 && kind <= 5) return bytes.readIntBE(0, bytes.length);
  if (kind === 6) return Number(bytes.readBigInt64BE(0));
  if (kind === 8 || kind === 9) return kind - 8;
  return null;
}

/** Big-endian, seven bits a byte, eight in the ninth (§1.6). */
function varint(content: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 9; i += 1) {
    const byte = content.readUInt8(at + i);
    if (i === 8) return { value: value * 256 + byte, next: at + 9 };
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  return { value, next: at + 9 };
}

/** Offsets that point out of a page are what damage looks like. */
function attemptRow<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
