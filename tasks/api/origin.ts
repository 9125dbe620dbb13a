/** Who may ask and read: which Host headers are ours, and that all sites may read, as json-server has it. */

/**
 * Tells whether a request may name a host. A web page whose own name resolves to this machine (DNS
 * rebinding) reaches the port, but cannot pretend that it asked for localhost.
 *
 * @param asked The host in the request's URL, without its port: `localhost`, `[::1]`.
 * @param served The host that is listened on. When it is not a loopback, all addresses and all names
 * without a dot are this machine's too.
 */
export function isOwnHost(asked: string, served: string): boolean {
  const name = asked.toLowerCase().replace(/\.$/, "");
  const loopback = /^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/;
  if (loopback.test(name)) return true;
  const own = served.includes(":") ? `[${served}]` : served.toLowerCase();
  return name === own ||
    !loopback.test(own) && /^(\[.*\]|\d+(\.\d+){3}|[^.]+)$/.test(name);
}

const METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE";

/** Answers an OPTIONS request: every site may send what it asks for (Fetch, section 3.2). */
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
