/** What is answered, and how HTTP carries it: entity tags, 304, compression, JSONP. */

import { etagOf, matchesEtag } from "./cache.ts";
import { formatProblem, PROBLEM_TYPE } from "./problem.ts";
import { Problem } from "./store/problem.ts";
import { type Id, StoreError } from "./store/store.ts";

/** An answer as it is meant. */
export interface Answer {
  /** The HTTP status. */
  readonly status: number;
  /** The body. */
  readonly text: string;
  /** Its type, where it is not JSON. */
  readonly type?: string;
  /** Headers of this answer, which scripts of other sites may read too. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is ready to be sent, more than once. */
export interface Ready {
  /** The body. */
  readonly text: string;
  /** The entity tag of a 200. */
  readonly etag: string | undefined;
  /** All of it but what depends on who asks: a clone of it is sent, since headers are slow to make. */
  readonly response: Response;
  /** The same compressed by gzip, once somebody wanted it. */
  zipped?: Promise<Response>;
}

const json = "application/json; charset=utf-8";
// A shorter body gains nothing; express's threshold is the same.
const minZipped = 1024;

/**
 * Makes an answer ready to be sent.
 *
 * @param callback The function that JSONP calls with the answer; null for plain JSON.
 * @throws {Problem} 400 when the callback is not a name.
 */
export async function prepare(
  answer: Answer,
  callback: string | null = null,
): Promise<Ready> {
  const { status, headers = {} } = answer;
  const calls = callback !== null && answer.type === undefined;
  const text = calls ? formatCall(callback, answer.text) : answer.text;
  const type = calls ? "text/javascript; charset=utf-8" : answer.type ?? json;
  const etag = status === 200 ? await etagOf(text) : undefined;
  const exposed = Object.keys(headers).join(", ");
  const response = new Response(text, {
    status,
    headers: {
      "content-type": type,
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
      "pragma": "no-cache",
      "expires": "-1",
      "vary": "Origin, Accept-Encoding",
      "access-control-allow-credentials": "true",
      ...etag !== undefined && { etag },
      ...exposed && { "access-control-expose-headers": exposed },
      ...headers,
    },
  });
  return { text, etag, response };
}

/** Options of {@linkcode respond}. */
export interface RespondOptions {
  /**
   * Whether the answer is sent again: a copy of it goes then.
   *
   * @default {true}
   */
  readonly isKept?: boolean;
}

/** Answers a request: 304 to who has the body already, compressed for who can read that. */
export function respond(
  ready: Ready,
  asked: Headers,
  { isKept = true }: RespondOptions = {},
): Response | Promise<Response> {
  const { text, etag, response } = ready;
  const origin = asked.get("origin");
  const known = etag === undefined ? null : asked.get("if-none-match");
  if (known !== null && matchesEtag(known, etag ?? "")) {
    const { headers } = response.clone();
    headers.delete("content-type");
    return allow(new Response(null, { status: 304, headers }), origin);
  }
  const zips = text.length > minZipped &&
    /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(
      asked.get("accept-encoding") ?? "",
    );
  if (!zips) return allow(isKept ? response.clone() : response, origin);
  ready.zipped ??= zip(ready);
  return ready.zipped.then((zipped) => allow(zipped.clone(), origin));
}

/** Answers a request with what is sent this once. */
export async function reply(answer: Answer, asked: Headers): Promise<Response> {
  return await respond(await prepare(answer), asked, { isKept: false });
}

/** Lets the site that asked read the answer. */
function allow(response: Response, origin: string | null): Response {
  if (origin !== null) {
    response.headers.set("access-control-allow-origin", origin);
  }
  return response;
}

async function zip({ text, response }: Ready): Promise<Response> {
  const { status, headers } = response.clone();
  headers.set("content-encoding", "gzip");
  const stream = new Blob([text]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const bytes = await new Response(stream).bytes();
  return new Response(bytes, { status, headers });
}

/** The two line separators of Unicode stand in JSON, but not in older JavaScript. */
function formatCall(callback: string, text: string): string {
  if (!/^[\w$.]+$/.test(callback)) {
    throw new Problem(
      400,
      `Cannot call back "${callback}": expected a name of letters, digits, _, $ and .`,
    );
  }
  const safe = text.replaceAll("\u2028", "\\u2028").replaceAll(
    "\u2029",
    "\\u2029",
  );
  return `/**/ typeof ${callback} === 'function' && ${callback}(${safe});`;
}

const statuses = {
  "conflict": 409,
  "invalid": 400,
  "busy": 503,
  "full": 507,
  "read-only": 403,
};

/**
 * Words why a store did not write.
 *
 * @param locate Gives the URL of the document that has the id already.
 * @returns The problem; what is no refusal of a store is given back as it is.
 */
export function toProblem(error: unknown, locate: (id: Id) => string): unknown {
  if (!(error instanceof StoreError)) return error;
  const { reason, id, message } = error;
  return new Problem(statuses[reason], message, {
    headers: {
      ...reason === "busy" && { "Retry-After": "1" },
      ...id !== undefined && { "Location": locate(id) },
    },
  });
}

/**
 * Answers with a problem. JSONPlaceholder's 404 is an empty object: why is in a header, X-Reason, and
 * in the body for who asks for `application/problem+json` or is strict.
 */
export function toAnswer(problem: Problem, { headers, url }: Request): Answer {
  const { status, message } = problem;
  const wantsProblem = /[?&]_strict\b/.test(url) ||
    headers.get("accept")?.includes("application/problem+json");
  if (status === 404 && !wantsProblem) {
    const reason = message.replace(/[^ -~]/g, "?");
    return { status, text: "{}", headers: { "X-Reason": reason } };
  }
  return {
    status,
    text: formatProblem(problem),
    type: PROBLEM_TYPE,
    headers: problem.headers,
  };
}
