/**
 * What is wrong with a request.
 *
 * @module
 */

/** What is wrong with a request, and the status that says so. */
export class Problem extends Error {
  /** The HTTP status, from 400 to 599. */
  readonly status: number;
  /** Headers that go with it: `location`, `retry-after`. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is wrong in each place, where there is more than one: `body.userId: expected integer, got string`. */
  readonly errors: readonly string[] | undefined;

  /** Takes the HTTP status, one sentence on what is wrong, and what goes with it. */
  constructor(
    status: number,
    detail: string,
    { headers = {}, errors }: Partial<Pick<Problem, "headers" | "errors">> = {},
  ) {
    super(detail);
    this.status = status;
    this.headers = headers;
    this.errors = errors;
  }
}
