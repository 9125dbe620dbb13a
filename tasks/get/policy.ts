/**
 * How a request is sent, out of the options of a command line that say more than the defaults.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import { type Output, print } from "../../lib/cli/io.ts";
import { paint } from "../../lib/cli/terminal.ts";
import type { Follow } from "../../lib/http/redirect.ts";
import type { HttpRequest } from "../../lib/http/request.ts";
import { isRepeatable } from "../../lib/http/retry.ts";
import type { SendOptions } from "../../lib/http/send.ts";
import { type NetworkOptions, readNetwork } from "./network.ts";

/** The options about how a request is sent. */
export interface PolicyOptions extends NetworkOptions {
  /** Which redirects are followed. */
  readonly follow?: Follow | undefined;
  /** How many redirects are followed. */
  readonly maxRedirects?: number | undefined;
  /** How many more attempts there may be. */
  readonly retry?: number | undefined;
  /** How many bytes a body may have. */
  readonly maxSize?: number | undefined;
  /** `-q`: nothing is said but errors. */
  readonly quiet?: boolean;
  /** `-b`: nor here. */
  readonly body?: boolean;
}

/**
 * Reads how a request is sent, and warns where that is not safe.
 *
 * @param options As they were typed.
 * @param request The request.
 * @param stderr Where a warning is shown.
 * @throws {UsageError} When an option is malformed, or cannot be used for this request.
 * @throws {Failure} When a file that an option names cannot be used.
 */
export async function readPolicy(
  options: PolicyOptions,
  request: HttpRequest,
  stderr: Output,
): Promise<Omit<SendOptions, "timeouts" | "signal">> {
  const { follow, maxRedirects, retry, maxSize, insecure } = options;
  const policy = { follow, maxRedirects, retry, maxSize };
  if (retry && !isRepeatable(request)) {
    throw new UsageError(
      `Cannot retry ${request.method}: it could be carried out twice`,
      {
        hint: "give it a key that the server knows it by: Idempotency-Key:KEY",
      },
    );
  }
  const { hostname } = request.url;
  const isOther = options.ipv4
    ? hostname.startsWith("[")
    : options.ipv6 && /^[\d.]+$/.test(hostname);
  if (isOther) {
    const version = options.ipv4 ? 4 : 6;
    throw new UsageError(
      `Cannot use --ipv${version}: ${hostname} is not an IPv${version} address`,
    );
  }
  const network = await readNetwork(options);
  const isSilent = options.quiet || options.body;
  if (insecure && !isSilent && request.url.protocol === "https:") {
    const text =
      `Warning: anyone can pose as ${request.url.host}, by --insecure`;
    await print(stderr, `${paint(text, "red", stderr)}\n`);
  }
  return { ...policy, network };
}
