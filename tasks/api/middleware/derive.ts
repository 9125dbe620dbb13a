/**
 * A request that is passed on in another form.
 *
 * @module
 */

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
