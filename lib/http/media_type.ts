/**
 * What a body is, by its Content-Type.
 *
 * @module
 */

function typeOf(headers: Headers): string {
  return headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Whether it is one JSON document. */
export function isJson(headers: Headers): boolean {
  return /[/+]json$/.test(typeOf(headers));
}

/** Whether it is a stream of server-sent events. */
export function isEvents(headers: Headers): boolean {
  return typeOf(headers) === "text/event-stream";
}

/** Whether each of its lines is a JSON document. */
export function isLines(headers: Headers): boolean {
  return /[/+.-](ndjson|jsonl|jsonlines|json-lines|stream\+json)$/.test(
    typeOf(headers),
  );
}
