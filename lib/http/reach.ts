/**
 * The hosts and files that a command line of `get` or `post` needs, for the hint that says how to permit them.
 *
 * @module
 */

import type { Grants } from "../cli/definition.ts";
import type { Options } from "../cli/options.ts";
import type { EXCHANGE_OPTIONS } from "./exchange_options.ts";
import { splitType } from "./media_type.ts";
import { parseTarget } from "./target.ts";

/** The operands of a command line, with its options. */
export interface ReachLine {
  /** The operands. */
  readonly operands: readonly string[];
  /** The options. */
  readonly options?: Partial<Options<typeof EXCHANGE_OPTIONS>>;
}

/** The file of `@FILE`. */
function fileOf(text: string | undefined = ""): string[] {
  return /^@./.test(text) ? [text.slice(1)] : [];
}

/**
 * Finds the hosts and files that a command line needs.
 *
 * @throws {UsageError} When an operand is malformed.
 *
 * @example A host and two files
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const line = { operands: ["example.com/a", "a@b.png"], options: { bearer: "@token" } };
 * assertEquals(await reachOf(line), { net: ["example.com"], read: ["b.png", "token"], write: [] });
 * ```
 */
export async function reachOf(
  { operands, options = {} }: ReachLine,
): Promise<Grants> {
  const { url, fields, raw } = await parseTarget(operands);
  const { reachOfNetwork } = await import("./network.ts");
  const { savedFiles } = await import("./save.ts");
  const { net = [], read = [], write = [] } = reachOfNetwork(options);
  const saved = savedFiles(url, options);
  const sent = fields.flatMap(({ kind, value }) =>
    kind === "file" ? splitType(value).path : /File$/.test(kind) ? value : []
  );
  return {
    net: [url.hostname, ...net],
    read: [
      ...fileOf(raw).map((text) => splitType(text).path),
      ...sent,
      ...[options.auth, options.bearer].flatMap(fileOf),
      ...read,
      ...saved,
    ],
    write: [...write, ...saved],
  };
}
