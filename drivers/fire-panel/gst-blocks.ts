const ESC = 0x1b;
const LF = 0x0a;
const digit = { six: 0x36, nine: 0x39 };

/** Longer than any message: what has not ended by then is cut off here. */
const mostBytes = 1024;

/**
 * Cuts the bytes of a panel's printer port into messages. One begins with ESC 6 and ends with two line feeds after its ESC 9. A
 * message that lost its beginning or its end is given out as well, and noise too: only its contents tell whether it can be used.
 * Neither byte occurs in a character of GB 18030, so that bytes can be looked at one by one.
 */
export class GstBlocks {
  #bytes: number[] = [];
  /** ESC 9 was seen: what follows is the text. */
  #text = false;

  /** The messages that these bytes end. */
  push(bytes: Uint8Array): Uint8Array[] {
    const ended: Uint8Array[] = [];
    const end = (): void => {
      const block = this.flush();
      if (block !== undefined) ended.push(block);
    };
    for (const byte of bytes) {
      if (byte === digit.six && this.#bytes.at(-1) === ESC) {
        this.#bytes.pop();
        end();
        this.#bytes.push(ESC, byte);
        continue;
      }
      if (byte === digit.nine && this.#bytes.at(-1) === ESC) this.#text = true;
      this.#bytes.push(byte);
      const headless = this.#bytes[0] !== ESC;
      const blank = byte === LF && this.#lastBut("\r") === LF;
      if ((blank && (this.#text || headless)) || this.#bytes.length >= mostBytes) end();
    }
    return ended;
  }

  /** What has begun and is not ended: after a silence nothing more of it comes. Absent where there is nothing. */
  flush(): Uint8Array | undefined {
    const block = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    this.#text = false;
    return block.some((byte) => byte > 0x20) ? block : undefined;
  }

  get waiting(): boolean {
    return this.#bytes.length > 0;
  }

  /** The byte before the last one, carriage returns not counted. */
  #lastBut(skipped: string): number | undefined {
    const before = this.#bytes.slice(-4, -1);
    while (before.at(-1) === skipped.charCodeAt(0)) before.pop();
    return before.at(-1);
  }
}
