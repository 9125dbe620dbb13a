/**
 * The files of a folder, at the root and before the resources.
 *
 * @module
 */

import type { Middleware } from "./middleware.ts";
import { typeByExtension } from "@std/media-types/type-by-extension";
import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath, percentDecode } from "../../../lib/cli/values.ts";
import { matchesEtag } from "../response.ts";

/** A file or a folder that may be seen. */
interface Found {
  readonly path: string;
  readonly info: Deno.FileInfo;
}

// What is not longer is read at once, and its file is closed before anybody waits for it.
const maxWhole = 2 ** 20;
const chunkSize = 2 ** 16;
const isWindows = Deno.build.os === "windows";

/**
 * Responds to GET and HEAD with the files of a folder, where there is one of the path; a folder's is its index.html.
 * Nothing outside of the folder is shown, whatever the path or a symbolic link says, and nothing that begins with a dot.
 *
 * @param own Files that the api reads or keeps: these are not shown either, nor what SQLite has beside a database.
 * @throws {Failure} When it is no folder that can be read.
 */
export async function serveFolder(
  folder: string,
  own: readonly string[] = [],
): Promise<Middleware> {
  const refuse = (reason: { cause: unknown } | string) => {
    const what = `Cannot serve the files of "${absolutePath(folder)}"`;
    return typeof reason === "string"
      ? new Failure(`${what}: ${reason}`)
      : new Failure(what, reason);
  };
  const top = await Deno.realPath(folder).catch((cause) => {
    throw refuse({ cause });
  });
  if (!(await Deno.stat(top)).isDirectory) throw refuse("it is no folder");
  let hidden: ReadonlySet<string> | undefined;
  const find = async (names: readonly (string | undefined)[]) => {
    const found = await findBelow(top, names);
    if (found === undefined) return;
    // a new database is made only after this
    hidden ??= await placesOf(own);
    return hidden.has(found.path) ? undefined : found;
  };
  return async (request, next) => {
    const { method, url } = request;
    if (method !== "GET" && method !== "HEAD") return await next(request);
    const { pathname, search } = new URL(url);
    const names = pathname.slice(1).split("/").map(percentDecode);
    const isFolder = names.at(-1) === "";
    if (isFolder) names[names.length - 1] = "index.html";
    const found = await find(names);
    if (found?.info.isFile) return await serveFile(found, request);
    const index = found?.info.isDirectory &&
      await find([...names, "index.html"]);
    // what its pages link to is below the folder, wherever a proxy puts that
    if (index && index.info.isFile && !isFolder) {
      const location = `./${pathname.split("/").at(-1)}/${search}`;
      return new Response(null, { status: 301, headers: { location } });
    }
    return await next(request);
  };
}

