/**
 * Who may ask: by which names of this machine, and from the pages of which sites (Fetch, section 3.2).
 *
 * @module
 */

import { UsageError } from "../../../lib/cli/errors.ts";
import { quote } from "../../../lib/cli/values.ts";
import {
  isLocalhost,
  isLoopback,
  parseHost,
} from "../../../lib/net/address.ts";
import { formatAllow } from "../response.ts";
import { Problem } from "../store/problem.ts";

/** Whom {@linkcode createAccess} lets ask, beside programs and the pages of this machine. */
interface AccessOptions {
  /** The host that is listened on. */
  readonly host: string;
  /** Names of hosts by which it may be asked for too; `.example` stands for all names below it. */
  readonly allowHost: readonly string[];
  /** Sites whose pages may ask, as origins; `*` for all. */
  readonly origin: readonly string[];
}

/** Who asks: the site of the page that does, where one is known. */
export interface Asker {
  readonly origin?: string;
  /** Whether the site is let in by its own name: it may send cookies along. */
  readonly isNamed?: boolean;
}

/** Judges requests, and lets the pages that may ask read the responses. */
interface Access {
  /** Tells who asks; nothing where it may not. */
  judge(request: Request): Asker | undefined;
  /** Refuses who may not ask at all, whatever it asks for: 400, 403 or 421. */
  admit(request: Request, asker: Asker | undefined): void;
}

const PROGRAM: Asker = {};
const loopbackSite =
  /^https?:\/\/(localhost|[\w.-]+\.localhost|127(\.\d+){3}|\[::1\])\.?(:\d+)?$/i;
const EXPOSED = "access-control-expose-headers";
const METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE";

/** Creates what judges who may ask. */
export function createAccess(
  { host, allowHost, origin: origins }: AccessOptions,
): Access {
  const named = new Set(origins);
  const isOpen = named.has("*");

  /** Whether a site may ask by its own name: it is listed, on this machine, or the one that is asked. */
  function isNamed(origin: string, url: string): boolean {
    if (origin === "null") return false;
    if (loopbackSite.test(origin) || named.has(origin)) return true;
    const [scheme, site] = origin.toLowerCase().split("://");
    // a tunnel's end speaks https, so that the scheme may differ from the one here
    return (scheme === "http" || scheme === "https") &&
      site === URL.parse(url)?.host;
  }

  // most ask for the same host, and to parse a URL takes a part of what a short request does
  let admitted: string | undefined;
  return {
    judge({ headers, url, method }) {
      const origin = headers.get("origin");
      if (origin) {
        if (isNamed(origin, url)) return { origin, isNamed: true };
        if (isOpen || named.has(origin)) return { origin };
        // its own page: a form that hides where it is, or a proxy that does not pass on its name
        const isOwn = headers.get("sec-fetch-site") === "same-origin";
        return isOwn ? PROGRAM : undefined;
      }
      if (headers.get("sec-fetch-site") !== "cross-site" || isOpen) {
        return PROGRAM;
      }
      const reads = method === "GET" || method === "HEAD";
      if (reads && headers.get("sec-fetch-mode") === "navigate") return PROGRAM;
      const from = siteOf(headers);
      return isNamed(from, url) || named.has(from) ? PROGRAM : undefined;
    },
    admit({ url, headers }, asker) {
      const authority = url.slice(0, url.indexOf("/", 8));
      if (authority === admitted && asker !== undefined) return;
      const asked = URL.parse(url)?.hostname;
      if (asked === undefined) {
        throw new Problem(400, `Cannot read the URL "${url}"`);
      }
      if (!isOwnHost(asked, host, allowHost)) {
        const name = asked.replace(/\.$/, "");
        throw new Problem(
          421,
          `Cannot answer for "${name}": this is ${host}; to answer for it too: --allow-host ${
            quote(name)
          }`,
        );
      }
      if (asker === undefined) {
        const site = headers.get("origin") || siteOf(headers);
        const from = site === "null" ? "a page without an origin" : `"${site}"`;
        throw new Problem(
          403,
          `Cannot answer ${from}: only pages of this machine may ask; to let this one: --origin ${
            quote(site)
          }`,
        );
      }
      admitted = authority;
    },
  };
}

