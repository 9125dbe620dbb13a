/**
 * A JSON list in parts, as it comes: a long one need not be held as a whole.
 *
 * @module
 */

/** A part is at least so long: what is shorter is known as a whole before any of it is printed. */
const PART = 1 << 20;

const SIGN = /[^ \t\r\n]/;
const OUTSIDE = /["[\]{},]/g;
const INSIDE = /["\\]/g;

/** Makes what looks, text after text, for the last comma between elements of a list that has begun, and for its end. */
function createScanner() {
  let [depth, isInside, from] = [1, false, 0];
  return (text: string): { comma: number; end: number } => {
    let comma = -1;
    let at = from;
    for (;;) {
      const pattern = isInside ? INSIDE : OUTSIDE;
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (found === null) break;
      const [sign] = found;
      at = found.index + (sign === "\\" ? 2 : 1);
      if (sign === '"') isInside = !isInside;
      else if (sign === "[" || sign === "{") depth++;
      else if (sign === "]" || sign === "}") depth--;
      else if (sign === "," && depth === 1) comma = found.index;
      if (depth === 0) return { comma, end: found.index };
    }
    // an escape may go on in the next text
    from = Math.max(0, at - text.length);
    return { comma, end: -1 };
  };
}

/**
 * Splits the text of a list into lists of some of its elements.
 *
 * @param texts The text as it comes.
 * @returns Each time JSON of a list, or what is no JSON where the whole is none; what does not begin as a list comes
 * as it is.
 */
export async function* splitList(
  texts: AsyncIterable<string>,
): AsyncGenerator<string> {
  const scan = createScanner();
  let state: "before" | "list" | "after" | "other" = "before";
  let parts: string[] = [];
  let size = 0;
  let isFirst = true;
  const take = (text: string) => {
    const elements = parts.join("") + text;
    // a comma stands between two elements
    const isMissing = !isFirst && elements.search(SIGN) < 0;
    [parts, size, isFirst] = [[], 0, false];
    return isMissing ? "[,]" : `[${elements}]`;
  };
  for await (let text of texts) {
    if (state === "before") {
      text = text.slice(text.search(SIGN) >>> 0);
      if (text === "") continue;
      state = text.startsWith("[") ? "list" : "other";
      if (state === "list") text = text.slice(1);
    }
    if (state === "list") {
      const { comma, end } = scan(text);
      if (end >= 0) {
        // what follows the end belongs to the last part: it may not be JSON with it
        text = take(text.slice(0, end)) + text.slice(end + 1);
        state = "after";
      } else if (comma >= 0 && size + comma >= PART) {
        yield take(text.slice(0, comma));
        text = text.slice(comma + 1);
      }
    }
    parts.push(text);
    size += text.length;
  }
  yield (state === "list" ? "[" : "") + parts.join("");
}
