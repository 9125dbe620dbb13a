/** Which other sites may read the answers, as json-server has it: all (Fetch, section 3.2). */

const METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE";

/**
 * Answers an OPTIONS request: every site may send what it asks for.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { status, headers } = preflight(new Headers({ "access-control-request-headers": "x-a" }));
 * assertEquals([status, headers.get("access-control-allow-headers")], [204, "x-a"]);
 * ```
 */
export function preflight(asked: Headers): Response {
  const headers = new Headers({
    allow: METHODS,
    "access-control-allow-methods": METHODS,
    "access-control-allow-credentials": "true",
    "access-control-max-age": "600",
    vary: "Origin, Access-Control-Request-Headers",
  });
  const wanted = asked.get("access-control-request-headers");
  if (wanted !== null) headers.set("access-control-allow-headers", wanted);
  const origin = asked.get("origin");
  if (origin !== null) headers.set("access-control-allow-origin", origin);
  return new Response(null, { status: 204, headers });
}
