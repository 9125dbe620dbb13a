/** Headers of a list: which pages there are, and what of the query changed nothing. */
import { encodePart } from "./request.ts";
import type { Page } from "./store/query.ts";
import type { Ignored } from "./store/store.ts";

/**
 * Writes the `Link` header of a page: first, prev, next and last, as json-server 0.17 does.
 *
 * @param url The URL that was asked for; its `_page` is what changes.
 * @param total How many documents the query found on all pages.
 * @returns The header's value; empty beyond the last page.
 */
export function formatLinks(url: string, page: Page, total: number): string {
  const { number, size } = page;
  const last = Math.ceil(total / size);
  if (last < 2 || number > last) return "";
  const pages: readonly (readonly [rel: string, page: number])[] = [
    ["first", 1],
    ["prev", number - 1],
    ["next", number + 1],
    ["last", last],
  ];
  return pages
    .filter(([rel, to]) => rel === "last" || (to >= 1 && to <= last))
    .map(([rel, to]) =>
      `<${url.replace(`page=${number}`, `page=${to}`)}>; rel="${rel}"`
    )
    .join(", ");
}

/**
 * Writes the `X-Ignored-Query` header.
 *
 * @returns The header's value; empty when nothing was ignored.
 */
export function formatIgnored(ignored: readonly Ignored[]): string {
  return ignored
    .map(({ key, meant }) =>
      encodePart(key) +
      (meant === undefined ? "" : `; did-you-mean=${encodePart(meant)}`)
    )
    .join(", ");
}
