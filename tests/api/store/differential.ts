/**
 * The same requests to json-server and to us, and where the responses differ.
 *
 * @module
 */

import type { RandomRequest } from "./random_query.ts";

/** What of a response must be the same. */
interface Seen {
  readonly status: number;
  readonly text: string;
  /** X-Total-Count and Link. */
  readonly headers: readonly (string | null)[];
}

/** Where we differ on purpose, and which requests and responses of json-server that are; all else must be the same. */
const EXCEPTIONS: readonly (readonly [
  why: string,
  covers: (request: RandomRequest, theirs: Seen) => boolean,
])[] = [
  ["json-server fails, and shows its stack", (_, { status }) => status === 500],
  [
    "there a method that is not for a list or an object is 404, here 405",
    ({ method, path }, { status }) =>
      status === 404 && ["PUT", "PATCH", "DELETE"].includes(method) &&
      /^\/\w+(\?|$)/.test(path),
  ],
  [
    "there a bracket in a name is syntax of the qs package; here it leads into a list",
    ({ path }) => /[?&][^=&]*\[/.test(path),
  ],
  [
    "json-server compares a list as one text; here one of its elements may match, where that finds nothing",
    ({ path }, { text }) =>
      text === "[]" && /^\/notes.*[?&]tags(_like)?=/.test(path),
  ],
];

type Handler = (request: Request) => Promise<Response> | Response;

/** Sends a request to one of them, under json-server's origin. */
export async function see(
  handler: Handler,
  origin: string,
  { method, path, body }: RandomRequest,
): Promise<Seen> {
  const headers = { "content-type": "application/json" };
  const init = body === undefined ? { method } : { method, body, headers };
  const response = await handler(new Request(origin + path, init));
  return {
    status: response.status,
    // The server leaves it out.
    text: method === "HEAD" ? "" : await response.text(),
    headers: ["x-total-count", "link"].map((it) => response.headers.get(it)),
  };
}

/** Sends requests to both, one after the other. Counts what is the same, and by the reason what is excepted; lists the rest. */
export async function compare(
  ours: Handler,
  origin: string,
  requests: Iterable<RandomRequest>,
): Promise<{
  readonly same: number;
  readonly excepted: Readonly<Record<string, number>>;
  readonly differing: readonly string[];
}> {
  let same = 0;
  const excepted: Record<string, number> = {};
  const differing: string[] = [];
  for (const request of requests) {
    const theirs = await see(fetch, origin, request);
    const own = await see(ours, origin, request);
    const [left, right] = [theirs, own].map((seen) => JSON.stringify(seen));
    const [why] = EXCEPTIONS.find(([, covers]) => covers(request, theirs)) ??
      [];
    if (left === right) same++;
    else if (why !== undefined) excepted[why] = (excepted[why] ?? 0) + 1;
    else {
      const { method, path, body = "" } = request;
      differing.push(
        `${method} ${path} ${body}\n  json-server ${
          left?.slice(0, 400)
        }\n  ours        ${right?.slice(0, 400)}`,
      );
    }
  }
  return { same, excepted, differing };
}
