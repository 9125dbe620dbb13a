/**
 * `-o` and `-O`: a response's body in a file.
 *
 * @module
 */

import { UsageError } from "../../../lib/cli/errors.ts";
import type { Io } from "../../../lib/cli/io.ts";
import { percentDecode } from "../../../lib/cli/values.ts";
import { printHead, render, type RenderOptions } from "../view/body.ts";
import { download } from "./download.ts";
import { filesOf, type Target } from "./partial_file.ts";
import type { Tools } from "./resume.ts";

/** Where a response's body is saved. */
export interface SaveOptions {
  /** To this file. */
  readonly output?: string | undefined;
  /** To a file of the URL's name. */
  readonly remoteName?: boolean;
  /** After the part of an earlier download. */
  readonly continue?: boolean;
}

/**
 * The file that a body is saved to; undefined where none was asked for.
 *
 * @param url The URL that was asked for.
 * @param options What was asked for.
 */
export function targetOf(url: URL, options: SaveOptions): Target | undefined {
  const { output, remoteName = false, continue: resume = false } = options;
  const path = remoteName ? fileNameOf(url) : output;
  return path === undefined || path === "-"
    ? undefined
    : { path, isNew: remoteName, resume };
}

/** The files that saving a body reads and writes. */
export function savedFiles(url: URL, options: SaveOptions): readonly string[] {
  const target = targetOf(url, options);
  return target === undefined ? [] : filesOf(target.path);
}

/** What {@linkcode save} takes besides where to. */
export interface SaveTools extends Tools, RenderOptions {
  /** How long to wait for the next bytes, in ms. */
  readonly idle?: number | undefined;
}

/**
 * Gets a response into a file; one that is not the body that was asked for, such as a 404, is shown instead.
 *
 * @param target Where to.
 * @param io Where the rest is shown, and progress on a terminal.
 * @param tools What it takes.
 * @returns The status that counts.
 * @throws {UsageError} When a part of the body is asked for already.
 * @throws {Failure} When there is no whole body, or no way to save it.
 */
export function save(
  target: Target,
  io: Io,
  tools: SaveTools,
): Promise<number> {
  if (target.resume && tools.request.typed.includes("range")) {
    throw new UsageError("Cannot use --continue and a Range header together");
  }
  const isSilent = tools.quiet || tools.body;
  return download(target, {
    ...tools,
    progress: io.stderr.isTerminal && !isSilent ? io.stderr : undefined,
    printHead: (response) => printHead(response, io, tools),
    showOther: (response) => render(response, io, tools),
  });
}

/** A name may be this long in bytes: with `.part` it then fits every common file system. */
const MAX_BYTES = 200;

// C0, DEL, C1, bidi controls and other invisible ones, lone surrogates, separators, and what Windows reserves
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff/\\<>:"|?*]/gu;

const RESERVED =
  /^(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])(?=\.|$)/i;

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
 */
export function fileNameOf({ pathname, hostname }: URL): string {
  const last = pathname.split("/").findLast((part) => part !== "") ?? hostname;
  const name = (percentDecode(last) ?? last).replace(UNSAFE, "_")
    .replace(/^[.\s]+/, "").replace(/[.\s]+$/, "")
    .replace(RESERVED, "_$1");
  return shorten(name) || "download";
}
