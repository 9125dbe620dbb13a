/** Photos that need no network: a plate in the colour that its address names. */

/**
 * Draws the photo of a path like `/600/92c952`: its side in pixels and its colour.
 *
 * @returns An SVG image, or nothing when the path is not that of a photo.
 *
 * @example
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 *
 * assert(drawPhoto("/150/92c952")?.includes('fill="#92c952"'));
 * assertEquals(drawPhoto("/posts/1"), undefined);
 * ```
 */
export function drawPhoto(path: string): string | undefined {
  const [, side, color] = path.match(/^\/(\d{1,4})\/([\da-f]{6})$/i) ?? [];
  if (side === undefined || color === undefined) return;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 60 60">` +
    `<rect width="60" height="60" fill="#${color}"/>` +
    `<text x="30" y="33" font-family="sans-serif" font-size="9" text-anchor="middle" fill="#fff" ` +
    `stroke="#000" stroke-width=".1">${side} × ${side}</text></svg>\n`;
}
