/**
 * Colours of a terminal.
 *
 * @module
 */

const SGR = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
} as const;

/** Colours a text for an output that shows colours, and leaves it alone for any other. */
export function paint(
  text: string,
  colour: keyof typeof SGR,
  output: { readonly color: boolean },
): string {
  if (!output.color) return text;
  return `\x1b[${SGR[colour]}m${text}\x1b[${SGR[colour] < 10 ? 22 : 39}m`;
}
