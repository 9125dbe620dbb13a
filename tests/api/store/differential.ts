/**
 * The same requests to json-server and to us, and where the responses differ.
 *
 * @module
 */

import type { RandomRequest } from "./random_query.ts";

/** What of a response must be the same. */
export interface Seen {
  /** The status. */
  readonly status: number;
  /** The body, byte for byte. */
  readonly text: string;
  /** X-Total-Count. */
  readonly total: string | null;
  /** Link. */
  readonly link: string | null;
}

/** Answers a request that goes to json-server's origin. */
export type Ask = (request: Request) => Promise<Response> | Response;

/** Where we differ on purpose. */
export interface Exception {
  /** Why. */
  readonly why: string;
  /** Tells whether a request and json-server's response to it are such a case. */
  readonly covers: (request: RandomRequest, theirs: Seen) => boolean;
}

/** All of them: what is not here must be the same. */
export const EXCEPTIONS: readonly Exception[] = [
  {
    why: "json-server fails, and shows its stack",
    covers: (_, { status }) => status === 500,
  },
  {
    why:
      "there a bracket in a name is syntax of the qs package; here it leads into a list",
    covers: ({ path }) => /[?&][^=&]*\[/.test(path),
  },
];

/** Asks one of them. */
export async function see(
  ask: Ask,
  origin: string,
  request: RandomRequest,
): Promise<Seen> {
  const { method, path, body } = request;
  const response = await ask(
    new Request(origin + path, {
      method,
      ...body !== undefined &&
        { body, headers: { "content-type": "application/json" } },
    }),
  );
  return {
    status: response.status,
    // The server leaves it out.
    text: method === "HEAD" ? "" : await response.text(),
    total: response.headers.get("x-total-count"),
    link: response.headers.get("link"),
  };
}

/** What came of a comparison. */
export interface Comparison {
  /** How many responses were the same. */
  readonly same: number;
  /** How many differ for the reason of an exception, by the reason. */
  readonly excepted: Readonly<Record<string, number>>;
  /** Those that differ for no reason: each with the request and both responses. */
  readonly differing: readonly string[];
}

/** Sends requests to both, one after the other. */
export async function compare(
  ours: Ask,
  origin: string,
  requests: Iterable<RandomRequest>,
): Promise<Comparison> {
  let same = 0;
  const excepted: Record<string, number> = {};
  const differing: string[] = [];
  for (const request of requests) {
    const theirs = await see(fetch, origin, request);
    const own = await see(ours, origin, request);
    if (JSON.stringify(own) === JSON.stringify(theirs)) {
      same++;
      continue;
    }
    const why = EXCEPTIONS.find(({ covers }) => covers(request, theirs))?.why;
    if (why !== undefined) excepted[why] = (excepted[why] ?? 0) + 1;
    else differing.push(show(request, theirs, own));
  }
  return { same, excepted, differing };
}

function show(
  { method, path, body = "" }: RandomRequest,
  theirs: Seen,
  own: Seen,
): string {
  const [left, right] = [theirs, own].map((seen) =>
    JSON.stringify(seen).slice(0, 400)
  );
  return `${method} ${path} ${body}\n  json-server ${left}\n  ours        ${right}`;
}