/** The site of a page that loads a picture or a script: such requests have no origin. */
function siteOf(headers: Headers): string {
  return URL.parse(headers.get("referer") ?? "")?.origin ?? "null";
}

/** Lets the page that asked read the response. Only a site that was let in by its name may send cookies along. */
export function allow(
  response: Response,
  { origin, isNamed = false }: Asker = PROGRAM,
): Response {
  if (origin === undefined) return response;
  const { headers } = response;
  const named = isNamed || origin === "null" ? origin : "*";
  headers.set("access-control-allow-origin", named);
  if (isNamed) headers.set("access-control-allow-credentials", "true");
  const exposed = headers.get(EXPOSED);
  // json-server has no If-Match, and does not expose what it needs
  headers.set(EXPOSED, exposed ? `${exposed}, ETag` : "ETag");
  return response;
}

/** As {@linkcode allow}, whoever made the response: what it says itself about who may read it stays. */
export function allowAny(
  response: Response,
  asker: Asker = PROGRAM,
): Response {
  const { headers, status } = response;
  if (status === 101) return response;
  if (!/\borigin\b|\*/i.test(headers.get("vary") ?? "")) {
    headers.append("vary", "Origin");
  }
  return headers.has("access-control-allow-origin")
    ? response
    : allow(response, asker);
}

/** Tells whether a browser asks if a page may send a request. */
export function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("access-control-request-method");
}

/**
 * Responds to an OPTIONS request: who may ask may send what it asks for, as json-server has it.
 *
 * @param methods Those of the path.
 */
export function preflight(
  asked: Headers,
  methods: readonly string[] = METHODS.split(","),
): Response {
  const headers = new Headers({
    allow: formatAllow(methods),
    "access-control-allow-methods": METHODS,
    "access-control-max-age": "600",
    vary: "Origin, Access-Control-Request-Headers",
  });
  const wanted = asked.get("access-control-request-headers");
  if (wanted !== null) headers.set("access-control-allow-headers", wanted);
  if (!asked.has("access-control-request-method")) {
    headers.set(EXPOSED, "Allow");
  }
  if (asked.has("access-control-request-private-network")) {
    headers.set("access-control-allow-private-network", "true");
  }
  return new Response(null, { status: 204, headers });
}

/**
 * Tells whether a request may name a host. A web page whose own name resolves to this machine (DNS
 * rebinding) reaches the port, but cannot pretend that it asked for localhost, nor for an address.
 *
 * @param asked The host in the request's URL, without its port: `localhost`, `[::1]`.
 * @param served The host that is listened on. When it is not a loopback, names without a dot, and by which
 * containers know this machine, are its own too.
 * @param allowed Other names, as {@linkcode parseHostName} gives them.
 */
export function isOwnHost(
  asked: string,
  served: string,
  allowed: readonly string[] = [],
): boolean {
  const name = asked.toLowerCase().replace(/\.$/, "");
  if (isLocalhost(name) || /^(\[.*\]|\d+(\.\d+){3})$/.test(name)) return true;
  const own = served.toLowerCase().replace(/\.$/, "");
  return name === own ||
    allowed.some((each) =>
      each.startsWith(".") ? `.${name}`.endsWith(each) : name === each
    ) ||
    !isLoopback(own) && !isLocalhost(own) &&
      /^([^.]+|host\.(docker|containers)\.internal)$/.test(name);
}

/** Reads the name of a host as a URL has it; `.example` and `*.example` stand for all names below it. */
export function parseHostName(text: string): string {
  const [, below = "", name = ""] = text.match(/^(\*?\.)?(.*)$/s) ?? [];
  const url = URL.parse(`http://${parseHost(name)}/`);
  if (url !== null && /^[^.:][^:]*$/.test(name)) {
    return (below && ".") + url.hostname.replace(/\.$/, "");
  }
  throw new UsageError(
    `Cannot parse host "${text}": expected a name, or .name for all below it`,
  );
}
