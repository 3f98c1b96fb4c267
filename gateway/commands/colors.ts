import colors from "picocolors";

/**
 * Colours where a person reads, and nothing but the text where a file or a program does. FORCE_COLOR and CI make no
 * terminal of a pipe here; NO_COLOR is respected.
 * @param output `isTTY` is absent on a pipe, and an absent value would take the library's default.
 */
export function colorsFor(output: { readonly isTTY?: boolean }): ReturnType<typeof colors.createColors> {
  return colors.createColors(colors.isColorSupported && output.isTTY === true);
}
