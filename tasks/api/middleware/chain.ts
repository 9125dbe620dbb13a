/**
 * What a request goes through before it comes to the resources.
 *
 * @module
 */

import { pause } from "../../../lib/net/pause.ts";
import type { Middleware } from "./middleware.ts";

/** What is wanted of it. */
interface ChainOptions {
  /** How long each response waits, in ms: between these. */
  readonly delay?: readonly [from: number, to: number] | undefined;
  /** Modules that respond themselves, or ask what comes after. */
  readonly with?: readonly string[];
  /** The folders of files that come before resources. */
  readonly static?: readonly string[];
  /** The file of rewrite rules. */
  readonly routes?: string | undefined;
  /** The files that the api reads or keeps: beside modules and rules. */
  readonly own?: readonly string[];
  /** Ends what waits. */
  readonly signal: AbortSignal;
  /** Is told why the module of a file failed. */
  readonly onError: (file: string, error: unknown) => void;
}

/**
 * Loads what comes before the resources, in its order.
 *
 * @throws {Failure} When a file or a folder cannot be read, or not be understood.
 */
export async function loadChain(
  { delay, with: modules = [], static: folders = [], routes, ...options }:
    ChainOptions,
): Promise<Middleware[]> {
  const chain: Middleware[] = [];
  if (delay !== undefined) chain.push(waitFor(delay, options.signal));
  if (modules.length > 0) {
    const { loadHandler, reportUncaught } = await import("./with.ts");
    const onErrorOf = (file: string) => (error: unknown) =>
      options.onError(file, error);
    for (const file of modules) {
      chain.push(await loadHandler(file, onErrorOf(file)));
    }
    reportUncaught(onErrorOf(modules.join(", ")), options.signal);
  }
  for (const folder of folders) {
    const { serveFolder } = await import("./static.ts");
    const { own = [] } = options;
    const rules = routes === undefined ? [] : [routes];
    chain.push(await serveFolder(folder, [...own, ...modules, ...rules]));
  }
  if (routes !== undefined) {
    const { readRules } = await import("./routes.ts");
    chain.push(await readRules(routes));
  }
  return chain;
}

/** Lets each response wait; what waits when the signal comes is responded to at once. */
export function waitFor(
  [from, to]: readonly [from: number, to: number],
  signal: AbortSignal,
): Middleware {
  return async (request, next) => {
    await pause(from + Math.random() * (to - from), signal);
    return await next(request);
  };
}
