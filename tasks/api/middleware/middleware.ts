/**
 * What a request goes through before it comes to the resources.
 *
 * @module
 */

/** Responds to a request before the api does, or asks what comes next, and may change what it responds. */
export type Middleware = (
  request: Request,
  next: (request: Request) => Promise<Response>,
) => Response | Promise<Response>;

/**
 * Makes a request of another that differs in this. It has no signal: to ask a served request for its own makes Deno
 * print a warning.
 */
export function derive(
  { url, method, headers, body }: Request,
  changes: { readonly url?: string; readonly headers?: Headers },
): Request {
  return new Request(changes.url ?? url, {
    method,
    headers: changes.headers ?? headers,
    body,
  });
}
