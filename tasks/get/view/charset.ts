/**
 * Remote bytes as text: in the charset that a Content-Type declares, or that a byte order mark gives away.
 *
 * @module
 */

import { latin1 } from "../../../lib/http/request.ts";

/** A parameter of a media type (RFC 9110, section 5.6.6); a comma ends what would be a second value. */
const PARAMETER = /;\s*([^\s=;,]*)\s*(?:=\s*("(?:\\.|[^"\\])*"?|[^;,]*))?/gs;

/**
 * The charset that a Content-Type declares, the first where it does so twice; a text of events is always UTF-8.
 *
 * @example Quoted, in any case, and what only looks like one
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const charset = (type: string) => charsetOf(new Headers({ "content-type": type }));
 * assertEquals(charset('text/html; Charset="Latin1"'), "Latin1");
 * assertEquals(charset('text/html; a="; charset=gbk"'), undefined);
 * ```
 */
export function charsetOf(headers: Headers): string | undefined {
  const type = headers.get("content-type") ?? "";
  if (/^\s*text\/event-stream\s*(;|,|$)/i.test(type)) return undefined;
  const from = type.search(/[;,]/);
  if (type[from] !== ";") return undefined;
  for (
    const [, name = "", value = ""] of type.slice(from).matchAll(PARAMETER)
  ) {
    if (name.toLowerCase() !== "charset") continue;
    const label = value.replace(/^"([^]*?)"?$/, "$1").replaceAll("\\", "");
    if (label.trim() !== "") return label.trim();
  }
}

/** Byte order marks (WHATWG Encoding, section 6.1, "BOM sniff"): they win over what is declared. */
const MARKS = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16be", [0xfe, 0xff]],
  ["utf-16le", [0xff, 0xfe]],
] as const;

const startsWith = (bytes: Uint8Array, mark: readonly number[]) =>
  mark.every((byte, at) => bytes[at] === byte);

/** The encoding of a text, as `TextDecoder` calls it: of its mark, else of its label where anybody knows that, else UTF-8. */
export function encodingOf(start: Uint8Array, label = "utf-8"): string {
  const [marked] = MARKS.find(([, mark]) => startsWith(start, mark)) ?? [];
  if (marked !== undefined) return marked;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return "utf-8";
  }
}

/**
 * Decodes a whole text, without its byte order mark unless that is to stay; undefined where it is not valid in its
 * encoding.
 */
export function decodeText(
  bytes: Uint8Array,
  encoding = "utf-8",
  keepMark = false,
): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: keepMark })
      .decode(bytes);
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();
const NOTHING: Uint8Array = new Uint8Array();

/** Whether a text begins so that more of it may make a byte order mark. */
function isOpen(start: Uint8Array): boolean {
  return MARKS.some(([, mark]) =>
    start.length < mark.length && start.every((byte, at) => mark[at] === byte)
  );
}

/** Turns the chunks of a text into UTF-8. */
interface Transcoder {
  /** What is complete after a chunk; without one, what was held back. */
  readonly decode: (chunk?: Uint8Array) => Uint8Array;
  /** The encoding that was found; undefined as long as too few bytes have come. */
  readonly encoding: () => string | undefined;
}

/**
 * Makes what turns the chunks of a text into UTF-8, without its byte order mark. Bytes that are not valid in another
 * encoding become U+FFFD; those of UTF-8 stay.
 *
 * @param isKept Which encodings stay as they are; UTF-8 does.
 * @param fatal Throws a TypeError instead of giving U+FFFD.
 */
export function createTranscoder(
  label?: string,
  isKept: (encoding: string) => boolean = () => false,
  fatal = false,
): Transcoder {
  let held = NOTHING;
  let encoding: string | undefined;
  let decoder: TextDecoder | undefined;
  const begin = (bytes: Uint8Array): Uint8Array => {
    encoding = encodingOf(bytes, label);
    if (encoding === "utf-8") {
      return startsWith(bytes, MARKS[0][1]) ? bytes.subarray(3) : bytes;
    }
    if (!isKept(encoding)) decoder = new TextDecoder(encoding, { fatal });
    return bytes;
  };
  return {
    decode: (chunk) => {
      const stream = chunk !== undefined;
      let bytes = chunk ?? NOTHING;
      if (encoding === undefined) {
        if (held.length > 0) bytes = new Uint8Array([...held, ...bytes]);
        if (stream && isOpen(bytes)) {
          held = bytes.slice();
          return NOTHING;
        }
        bytes = begin(bytes);
      }
      return decoder === undefined
        ? bytes
        : encoder.encode(decoder.decode(bytes, { stream }));
    },
    encoding: () => encoding,
  };
}

/** The text whose UTF-8 the characters of another one stand for. */
export function fromByteString(text: string): string {
  return new TextDecoder().decode(latin1(text));
}

/** The text of a header: UTF-8, else each byte one character. */
export function textOfHeader(bytes: string): string {
  const text = fromByteString(bytes);
  return text.includes("\ufffd") ? bytes : text;
}
