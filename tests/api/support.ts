// deno-coverage-ignore-file
/**
 * What tests of the api share: a handler over a store in memory, a line to ask it, the URL that a started api prints.
 *
 * @module
 */

import {
  createHandler,
  type Handler,
  type HandlerOptions,
} from "../../tasks/api/handler.ts";
import { seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import type { Store } from "../../tasks/api/store/store.ts";

/** Where a handler is asked. */
export const origin = "http://localhost:3000";

/** Sends a request like `GET /posts` to a handler. */
export async function send(
  handler: Handler,
  line: string,
  init: RequestInit = {},
): Promise<Response> {
  const [method = "", path = ""] = line.split(" ");
  const url = path.startsWith("/") ? origin + path : path;
  return await handler(new Request(url, { method, ...init }));
}

/** A handler over the seed. */
export interface Api extends Disposable {
  readonly store: Store;
  readonly handler: Handler;
  readonly send: (line: string, init?: RequestInit) => Promise<Response>;
  /** As `send`, with the text. */
  readonly ask: (
    line: string,
    init?: RequestInit,
  ) => Promise<{ status: number; headers: Headers; text: string }>;
}

/** Opens a store in memory, and a handler over it or over what `wrap` makes of it. */
export function openApi(
  options: HandlerOptions & { wrap?: (store: Store) => Store } = {},
): Api {
  const store = openStore(":memory:", seed, { fake: options.fake ?? false });
  const handler = createHandler(options.wrap?.(store) ?? store, options);
  return {
    store,
    handler,
    send: (line: string, init?: RequestInit) => send(handler, line, init),
    async ask(line: string, init?: RequestInit) {
      const response = await send(handler, line, init);
      const { status, headers } = response;
      return { status, headers, text: await response.text() };
    },
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}

/** The base URL of an api, without a slash at its end, from what it prints. */
export async function baseOf(
  stdout: { waitFor: (wanted: RegExp) => Promise<string> },
): Promise<string> {
  const output = await stdout.waitFor(/Listening on http:\S+\/\n/);
  return output.match(/(http:\S+)\/\n/)?.[1] ?? "";
}
