import config from "../../deno.json" with { type: "json" };

/**
 * The version of hark, of Deno and V8, and the platform, in one line.
 *
 * @example It begins with hark's own
 * ```ts
 * import { assertMatch } from "@std/assert";
 *
 * assertMatch(formatVersion(), /^hark \d+\.\d+\.\d+ \(deno \d/);
 * ```
 */
export function formatVersion(): string {
  const { version, build } = Deno;
  return `hark ${config.version} (deno ${version.deno}, v8 ${version.v8}, ${build.os} ${build.arch})`;
}