/** Tells whether a part of a path is the name of a file that may be shown, and nothing that leads elsewhere. */
export function isPlainName(name: string, windows: boolean): boolean {
  if (/^\.|^$|[\\/\0]/.test(name)) return false;
  // streams, what is cut off, and devices
  return !windows ||
    !/[:*?"<>|]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d|con(in|out)\$)(\.|$)/i
      .test(name);
}

/** Where files are, and what SQLite has beside them. */
async function placesOf(files: readonly string[]): Promise<Set<string>> {
  const places = await Promise.all(files.map(async (file) => {
    const place = await Deno.realPath(file).catch(() => absolutePath(file));
    return ["", "-wal", "-shm", "-journal"].map((end) => place + end);
  }));
  return new Set(places.flat());
}

async function findBelow(
  top: string,
  names: readonly (string | undefined)[],
): Promise<Found | undefined> {
  const plain = names.filter((name) =>
    name !== undefined && isPlainName(name, isWindows)
  );
  if (plain.length < names.length) return;
  try {
    const separator = isWindows ? "\\" : "/";
    const inside = top.endsWith(separator) ? top : top + separator;
    const path = await Deno.realPath(inside + plain.join(separator));
    const below = path.slice(inside.length).split(separator);
    // a link may lead out, or to what begins with a dot
    if (
      !path.startsWith(inside) || below.some((name) => name.startsWith("."))
    ) {
      return;
    }
    return { path, info: await Deno.stat(path) };
  } catch {
    // what is not there, or cannot be seen, may be a resource
  }
}

async function serveFile(
  { path, info: { size, mtime } }: Found,
  { method, headers: asked }: Request,
): Promise<Response> {
  const ms = mtime?.getTime() ?? 0;
  const etag = `W/"${size.toString(16)}-${ms.toString(16)}"`;
  const modified = new Date(ms).toUTCString();
  const headers = new Headers({
    "content-type": typeOf(path),
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
    "accept-ranges": "bytes",
    "last-modified": modified,
    etag,
  });
  if (isKnown(asked, etag, ms)) {
    headers.delete("content-type");
    return new Response(null, { status: 304, headers });
  }
  const range = method === "GET" && isOfThis(asked.get("if-range"), modified)
    ? rangeOf(asked.get("range"), size)
    : undefined;
  if (range === "none") {
    headers.set("content-range", `bytes */${size}`);
    headers.delete("content-type");
    return new Response(null, { status: 416, headers });
  }
  const [start, end] = range ?? [0, size];
  headers.set("content-length", `${end - start}`);
  if (range) headers.set("content-range", `bytes ${start}-${end - 1}/${size}`);
  const status = range ? 206 : 200;
  if (method === "HEAD") return new Response(null, { status, headers });
  return new Response(await read(path, start, end), { status, headers });
}

function typeOf(path: string): string {
  const type = typeByExtension(path.match(/\.[^./\\]*$/)?.[0] ?? "");
  if (type === undefined) return "application/octet-stream";
  return /^text\/|\/(json|javascript|manifest\+json)$/.test(type)
    ? `${type}; charset=utf-8`
    : type;
}

function isKnown(asked: Headers, etag: string, ms: number): boolean {
  const tags = asked.get("if-none-match");
  if (tags !== null) return matchesEtag(tags, etag);
  const since = Date.parse(asked.get("if-modified-since") ?? "");
  return Math.floor(ms / 1000) * 1000 <= since;
}

/** RFC 9110, 13.1.5: a weak entity tag is none to go on by, a date is when it is the same. */
function isOfThis(validator: string | null, modified: string): boolean {
  return validator === null || validator === modified;
}

/** Reads a range of bytes; nothing where the whole is meant, as where there are several. */
function rangeOf(
  range: string | null,
  size: number,
): readonly [start: number, end: number] | "none" | undefined {
  const [, first, last] = range?.match(/^bytes=(\d*)-(\d*)$/i) ?? [];
  if (first === undefined || last === undefined || first + last === "") return;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === ""
    ? size
    : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(first) > Number(last)) return;
  return start < end ? [start, end] : "none";
}

async function read(
  path: string,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>> {
  let file = await openAt(path, start);
  let left = end - start;
  if (left <= maxWhole) {
    using whole = file;
    const bytes = new Uint8Array(left);
    for (let at = 0; at < left;) {
      const count = await whole.read(bytes.subarray(at));
      if (count === null) throw new Error(`"${path}" has become shorter`);
      at += count;
    }
    return bytes;
  }
  // Who does not want the response after all would leave it open.
  file.close();
  let isOpen = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      if (!isOpen) file = await openAt(path, start);
      isOpen = true;
      const bytes = new Uint8Array(Math.min(chunkSize, left));
      const count = await file.read(bytes);
      if (count === null) {
        file.close();
        throw new Error(`"${path}" has become shorter`);
      }
      left -= count;
      controller.enqueue(bytes.subarray(0, count));
      if (left > 0) return;
      file.close();
      controller.close();
    },
    cancel() {
      if (isOpen) file.close();
    },
  }, { highWaterMark: 0 });
}

async function openAt(path: string, start: number): Promise<Deno.FsFile> {
  const file = await Deno.open(path);
  if (start > 0) await file.seek(start, Deno.SeekMode.Start);
  return file;
}
