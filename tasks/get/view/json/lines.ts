/**
 * Streams of JSON documents: one a line, or each behind a mark (RFC 7464).
 *
 * @module
 */

import type { BodyView } from "./json.ts";
import {
  BACKSLASH,
  END_LIST,
  END_OBJECT,
  LIST,
  NEWLINE,
  OBJECT,
  QUOTE,
  RETURN,
} from "./json_format.ts";

const RECORD = 0x1e;

/** Finds where the document ends that a chunk is in the middle of, as `indexOf` does. */
type Split = (chunk: Uint8Array, from?: number) => number;

/** Whether a type is that of a sequence: a document may have newlines in it. */
export function isSequence(type: string): boolean {
  return /[/+.-]json-seq$/.test(type);
}

/**
 * Makes what splits a stream of a type. A document of a sequence ends at the newline after it, so that it is shown
 * before the next one comes, and a broken one at the mark of the next.
 */
export function createSplitter(type: string): Split {
  if (!isSequence(type)) return (chunk, from) => chunk.indexOf(NEWLINE, from);
  let depth = 0;
  let isString = false;
  let isEscaped = false;
  return (chunk, from = 0) => {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === RECORD) {
        [depth, isString, isEscaped] = [0, false, false];
        return at;
      }
      if (isEscaped) isEscaped = false;
      else if (isString && byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) isString = !isString;
      else if (isString) continue;
      else if (byte === LIST || byte === OBJECT) depth++;
      else if (byte === END_LIST || byte === END_OBJECT) depth--;
      else if ((byte === NEWLINE || byte === RETURN) && depth <= 0) {
        depth = 0;
        return at;
      }
    }
    return -1;
  };
}

/** Makes a view of a stream of documents. One that is not JSON is shown as it came; empty ones are left out. */
export function createLinesView(split: Split, document: BodyView): BodyView {
  let isEmpty = true;
  const end = function* () {
    if (isEmpty) return;
    yield* document.end();
    isEmpty = true;
  };
  return {
    format: function* (chunk) {
      for (let at = 0; at < chunk.length;) {
        const stop = split(chunk, at);
        const part = chunk.subarray(at, stop === -1 ? chunk.length : stop);
        if (part.length > 0) {
          isEmpty = false;
          yield* document.format(part);
        }
        if (stop === -1) return;
        yield* end();
        at = stop + 1;
      }
    },
    end,
  };
}
