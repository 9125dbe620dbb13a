/**
 * A stream of JSON documents, one on each line, as a person reads it: each as soon as its line has ended.
 *
 * @module
 */

import type { JsonFormatOptions } from "./json_format.ts";
import { type BodyView, createDocumentView } from "./json_view.ts";

const NEWLINE = 0x0a;

/**
 * Makes a view of newline-delimited JSON. A line that is not JSON is shown as it came; empty lines are left out.
 *
 * @example Two documents
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const view = createLinesView();
 * const chunks = [...view.show(new TextEncoder().encode('[1]\n\noops'))].map((chunk) => chunk.slice());
 * assertEquals(await new Blob([...chunks, ...view.end()].map((chunk) => chunk.slice())).text(), "[\n  1\n]\noops\n");
 * ```
 */
export function createLinesView(options: JsonFormatOptions = {}): BodyView {
  const line = createDocumentView(options);
  let isEmpty = true;
  const end = function* () {
    if (!isEmpty) yield* line.end();
    isEmpty = true;
  };
  return {
    show: function* (chunk) {
      for (let at = 0; at < chunk.length;) {
        const stop = chunk.indexOf(NEWLINE, at);
        const part = chunk.subarray(at, stop === -1 ? chunk.length : stop);
        if (part.length > 0) {
          isEmpty = false;
          yield* line.show(part);
        }
        if (stop === -1) return;
        yield* end();
        at = stop + 1;
      }
    },
    end,
  };
}
