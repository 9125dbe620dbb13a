/**
 * The full-size checks of `server` and `client`.
 *
 * @module
 */

import type { Check } from "./check.ts";
import { LOAD_CHECKS } from "./load.ts";
import { PEER_CHECKS } from "./peers.ts";
import { SLOW_CHECKS } from "./slow.ts";

/** All of them, the quick ones first. */
export const TCP_CHECKS: readonly Check[] = [
  ...LOAD_CHECKS,
  ...SLOW_CHECKS,
  ...PEER_CHECKS,
];
