/**
 * What must not be shown again of a URL: its password, and what sounds secret in its query.
 *
 * @module
 */

import { hideUserinfo } from "../cli/values.ts";

/** Names of headers, fields and parts of a query that sound secret. */
export const SECRET = /auth|cookie|token|secret|passw|key|session|signature/i;

/**
 * Hides a value whose name sounds secret, as `replace` calls it: its pattern has all up to the value as its first
 * group, and the name as its second.
 */
export function hideSecret(all: string, start: string, name: string): string {
  return SECRET.test(name) ? `${start}***` : all;
}

/** Hides the password of a URL and the values of its query whose names sound secret; any other text stays. */
export function redactUrl(text: string): string {
  return hideUserinfo(text).replace(/([?&]([^=&#]*)=)[^&#]+/g, hideSecret);
}
