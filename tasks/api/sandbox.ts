/**
 * Private copies: `/@name/posts` is the sandbox `name`.
 *
 * @module
 */

import type { Resources } from "./resources.ts";

const maxKept = 200;

/**
 * Creates a keeper of sandboxes by name: each is made on first use, and the one that was not used for longest goes
 * when 200 are kept.
 */
export function createSandboxes(make: () => Resources): {
  open(name: string): Resources;
  reset(name: string): void;
  all(): Iterable<Resources>;
} {
  const kept = new Map<string, Resources>();

  function reset(name: string): void {
    kept.get(name)?.close();
    kept.delete(name);
  }

  return {
    open(name) {
      const sandbox = kept.get(name) ?? make();
      kept.delete(name);
      kept.set(name, sandbox);
      const [oldest] = kept.keys();
      if (kept.size > maxKept && oldest !== undefined) reset(oldest);
      return sandbox;
    },
    reset,
    all: () => kept.values(),
  };
}
