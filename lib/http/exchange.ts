/**
 * What `get` and `post` share: their options, and the way from a command line to an exit code.
 *
 * @module
 */

import type { Grants } from "../cli/definition.ts";
import { UsageError } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import type { Io } from "../cli/io.ts";
import type { Options, OptionTable } from "../cli/options.ts";
import { DEFAULT_TIMEOUTS, parseTimeouts } from "./deadline.ts";
import type { Item } from "./items.ts";
import { render } from "./render.ts";
import { parseMethod, type RequestPlan } from "./request.ts";
import { send } from "./send.ts";
import { parseUrl } from "./url.ts";

/** Where `get` and `post` go when they are told nothing. */
export const DEFAULT_URL = "https://jsonplaceholder.typicode.com/posts";

/** The options of `get` and `post`. */
export const EXCHANGE_OPTIONS = {
  method: {
    short: "X",
    value: "METHOD",
    parse: parseMethod,
    help: "Use this method",
  },
  timeout: {
    short: "t",
    value: "SECONDS",
    parse: parseTimeouts,
    default: DEFAULT_TIMEOUTS,
    help: "HEAD[,IDLE[,TOTAL]], 0: no limit [default: 30,60]",
  },
  include: { short: "i", help: "Show status and headers before the body" },
  body: { short: "b", help: "Show the body alone" },
  quiet: { short: "q", help: "Say nothing but errors" },
  pretty: { help: "Show JSON as on a terminal, in a pipe too" },
  raw: { help: "Show the bytes as they are, on a terminal too" },
} satisfies OptionTable;

/** What the users of curl and HTTPie type, and what to type here. */
export const EXCHANGE_HABITS: Readonly<Record<string, string>> = {
  "-d": "fields are operands: post URL title=foo userId:=1",
  "--data": "fields are operands: post URL title=foo userId:=1",
  "-F": "fields are operands: post URL title=foo",
  "-G": "the query is operands: get URL name==value",
  "-H": "headers are operands: get URL Accept:text/plain",
  "--header": "headers are operands: get URL Accept:text/plain",
  "-A": "headers are operands: get URL User-Agent:me",
  "-I": "for the headers alone: get -X HEAD -i URL",
  "--head": "for the headers alone: get -X HEAD -i URL",
  "-L": "safe redirects are followed already",
  "--location": "safe redirects are followed already",
  "-f": "a status of 400 or more exits 4 or 5 already",
  "--fail": "a status of 400 or more exits 4 or 5 already",
  "-s": "there is nothing to silence but the status line: -q",
  "--silent": "there is nothing to silence but the status line: -q",
  "--compressed": "compressed bodies are asked for and decoded already",
  "-o": "the body goes to stdout: get URL > FILE",
  "--output": "the body goes to stdout: get URL > FILE",
  "-O": "the body goes to stdout: get URL > FILE",
  "--url": "the URL is an operand: get URL",
  "-m": "for all of it: --timeout HEAD,IDLE,TOTAL",
  "--max-time": "for all of it: --timeout HEAD,IDLE,TOTAL",
  "--connect-timeout": "up to the head of the answer: --timeout HEAD",
};

/** A URL and the items that go with it. */
export interface Target {
  /** The URL. */
  readonly url: URL;
  /** The items. */
  readonly items: readonly Item[];
}

/**
 * Reads the operands of `get` and `post`: a URL, then items.
 *
 * @throws {UsageError} When one of them is malformed.
 *
 * @example A header
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { url, items } = await parseTarget([":3000/posts", "Accept:text/plain"]);
 * assertEquals(url.port, "3000");
 * assertEquals(items.length, 1);
 * ```
 */
export async function parseTarget(
  [text = DEFAULT_URL, ...texts]: readonly string[],
): Promise<Target> {
  const url = parseUrl(text);
  if (texts.length === 0) return { url, items: [] };
  const { parseItem } = await import("./items.ts");
  return { url, items: texts.map(parseItem) };
}

/**
 * The host and the files that the operands of `get` and `post` need.
 *
 * @example A host
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await reachOf({ operands: ["example.com/a"] }), { net: ["example.com"], read: [] });
 * ```
 */
export async function reachOf(
  { operands }: { readonly operands: readonly string[] },
): Promise<Grants> {
  const { url, items } = await parseTarget(operands);
  return {
    net: [url.hostname],
    read: items.filter(({ kind }) => /file/i.test(kind)).map(({ value }) =>
      value
    ),
  };
}

/** HTTPie's exit codes, by the class of the status; 304 is what a conditional request hopes for. */
function exitCodeFor({ headers }: RequestPlan, status: number): ExitCode {
  const conditional = headers.some(([name]) => /^if-/i.test(name));
  if (status < 300 || status === 304 && conditional) return ExitCode.Ok;
  if (status < 400) return ExitCode.Redirection;
  return status < 500 ? ExitCode.ClientError : ExitCode.ServerError;
}

/**
 * Sends a request and shows the answer.
 *
 * @param plan The request.
 * @param options What was asked for on the command line.
 * @param io Where the answer is shown.
 * @returns The exit code: 0, or 3, 4 or 5 by the class of the status.
 * @throws {Failure} When there is no whole answer.
 *
 * @example An answer of 404
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMemoryIo } from "../cli/memory.ts";
 * import { parseCommandLine } from "../cli/options.ts";
 *
 * await using server = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   () => new Response("none", { status: 404 }),
 * );
 * const { options } = await parseCommandLine(EXCHANGE_OPTIONS, []);
 * const url = new URL(`http://127.0.0.1:${server.addr.port}`);
 * const { io, stdout } = createMemoryIo();
 * assertEquals(await exchange({ method: "GET", url, headers: [] }, options, io), 4);
 * assertEquals(stdout.text, "none");
 * ```
 */
export async function exchange(
  plan: RequestPlan,
  options: Options<typeof EXCHANGE_OPTIONS>,
  io: Io,
): Promise<ExitCode> {
  if (options.body && options.include) {
    throw new UsageError("Cannot use --body and --include together");
  }
  if (options.raw && options.pretty) {
    throw new UsageError("Cannot use --raw and --pretty together");
  }
  await using answer = await send(plan, { timeouts: options.timeout });
  await render(answer, io, options);
  return exitCodeFor(answer.plan, answer.status);
}
