/** Private copies: `/@name/posts` is the sandbox `name`. */
import type { Service } from "./resources.ts";

/** Sandboxes by name. */
export interface Sandboxes {
  /** Gets a sandbox, made on first use. The one that was not used for longest goes when 200 are kept. */
  open(name: string): Service;
  /** Forgets a sandbox: its next use makes it anew. */
  reset(name: string): void;
  /** Gives all that are kept. */
  all(): Iterable<Service>;
}

const maxKept = 200;

/**
 * Creates a keeper of sandboxes.
 *
 * @param make Makes a new sandbox.
 */
export function createSandboxes(make: () => Service): Sandboxes {
  const kept = new Map<string, Service>();

  function reset(name: string): void {
    const service = kept.get(name);
    kept.delete(name);
    service?.close();
  }

  return {
    open(name) {
      const service = kept.get(name) ?? make();
      kept.delete(name);
      kept.set(name, service);
      const [oldest] = kept.keys();
      if (kept.size > maxKept && oldest !== undefined) reset(oldest);
      return service;
    },
    reset,
    all: () => kept.values(),
  };
}
