/**
 * What of the options of `get` and `post` is not in the request, as arguments of curl.
 *
 * @module
 */

import type { Timeouts } from "./deadline.ts";
import type { NetworkOptions } from "./network.ts";
import type { RequestPlan } from "./request.ts";
import { redactUrl } from "./secrets.ts";

/** What curl is told beside the request. */
export interface CurlNetwork extends NetworkOptions {
  /** Which redirects are followed. */
  readonly follow?: string | undefined;
  /** How many redirects are followed. */
  readonly maxRedirects?: number | undefined;
  /** How often it is tried again. */
  readonly retry?: number | undefined;
  /** How many bytes a body may have. */
  readonly maxSize?: number | undefined;
  /** How long all of it may take, in ms. */
  readonly timeout?: Timeouts;
  /** The file that the body is saved to. */
  readonly output?: string | undefined;
  /** Whether the URL names that file. */
  readonly remoteName?: boolean;
  /** Whether to go on with a part. */
  readonly continue?: boolean;
  /** Whether the head is shown before the body. */
  readonly include?: boolean;
  /** Whether secrets are shown. */
  readonly showSecrets?: boolean;
}

/**
 * The arguments of curl for what is not in the request itself.
 *
 * @example No redirects, any certificate
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const plan = { method: "GET", url: new URL("http://a.example/"), headers: [], typed: [] };
 * assertEquals(curlArgs(plan, { follow: "none", insecure: true }), ["-k"]);
 * ```
 */
export function curlArgs(
  { method, url }: RequestPlan,
  options: CurlNetwork,
): string[] {
  const { follow, maxRedirects = 10, proxy, resolve = [] } = options;
  const value = (flag: string, of: string | number | undefined) =>
    of === undefined ? [] : [flag, `${of}`];
  const flag = (flag: string, of = false) => of ? [flag] : [];
  const { total }: Timeouts = options.timeout ?? {};
  return [
    // with a method of its own, curl would repeat that after a redirect
    ...follow === "none" || !/^(GET|HEAD)$/.test(method)
      ? []
      : ["-L", "--max-redirs", `${maxRedirects}`],
    ...value("--retry", options.retry),
    ...value("--max-filesize", options.maxSize),
    ...value("--max-time", total ? total / 1000 : undefined),
    ...value("-o", options.output),
    ...flag("-O", options.remoteName),
    ...options.continue ? ["-C", "-"] : [],
    ...flag("-i", options.include),
    ...flag("-k", options.insecure),
    ...value("--cacert", options.ca),
    ...value("--cert", options.cert),
    ...value("--key", options.key),
    ...value("-x", proxy && !options.showSecrets ? redactUrl(proxy) : proxy),
    ...value("--unix-socket", options.unix),
    ...resolve.flatMap((text) => ["--resolve", text]),
    ...flag("-4", options.ipv4),
    ...flag("-6", options.ipv6),
    ...flag(`--http${options.http}`, options.http !== undefined),
    ...flag("-g", /[[\]{}]/.test(url.href)),
  ];
}
