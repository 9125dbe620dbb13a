/** The command line of `api`. */
import type { Grants } from "../cli/definition.ts";
import { UsageError } from "../cli/errors.ts";
import { parseSeconds, parseSize } from "../cli/number.ts";
import type { CommandLine, OptionTable } from "../cli/options.ts";
import { parseHost, parsePort } from "../tcp/address.ts";

/** The options of `api`. */
export const API_OPTIONS = {
  host: {
    value: "HOST",
    parse: parseHost,
    default: "localhost",
    help: "Listen on this host",
  },
  port: {
    short: "p",
    value: "PORT",
    parse: parsePort,
    default: 3000,
    help: "Listen here; 0: any free",
  },
  memory: { help: "Keep nothing" },
  from: {
    value: "URL|FILE",
    parse: String,
    help: "Fill a new database with a db.json, or another api's",
  },
  fake: { help: "Answer writes without doing them, as JSONPlaceholder" },
  readOnly: { help: "Refuse writes" },
  maxBody: {
    value: "BYTES",
    parse: parseSize,
    default: 2 ** 20,
    help: "Refuse longer bodies",
  },
  grace: {
    value: "SECONDS",
    parse: parseSeconds,
    default: 5,
    help: "On Ctrl-C, let requests finish",
  },
  json: { help: "Print one JSON object per line" },
} as const satisfies OptionTable;

/** What json-server calls its options, and what to do here. */
export const API_HABITS = {
  "--watch": "not needed: what other programs write is noticed",
  "--ro": "here it is --read-only",
  "--delay": "ask for it in a request: Prefer: delay=200-800",
} as const;

/** What the command line of `api` gives. */
export type ApiLine = CommandLine<typeof API_OPTIONS>;

/** What of the options says where documents are kept, and where they come from. */
export interface FileOptions {
  /** Whether nothing is kept. */
  readonly memory?: boolean | undefined;
  /** The file or URL of a dump. */
  readonly from?: string | undefined;
}

/** Where documents are kept, and where they come from. */
export interface ApiFiles {
  /** The database's path, or `:memory:`. */
  readonly file: string;
  /** The file or URL of the dump that a new database is filled with. */
  readonly from: string | undefined;
}

/**
 * Tells which files are meant: a db.json is imported into a database beside it.
 *
 * @throws {UsageError} When there are two files, or two dumps.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(filesOf(["a/db.json"], {}), { file: "a/db.db", from: "a/db.json" });
 * assertEquals(filesOf([], { memory: true }), { file: ":memory:", from: undefined });
 * ```
 */
export function filesOf(
  operands: readonly string[],
  { memory = false, from }: FileOptions,
): ApiFiles {
  const [operand = "hark.db"] = operands;
  if (operands.length > 1) {
    throw new UsageError(`Cannot serve ${operands.length} files: expected one`);
  }
  const isDump = /\.json$/i.test(operand);
  if (isDump && from !== undefined) {
    throw new UsageError(`Cannot import both "${operand}" and "${from}"`);
  }
  const file = memory ? ":memory:" : operand.replace(/\.json$/i, ".db");
  return { file, from: isDump ? operand : from };
}

/**
 * Tells what `api` needs to be allowed.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const options = { host: "localhost", from: "https://example.com" };
 * assertEquals((await apiReach(options, ["a.db"])).net, ["localhost", "example.com"]);
 * ```
 */
export async function apiReach(
  options: FileOptions & { readonly host: string },
  operands: readonly string[],
): Promise<Grants> {
  const { file, from } = filesOf(operands, options);
  const { isUrl } = await import("./dump.ts");
  const write = file === ":memory:" ? [] : [file];
  if (from === undefined) return { net: [options.host], read: write, write };
  if (!isUrl(from)) {
    return { net: [options.host], read: [from, ...write], write };
  }
  const { parseUrl } = await import("../http/url.ts");
  return { net: [options.host, parseUrl(from).hostname], read: write, write };
}
