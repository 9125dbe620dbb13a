/**
 * The full-size checks of `server` and `client`.
 *
 * @module
 */

import type { Check } from "./soak_check.ts";
import { LOAD_CHECKS } from "./soak_load.ts";
import { PEER_CHECKS } from "./soak_peers.ts";
import { SLOW_CHECKS } from "./soak_slow.ts";

/** All of them, the quick ones first. */
export const TCP_CHECKS: readonly Check[] = [
  ...LOAD_CHECKS,
  ...SLOW_CHECKS,
  ...PEER_CHECKS,
];
