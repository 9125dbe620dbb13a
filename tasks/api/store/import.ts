/**
 * Dumps: a json-server db.json, or what an api answers to `GET /db`.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { isDocument, parseJson } from "./document.ts";
import type { Data, Id, Stored } from "./store.ts";

/**
 * Reads a dump from a file or an api.
 *
 * @param source A file's path, or a URL; that of an api without a path means its `/db`.
 * @param signal Ends the wait for a response.
 * @throws {Failure} When it cannot be read, or is not JSON.
 * @throws {TypeError} When it is not an object of lists and objects.
 */
export async function readDump(
  source: string,
  signal?: AbortSignal,
): Promise<Data> {
  const text = isUrl(source)
    ? await fetchText(source, signal)
    : await Deno.readTextFile(source).catch((cause) => {
      throw new Failure(`Cannot load "${absolutePath(source)}"`, { cause });
    });
  try {
    return toData(parseJson(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure(`Cannot load "${source}": ${error.message}`);
  }
}

/** Tells whether the source of a dump is a URL: `http://...`, `:3000`. */
export function isUrl(source: string): boolean {
  return /^(https?:\/\/|:\d)/i.test(source);
}

/**
 * Narrows what was parsed from JSON to what a store can load.
 *
 * @throws {TypeError} When it is not an object of lists and objects.
 */
export function toData(value: unknown): Data {
  if (!isDocument(value)) throw unloadable("db", "expected an object");
  const data: { [resource: string]: Data[string] } = Object.create(null);
  for (const [resource, documents] of Object.entries(value)) {
    if (!Array.isArray(documents) && !isDocument(documents)) {
      throw unloadable(resource, "expected a list or an object");
    }
    data[resource] = documents;
  }
  return { ...data };
}

async function fetchText(
  source: string,
  signal?: AbortSignal,
): Promise<string> {
  const { send } = await import("../../../lib/http/send.ts");
  const { parseUrl } = await import("../../get/url.ts");
  const url = parseUrl(source);
  if (url.pathname === "/") url.pathname = "/db";
  await using response = await send(
    { method: "GET", url, headers: [], typed: [] },
    signal && { signal },
  );
  if (response.status !== 200) {
    throw new Failure(
      `Cannot load "${url}": the answer was ${response.status}`,
    );
  }
  return await new Response(ReadableStream.from(response.body)).text();
}

/**
 * Reads a list of documents. A document may lack an id: then it is in the list, but has no URL.
 *
 * @param resource Its name, for the error.
 * @throws {TypeError} When one is no object, or its id is neither a number nor a text, or is taken.
 */
export function readList(
  resource: string,
  documents: readonly unknown[],
): Stored[] {
  const ids = new Set<Id>();
  return documents.map((document, index) => {
    const path = `${resource}[${index}]`;
    if (!isDocument(document)) throw unloadable(path, "expected an object");
    const { id } = document;
    const json = JSON.stringify(document, null, 2);
    if (id === undefined) return { id: null, json };
    if (!isId(id)) {
      throw unloadable(`${path}.id`, "expected a number or a text");
    }
    // SQLite's texts are UTF-8, which knows one half of a character only.
    const stored = typeof id === "string" ? id.toWellFormed() : id;
    if (ids.has(stored)) {
      throw unloadable(`${path}.id`, `${JSON.stringify(id)} is taken`);
    }
    ids.add(stored);
    return { id, json };
  });
}

/** Tells whether a value can be a document's id: a text, or a number that JSON can write. */
export function isId(value: unknown): value is Id {
  return typeof value === "string" || Number.isFinite(value);
}

/** Makes the error of what cannot be loaded, and where it is: `posts[3].id`. */
export function unloadable(path: string, why: string): TypeError {
  return new TypeError(`Cannot load "${path}": ${why}`);
}
