/** Headers of a list: which pages there are, and what of the query changed nothing. */
import { encodePart } from "./call.ts";
import type { Page } from "./query.ts";
import type { Ignored } from "./store.ts";

/**
 * Writes the `Link` header of a page: first, prev, next and last, as json-server 0.17 does.
 *
 * @param url The URL that was asked for; its `_page` is what changes.
 * @param total How many documents the query found on all pages.
 * @returns The header's value; empty beyond the last page.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   formatLinks("http://localhost:3000/posts?_page=1", { number: 1, size: 10 }, 11),
 *   '<http://localhost:3000/posts?_page=1>; rel="first", ' +
 *     '<http://localhost:3000/posts?_page=2>; rel="next", ' +
 *     '<http://localhost:3000/posts?_page=2>; rel="last"',
 * );
 * ```
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
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   formatIgnored([{ key: "usrId", meant: "userId" }, { key: "x y", meant: undefined }]),
 *   "usrId; did-you-mean=userId, x%20y",
 * );
 * ```
 */
export function formatIgnored(ignored: readonly Ignored[]): string {
  return ignored
    .map(({ key, meant }) =>
      encodePart(key) +
      (meant === undefined ? "" : `; did-you-mean=${encodePart(meant)}`)
    )
    .join(", ");
}

/**
 * Reads the `X-Ignored-Query` header, as another api wrote it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseIgnored("usrId; did-you-mean=userId, x%20y"), [
 *   { key: "usrId", meant: "userId" },
 *   { key: "x y", meant: undefined },
 * ]);
 * ```
 */
export function parseIgnored(header: string): Ignored[] {
  return header.split(",").map((part) => part.trim()).filter((part) =>
    part !== ""
  ).map((part) => {
    const [key = "", meant] = part.split(/\s*;\s*did-you-mean=/).map(
      decodePart,
    );
    return { key, meant };
  });
}

/** Whoever else writes the header may not encode it. */
function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
