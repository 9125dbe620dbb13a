/** Errors as RFC 9457 problem documents. */
import { STATUS_TEXT } from "@std/http/status";

/** What is wrong with a request, and the status that says so. */
export class Problem extends Error {
  /** The HTTP status, from 400 to 599. */
  readonly status: number;

  /** Takes the HTTP status and one sentence on what is wrong. */
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/**
 * Answers with a problem as `application/problem+json` (RFC 9457).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const response = toResponse(new Problem(413, "Cannot read the body: too long"));
 * assertEquals(response.status, 413);
 * assertEquals(await response.json(), {
 *   title: "Content Too Large",
 *   status: 413,
 *   detail: "Cannot read the body: too long",
 * });
 * ```
 */
export function toResponse(problem: Problem): Response {
  const { status, message: detail } = problem;
  const text = JSON.stringify(
    { title: STATUS_TEXT[status], status, detail },
    null,
    2,
  );
  return new Response(text, {
    status,
    headers: { "content-type": "application/problem+json; charset=utf-8" },
  });
}
