/**
 * What deno.json says: the version, what each command is granted, and so the line that grants more.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import type { Command } from "./definition.ts";
import type { Permissions } from "./io.ts";
import { type OptionTable, parseCommandLine } from "./options.ts";
import type { Denial } from "./reasons.ts";
import { hideUserinfo, percentDecode } from "./values.ts";

/** What a task is granted in deno.json, the only table of permissions. */
export function permissionsOf(task: string): Required<Permissions> {
  const command =
    Object.entries(config.tasks).find(([name]) => name === task)?.[1].command ??
      "";
  const list = (kind: string) =>
    command.match(`--allow-${kind}=(\\S+)`)?.[1]?.split(",") ?? [];
  return { net: list("net"), read: list("read"), write: list("write") };
}

/** The version of hark, of Deno and V8, and the platform, in one line. */
export function formatVersion(): string {
  const { version, build } = Deno;
  return `hark ${config.version} (deno ${version.deno}, v8 ${version.v8}, ${build.os} ${build.arch})`;
}

const KINDS = ["net", "read", "write"] as const;

/** What Deno opens with all permissions alone, as it may be a way around them. */
const SPECIAL = /^\/(dev|proc|sys)\/(?!(null|zero|u?random)$)/;

/**
 * The command that would be permitted: this script's grants, plus every host and file of this call, plus what was
 * denied. For a binary, the line that compiles one for this call. Secrets in the arguments are not shown.
 */
export async function formatPermissionHint<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  denial: Denial,
): Promise<string> {
  const needed =
    await command.permissions?.(parseCommandLine(command.options, args)) ?? {};
  const { standalone } = Deno.build;
  const granted: Permissions = standalone ? {} : permissionsOf(command.name);
  const isAll = denial.kind === "all" || SPECIAL.test(denial.what);
  const flags = isAll ? ["--allow-all"] : KINDS.flatMap((kind) => {
    if (standalone && isGranted(kind)) return [`--allow-${kind}`];
    const denied = denial.kind === kind
      ? [kind === "net" ? denial.what.replace(/:\d+$/, "") : denial.what]
      : [];
    const all = [
      ...new Set([...granted[kind] ?? [], ...needed[kind] ?? [], ...denied]),
    ];
    return all.length === 0 ? [] : [`--allow-${kind}=${all.join(",")}`];
  });
  const script = scriptOf(command.name);
  const words = standalone
    ? ["compile", "--no-prompt", ...flags, "-o", command.name, script]
    : ["run", ...flags, script, ...await redact(command, args)];
  return ["deno", ...words].map(quote).join(" ");
}

/** Whether a kind of access is granted to everything: a binary does not know what else it was compiled with. */
function isGranted(name: typeof KINDS[number]): boolean {
  return Deno.permissions.querySync({ name }).state === "granted";
}

/** The script as it was started: relative to the working directory where it lies below it. */
function scriptOf(name: string): string {
  const url = new URL(Deno.mainModule);
  if (Deno.build.standalone || !url.pathname.endsWith(`/${name}.ts`)) {
    return `tasks/${name}.ts`;
  }
  const path = (percentDecode(url.pathname) ?? url.pathname).replace(
    /^\/(?=[A-Za-z]:)/,
    "",
  );
  const folder = Deno.cwd().replaceAll("\\", "/").replace(/\/?$/, "/");
  return path.startsWith(folder) ? path.slice(folder.length) : path;
}

/** The arguments with `***` for the values of secret options, passwords in URLs and the secrets of operands. */
async function redact<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
): Promise<string[]> {
  const { options } = parseCommandLine(plain(command.options), args);
  const secrets = Object.entries(options).flatMap(([name, given]) => {
    const { secret = false } = command.options[name] ?? {};
    const values: unknown[] = Array.isArray(given) ? given : [given];
    return values.filter((value) => typeof value === "string").filter((value) =>
      value !== "" &&
      (typeof secret === "boolean" ? secret : secret.test(value))
    );
  });
  return await Promise.all(args.map((arg) => {
    for (const secret of secrets) arg = arg.replaceAll(secret, "***");
    arg = hideUserinfo(arg);
    return command.redact?.(arg) ?? arg;
  }));
}

/** The same options with their texts as they are. */
function plain(table: OptionTable): OptionTable {
  const text = (value: string) => value;
  return Object.fromEntries(
    Object.entries(table).map((
      [name, option],
    ) => [name, option.parse ? { ...option, parse: text } : option]),
  );
}

/** Quotes a word for a POSIX shell, where it needs quotes. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}
