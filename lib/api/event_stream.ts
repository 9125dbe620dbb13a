/** A feed over HTTP, as `text/event-stream`. */
import type { Feed } from "./feed.ts";

/**
 * Tells whether a request asks for events as they happen.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(asksForEvents(new Headers({ accept: "text/event-stream" })), true);
 * assertEquals(asksForEvents(new Headers()), false);
 * ```
 */
export function asksForEvents(headers: Headers): boolean {
  return headers.get("accept")?.includes("text/event-stream") ?? false;
}

/**
 * Answers with a feed's events; those after Last-Event-ID come first, or those after
 * `?after=` where a browser, which has no such header yet, wants what was before it came.
 *
 * @param topic Which events; nothing means all.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createFeed } from "./feed.ts";
 *
 * const feed = createFeed();
 * feed.publish("posts", { id: 7 });
 * const response = streamEvents(feed, new Request("http://localhost/events?after=0"));
 * feed.close();
 * assertEquals((await response.text()).includes('data: {"id":7}'), true);
 * ```
 */
export function streamEvents(
  feed: Feed,
  { url, headers }: Request,
  topic?: string,
): Response {
  const seen = headers.get("last-event-id") ??
    new URL(url).searchParams.get("after");
  const origin = headers.get("origin");
  const after = seen === null ? undefined : Number(seen) || 0;
  return new Response(feed.subscribe({ topic, after }), {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "access-control-allow-credentials": "true",
      ...origin !== null && { "access-control-allow-origin": origin },
    },
  });
}
