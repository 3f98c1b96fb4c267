/** No tool of ours writes a longer line; of one that does the rest is left out. */
const longest = 4096;

/** Puts chunks of text together to lines. Bounded, whatever comes. */
export class TextLines {
  #rest = "";
  readonly #line: (line: string) => void;

  constructor(line: (line: string) => void) {
    this.#line = line;
  }

  take(chunk: Uint8Array): void {
    const parts = (this.#rest + Buffer.from(chunk).toString("latin1")).split("\n");
    this.#rest = (parts.pop() ?? "").slice(0, longest);
    for (const part of parts) this.#line(part.slice(0, longest));
  }
}
