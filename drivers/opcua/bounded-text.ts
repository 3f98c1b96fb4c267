const longest = 200;

/** Text of a device as it may stand in an observation: one line, of a length that fits everywhere. */
export function boundedText(text: string): string {
  const line = text
    .slice(0, 4 * longest)
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, " ")
    .trim();
  return line.length <= longest ? line : `${[...line].slice(0, longest - 1).join("")}…`;
}
