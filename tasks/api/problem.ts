/** Errors as RFC 9457 problem documents. */

import { STATUS_TEXT } from "@std/http/status";
import type { Problem } from "./store/problem.ts";

/** The media type of a problem. */
export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** Writes a problem as the JSON document of RFC 9457. */
export function formatProblem(problem: Problem): string {
  const { status, message: detail, errors } = problem;
  const title = Object.entries(STATUS_TEXT)
    .find(([code]) => code === `${status}`)?.[1];
  return JSON.stringify({ title, status, detail, errors }, null, 2);
}

/** Answers with a problem as `application/problem+json`. */
export function toResponse(problem: Problem): Response {
  const headers = { "content-type": PROBLEM_TYPE, ...problem.headers };
  return new Response(formatProblem(problem), {
    status: problem.status,
    headers,
  });
}
