/**
 * What is wrong with a request.
 *
 * @module
 */

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
