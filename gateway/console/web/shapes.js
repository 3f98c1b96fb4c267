const namespace = "http://www.w3.org/2000/svg";

/** A shape for each level, so that it is known without colour. The flame and the sign are holes (even-odd rule). */
const outlines = {
  fire: "M16 2.500 31 29H1ZM16.300 11.500c.5 2.300-2.900 4-2.900 7.300 0-1-.6-1.700-1.200-2.100-1 1.300-1.600 2.700-1.600 4.200 0 3 2.400 5.100 5.400 5.100s5.400-2.100 5.400-5.100c0-4.200-4-5.200-5.100-9.400Z",
  urgent: "M16 1 31 16 16 31 1 16ZM14.300 8.500h3.400l-.5 9.500h-2.400ZM14.200 20.300h3.600v3.500h-3.600Z",
  normal:
    "M16 2a14 14 0 1 1 0 28 14 14 0 0 1 0-28ZM14.300 8.500h3.400l-.5 9.500h-2.400ZM14.200 20.300h3.600v3.500h-3.600Z",
  notice: "M9 3h14l8 13-8 13H9L1 16ZM14.200 8.200h3.600v3.500h-3.600ZM14.400 13.800h3.200v9.700h-3.200Z",
  fault: "M3 3h26v26H3ZM14.300 8.500h3.400l-.5 9.500h-2.400ZM14.200 20.300h3.600v3.500h-3.600Z",
};

/** @typedef {keyof typeof outlines} Level */

/**
 * @param {Level} level
 * @param {boolean} hollow the condition is gone, but the alarm is not closed
 */
export function shape(level, hollow = false) {
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "-1 -1 34 34");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", hollow ? "shape hollow" : "shape");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", outlines[level]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}
