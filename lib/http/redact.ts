/**
 * What must not be shown again of a URL: its password, and what sounds secret in its query.
 *
 * @module
 */

import { hideUserinfo } from "../cli/values.ts";

/** Names of headers, fields and parts of a query that sound secret. */
export const SECRET = /auth|cookie|token|secret|passw|key|session|signature/i;

/** Hides the password of a URL and the values of its query whose names sound secret; any other text stays. */
export function redactUrl(text: string): string {
  return hideUserinfo(text)
    .replace(
      /([?&])([^=&#]*)=([^&#]+)/g,
      (pair, start: string, name: string) =>
        SECRET.test(name) ? `${start}${name}=***` : pair,
    );
}
