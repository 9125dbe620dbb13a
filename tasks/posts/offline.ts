/**
 * The embedded posts, through the store that an api has: a query means what it means there.
 *
 * @module
 */

import { ExitCode, Failure } from "../../lib/cli/errors.ts";
import type { Document } from "../api/store/document.ts";
import { Problem } from "../api/store/problem.ts";
import { parseQuery, type Query } from "../api/store/query.ts";
import { seed } from "../api/store/seed.ts";
import { openStore } from "../api/store/sqlite.ts";
import type { Ignored } from "../api/store/store.ts";

function readQuery(params: URLSearchParams): Query {
  try {
    return parseQuery(params);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Failure(error.message, { code: ExitCode.ClientError });
  }
}

/**
 * Lists the embedded posts.
 *
 * @param params The query; with a page, what follows it comes too, as an API links to it.
 * @param onIgnored Is told what of the query changes nothing.
 * @returns One list.
 * @throws {Failure} When the query cannot be read: code 4, as for an API's 400.
 */
export async function* listEmbedded(
  params: URLSearchParams,
  onIgnored: (ignored: readonly Ignored[]) => Promise<void>,
): AsyncGenerator<Document[]> {
  using store = openStore(":memory:", seed);
  const query = readQuery(params);
  const { page, slice } = query;
  const whole = page && slice
    ? { ...query, slice: { ...slice, end: Infinity } }
    : query;
  const list = await store.list("posts", whole);
  await onIgnored(list?.ignored ?? []);
  yield JSON.parse(list?.json ?? "[]");
}

/**
 * Gets some of the embedded posts.
 *
 * @param ids Their ids, in the order that is wanted.
 * @returns One list.
 * @throws {Failure} When one of them is not there: code 4, as for an API's 404.
 */
export async function* getEmbedded(
  ids: readonly string[],
): AsyncGenerator<Document[]> {
  using store = openStore(":memory:", seed);
  const count = (await store.list("posts"))?.total;
  yield await Promise.all(ids.map(async (id) => {
    const text = await store.get("posts", id);
    if (text !== undefined) return JSON.parse(text);
    throw new Failure(
      `Cannot get post ${id}: the embedded posts are 1 to ${count}`,
      { code: ExitCode.ClientError },
    );
  }));
}
