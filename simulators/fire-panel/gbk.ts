/** Pairs of bytes that GBK has, each with its character: Node decodes it, but does not encode. */
const table = new Map<string, readonly number[]>();

/** Text as GBK; what GBK has not is U+FFFD there, which it has as four bytes of GB 18030. */
export function gbk(text: string): Uint8Array {
  if (table.size === 0) fill();
  return Uint8Array.from(
    [...text].flatMap((char) => (char < "\u0080" ? [char.charCodeAt(0)] : (table.get(char) ?? replacement))),
  );
}

const replacement: readonly number[] = [0x84, 0x31, 0xa4, 0x37];

function fill(): void {
  const decoder = new TextDecoder("gbk");
  for (let lead = 0x81; lead <= 0xfe; lead += 1) {
    for (let trail = 0x40; trail <= 0xfe; trail += 1) {
      if (trail === 0x7f) continue;
      const char = decoder.decode(Uint8Array.of(lead, trail));
      if (char.length === 1 && char !== "\ufffd" && !table.has(char)) table.set(char, [lead, trail]);
    }
  }
}
