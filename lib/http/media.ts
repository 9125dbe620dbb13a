/**
 * What kind of body an answer says that it has.
 *
 * @module
 */

function typeOf(headers: Headers): string {
  return headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
}

/**
 * Whether it is one JSON document.
 *
 * @example By its suffix
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isJson(new Headers({ "content-type": "application/problem+json; charset=utf-8" })), true);
 * ```
 */
export function isJson(headers: Headers): boolean {
  return /[/+]json$/.test(typeOf(headers));
}

/**
 * Whether it is a stream of server-sent events.
 *
 * @example By its type
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isEvents(new Headers({ "content-type": "text/event-stream" })), true);
 * ```
 */
export function isEvents(headers: Headers): boolean {
  return typeOf(headers) === "text/event-stream";
}

/**
 * Whether each of its lines is a JSON document.
 *
 * @example By its type
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isLines(new Headers({ "content-type": "application/x-ndjson" })), true);
 * ```
 */
export function isLines(headers: Headers): boolean {
  return /[/+.-](ndjson|jsonl|jsonlines|json-lines|stream\+json)$/.test(
    typeOf(headers),
  );
}
