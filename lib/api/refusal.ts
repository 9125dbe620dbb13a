/** Refusals as HTTP says them. */
import type { Answer } from "./answer.ts";
import { formatProblem, Problem, PROBLEM_TYPE } from "./problem.ts";
import { type Id, StoreError } from "./store.ts";

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
 *
 * @example
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { Problem } from "./problem.ts";
 * import { StoreError } from "./store.ts";
 *
 * const problem = toProblem(new StoreError("conflict", "Cannot insert", 7), (id) => `/notes/${id}`);
 * assert(problem instanceof Problem);
 * assertEquals([problem.status, problem.headers.Location], [409, "/notes/7"]);
 * ```
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
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Problem } from "./problem.ts";
 *
 * const answer = toAnswer(new Problem(404, "Cannot find it"), new Request("http://localhost/a"));
 * assertEquals(answer, { status: 404, text: "{}", headers: { "X-Reason": "Cannot find it" } });
 * ```
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
