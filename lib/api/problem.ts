/** Errors as RFC 9457 problem documents. */

import { STATUS_TEXT } from "@std/http/status";

/** What {@linkcode Problem} takes besides its status and its sentence. */
export interface ProblemOptions {
  /** Headers that go with it: `location`, `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is wrong in each place, where there is more than one: `body.userId: expected integer, got text`. */
  readonly errors?: readonly string[];
}

/** What is wrong with a request, and the status that says so. */
export class Problem extends Error {
  /** The HTTP status, from 400 to 599. */
  readonly status: number;
  /** Headers that go with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is wrong in each place. */
  readonly errors: readonly string[] | undefined;

  /** Takes the HTTP status, one sentence on what is wrong, and what goes with it. */
  constructor(status: number, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.status = status;
    this.headers = options.headers ?? {};
    this.errors = options.errors;
  }
}

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
