/**
 * The embedded documents, through the store that an api has: a query means what it means there.
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

function refuseResource(resource: string): Failure {
  const names = Object.keys(seed).join(", ");
  return new Failure(`Cannot list ${resource}: the embedded are ${names}`, {
    code: ExitCode.ClientError,
  });
}

/**
 * Lists the embedded documents of a resource.
 *
 * @param params The query.
 * @param onIgnored Is told what of the query changes nothing.
 * @returns One list.
 * @throws {Failure} When there is no such resource or the query cannot be read: code 4, as for an API's 404 and 400.
 */
export async function* listEmbedded(
  resource: string,
  params: URLSearchParams,
  onIgnored: (ignored: readonly Ignored[]) => Promise<void>,
): AsyncGenerator<Document[]> {
  using store = openStore(":memory:", seed);
  const list = store.list(resource, readQuery(params));
  if (list === undefined) throw refuseResource(resource);
  await onIgnored(list.ignored);
  yield JSON.parse(list.json);
}

/**
 * Gets one of the embedded documents.
 *
 * @throws {Failure} When it is not there: code 4, as for an API's 404.
 */
export function getEmbedded(resource: string, id: string): Document {
  using store = openStore(":memory:", seed);
  const count = store.list(resource)?.total;
  if (count === undefined) throw refuseResource(resource);
  const text = store.get(resource, id);
  if (text !== undefined) return JSON.parse(text);
  const what = resource.replace(/s$/, "");
  throw new Failure(
    `Cannot get ${what} ${id}: the embedded ${resource} are 1 to ${count}`,
    { code: ExitCode.ClientError },
  );
}
