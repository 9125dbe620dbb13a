/**
 * A name for a file out of a URL: one that hides nothing, leads nowhere else and means nothing to any system.
 *
 * @module
 */

/** A name may be this long in bytes: with `.part` it then fits every common file system. */
const MAX_BYTES = 200;

// C0, DEL, C1, bidi controls and other invisible ones, lone surrogates, separators, and what Windows reserves
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff/\\<>:"|?*]/gu;

const RESERVED =
  /^(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])(?=\.|$)/i;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Cuts a name to {@linkcode MAX_BYTES} bytes of UTF-8, between characters, and keeps its extension. */
function shorten(name: string): string {
  const [extension = ""] = name.match(/\.[\w-]{1,16}$/) ?? [];
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= MAX_BYTES) return name;
  const room = bytes.subarray(0, MAX_BYTES - extension.length);
  return new TextDecoder().decode(room).replace(/\ufffd+$/, "") + extension;
}

/**
 * Names the file that a URL is saved to: the last part of its path that is not empty, else its host. What is unsafe in
 * it becomes `_`; it never begins with a dot, is no device of Windows, and has at most 200 bytes.
 *
 * @param url The URL that was asked for, before any redirect: a server must not choose the name.
 *
 * @example From a path, and from a host
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(fileNameOf(new URL("http://a.example/b/c%20d.json?e=f")), "c d.json");
 * assertEquals(fileNameOf(new URL("http://a.example/")), "a.example");
 * assertEquals(fileNameOf(new URL("http://a.example/..%2F.bashrc")), "_.bashrc");
 * ```
 */
export function fileNameOf({ pathname, hostname }: URL): string {
  const last = pathname.split("/").findLast((part) => part !== "");
  const name = decode(last ?? hostname).replace(UNSAFE, "_")
    .replace(/^[.\s]+/, "").replace(/[.\s]+$/, "")
    .replace(RESERVED, "_$1");
  return shorten(name) || "download";
}
