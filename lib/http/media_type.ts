/** The types of the files that people send, by their endings. */
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  csv: "text/csv",
  gif: "image/gif",
  gz: "application/gzip",
  htm: "text/html",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript",
  json: "application/json",
  md: "text/markdown",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  ndjson: "application/x-ndjson",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  tar: "application/x-tar",
  txt: "text/plain",
  wasm: "application/wasm",
  webp: "image/webp",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
  zip: "application/zip",
};

/**
 * The media type of a file, by the ending of its name; application/octet-stream, which says nothing, for any other.
 */
export function mediaTypeOf(path: string): string {
  const ending = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(TYPES, ending) && TYPES[ending] ||
    "application/octet-stream";
}

/** A file to send, and what it is. */
export interface TypedFile {
  /** Its path. */
  readonly path: string;
  /** Its media type. */
  readonly type: string;
}

/**
 * Splits `FILE;type=TYPE`; without a type the ending of the name tells.
 *
 * @param text What was typed.
 */
export function splitType(text: string): TypedFile {
  const [, path = text, type] =
    text.match(/^(.+);type=([\w!#$&^.+-]+\/[\w!#$&^.+*-]+)$/s) ?? [];
  return { path, type: type ?? mediaTypeOf(path) };
}

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
