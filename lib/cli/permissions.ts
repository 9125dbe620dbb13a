/**
 * The version, and the line that permits what was denied.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import { type Command, type OptionTable, parseCommandLine } from "./options.ts";
import { Failure } from "./errors.ts";
import type { Denial } from "./reasons.ts";
import { redactArguments, redactUrl } from "./redact.ts";
import type { Permissions } from "./io.ts";
import { startOf } from "./start.ts";
import { absolutePath, quote } from "./values.ts";

/** The version of hark, of Deno and V8, and the platform, in one line. */
export function formatVersion(): string {
  const { version, build } = Deno;
  return `hark ${config.version} (deno ${version.deno}, v8 ${version.v8}, ${build.os} ${build.arch})`;
}

const KINDS = ["net", "read", "write"] as const;

/** What Deno opens with all permissions alone, as it may be a way around them. */
const SPECIAL = /^\/(dev|proc|sys)\/(?!(null|zero|u?random)$)/;

/**
 * The command that would be permitted: with every host and file of this call, and nothing else. For a binary, the line
 * that compiles one for this call. Secrets in the arguments are not shown.
 *
 * @param reached Where redirects have led before something was denied, as `host:port`.
 */
export async function formatPermissionHint<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  { kind: denied, what }: Denial,
  reached: readonly string[] = [],
): Promise<string> {
  // Deno's own rule for devices and the like
  if (denied === "all" || SPECIAL.test(what)) {
    return "Deno opens it with --allow-all alone; standard input and output are -";
  }
  const needed =
    await command.permissions?.(parseCommandLine(command.options, args)) ?? {};
  const flags = KINDS.flatMap((kind) => {
    const more = kind === "net" ? reached : [];
    const all = new Set([...needed[kind] ?? [], ...more]);
    // any port of a host may be granted already
    const shown = redactUrl(what);
    const host = kind === "net" ? shown.replace(/:\d+$/, "") : shown;
    const isKnown = [host, absolutePath(host)].some((each) => all.has(each));
    if (denied === kind && !isKnown) all.add(shown.replace(/:0$/, ""));
    const list = [...all].map((each) => each.replaceAll(",", ",,"));
    return list.length === 0 ? [] : [`--allow-${kind}=${list.join(",")}`];
  });
  const { name } = command;
  const shown = Deno.build.standalone
    ? []
    : await redactArguments(command, args);
  const compile = ["deno", "compile", "--no-prompt", ...flags, "-o", name];
  const line = [
    ...Deno.build.standalone
      ? [...compile, `tasks/${name}.ts`]
      : startOf(name, flags),
    ...shown.map(({ start, shown }) => start + shown),
  ].map(quoteLine).join(" ");
  return Deno.version.deno === "2.9.6" && flags.some((f) => f.includes(",,"))
    ? `${line} # Deno 2.9.6 knows no ,, for a comma: take another name`
    : line;
}

/**
 * Asks a person for what is not granted before a clock runs: once for all ports of a host, or a file with what is beside it.
 *
 * @throws {Failure} When one of several that were asked for at once is refused.
 */
export function askAhead(needed: Permissions = {}): void {
  for (const name of KINDS) {
    const need = (what: string) =>
      name === "net" ? { name, host: what } : { name, path: what };
    const lacking = needed[name]?.filter((what, _, all) => {
      const named = what.replace(/^(127\.0\.0\.1|\[::1\])/, "localhost");
      // a loopback only stands in for its name
      return Deno.permissions.querySync(need(what)).state === "prompt" &&
        (named === what || !all.includes(named));
    }) ?? [];
    const tail = name === "net" ? /:\d+$/ : /(\.part(\.json)?|\.hark)?$/;
    const wholes = Map.groupBy(lacking, (what) => what.replace(tail, ""));
    // a folder first: what is in it is granted with it
    const ordered = [...wholes].sort(([, a], [, b]) => b.length - a.length);
    for (const [whole, [one = whole, ...others]] of ordered) {
      const more = name === "net"
        ? whole
        : whole.replace(/[^/\\]*$/, "") || ".";
      const asked = need(others.length === 0 ? one : more);
      if (Deno.permissions.requestSync(asked).state === "granted") continue;
      // who says no is asked nothing more
      const isMore = name === "net" && needed.read?.length;
      if (others.length === 0 && !isMore) return;
      const cause = new Error(`Requires ${name} access to "${one}"`);
      throw new Failure("Cannot start", { cause });
    }
  }
}

const encoder = new TextEncoder();

/** The same in one line, and without what a terminal would not show as it is. */
function quoteLine(word: string): string {
  if (!/[\p{Cc}\p{Cf}]/u.test(word)) return quote(word);
  const escape = (text: string) =>
    Array.from(
      encoder.encode(text),
      (byte) => `\\0${byte.toString(8).padStart(3, "0")}`,
    ).join("");
  return `"$(printf %b '${word.replace(/[\p{Cc}\p{Cf}\\']/gu, escape)}')"`;
}
