/** Chinese, Japanese and Korean signs and their punctuation, which a terminal shows two columns wide. */
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/gu;

/** Columns that a text takes in a terminal. */
export function widthOf(text: string): number {
  return text.length + (text.match(wide)?.length ?? 0);
}

/** Lines with their cells under each other, indented; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => widthOf(String(row[column] ?? "")))),
  );
  return rows.map((row) => `  ${row.map((cell, column) => padded(cell, widths[column] ?? 0)).join("  ")}`.trimEnd());
}

function padded(cell: string | number, width: number): string {
  const blank = " ".repeat(width - widthOf(String(cell)));
  return typeof cell === "number" ? `${blank}${cell}` : `${cell}${blank}`;
}
