/**
 * The command `api`: a store, a handler over it, a port, and lines on what happens.
 *
 * @module
 */

import { ExitCode, UsageError } from "../../lib/cli/errors.ts";
import { type Io, type Permissions, printSafe } from "../../lib/cli/io.ts";
import type { CommandLine, OptionTable } from "../../lib/cli/options.ts";
import { parseSeconds, parseSize } from "../../lib/cli/values.ts";
import {
  endsOf,
  parseHost,
  parsePort,
  permissionsFor,
} from "../../lib/net/address.ts";
import { createHandler, type Route } from "./handler.ts";
import { createLogWriter } from "../server/log_writer.ts";
import { formatEntry } from "./events.ts";
import { serveHttp } from "./serve.ts";
import { isUrl, readDump } from "./store/import.ts";
import { seed } from "./store/seed.ts";
import { openStore } from "./store/sqlite.ts";

// Loaded when a browser or a generator asks: most who do are neither.
const routes: Readonly<Record<string, Route>> = {
  "/": async (request, store) =>
    (await import("./page/page.ts")).servePage(request, store),
  "/openapi.json": async (request, store) =>
    (await import("./openapi/openapi.ts")).serveOpenApi(request, store),
};

/**
 * Serves until a signal ends it: then the streams of events are ended, and other responses may be
 * finished for as long as `--grace` says.
 *
 * @throws {Failure} When the database or the port cannot be had, the dump cannot be read, or nobody reads the log.
 */
export async function runApi(
  { options, operands }: ApiLine,
  io: Io,
): Promise<ExitCode> {
  const { json = false, fake = false } = options;
  const { file, from } = filesOf(operands, options);
  const data = from === undefined ? seed : await readDump(from, io.signal);
  using store = openStore(file, data, { fake, fresh: from !== undefined });
  io.drain();
  const stopped = Promise.withResolvers<void>();
  // it may be rejected before anybody waits for it
  stopped.promise.catch(() => {});
  await using lines = await createLogWriter(io.stdout, {
    json,
    onError: stopped.reject,
  });
  const streams = new AbortController();
  const handler = createHandler(store, {
    ...options,
    fake,
    routes,
    signal: streams.signal,
    onResponse: (entry) => lines.add(formatEntry(entry, json)),
  });
  io.signal.addEventListener("abort", () => stopped.resolve());
  const report = async (what: string, error: unknown) => {
    const { describe } = await import("../../lib/cli/reasons.ts");
    const { isTerminal, writeLater: write } = io.stderr;
    const text = `api: ${what}: ${describe(error)}\n`;
    await printSafe({ isTerminal, write }, text);
  };
  await using server = await serveHttp(handler, options, {
    onError: (error) => report("Cannot answer a request", error),
    onLost: (error) => report("Cannot accept more clients for now", error),
  });
  const printEvent = (event: Readonly<Record<string, string>>, text: string) =>
    lines.add(json ? `${JSON.stringify(event)}\n` : `${text}\n`);
  if (from !== undefined) {
    const { redactUrl } = await import("../../lib/cli/redact.ts");
    const shown = isUrl(from) ? redactUrl(from) : from;
    const text = `Imported ${shown} into ${file}`;
    printEvent({ event: "imported", from: shown, into: file }, text);
  }
  for (const address of server.addresses) {
    const url = `http://${address}/`;
    printEvent({ event: "listening", url }, `Listening on ${url}`);
  }
  await Promise.race([server.finished, stopped.promise]);
  streams.abort();
  await server.shutdown(options.grace * 1000);
  return ExitCode.Ok;
}

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
    secret: "url",
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
export const API_HINTS = {
  "--watch": "not needed: what other programs write is noticed",
  "--ro": "here it is --read-only",
  "--delay": "ask for it in a request: Prefer: delay=200-800",
} as const;

/** What the command line of `api` gives. */
type ApiLine = CommandLine<typeof API_OPTIONS>;

/**
 * Gives the path of the database, or `:memory:`, and the file or URL of the dump that a new one is filled with: a
 * db.json is imported into a database beside it.
 *
 * @throws {UsageError} When there are two files, or two dumps, or a database for what is kept nowhere.
 */
function filesOf(
  operands: readonly string[],
  { memory = false, from }: Pick<ApiLine["options"], "memory" | "from">,
): { readonly file: string; readonly from: string | undefined } {
  const [operand = "hark.db"] = operands;
  if (operands.length > 1) {
    throw new UsageError(`Cannot serve ${operands.length} files: expected one`);
  }
  const isDump = /\.json$/i.test(operand);
  if (isDump && from !== undefined) {
    throw new UsageError(`Cannot import both "${operand}" and "${from}"`);
  }
  if (memory && operands.length > 0 && !isDump) {
    throw new UsageError(`Cannot use "${operand}" with --memory`, {
      hint: "--memory keeps nothing; to fill it from a db.json: --from FILE",
    });
  }
  const file = memory ? ":memory:" : operand.replace(/\.json$/i, ".db");
  return { file, from: isDump ? operand : from };
}

/** Tells what `api` needs to be allowed. */
export async function apiPermissions(
  options: ApiLine["options"],
  operands: readonly string[],
): Promise<Permissions> {
  const { file, from } = filesOf(operands, options);
  const { host, port } = options;
  const ends = await endsOf({ host, port });
  const write = file === ":memory:" ? [] : [file];
  const read = from === undefined || isUrl(from) ? write : [from, ...write];
  if (from !== undefined && isUrl(from)) {
    const { parseUrl } = await import("../get/url.ts");
    const { addressOfUrl } = await import("../../lib/http/request.ts");
    ends.push(addressOfUrl(parseUrl(from)));
  }
  return { net: permissionsFor(ends, []).net, read, write };
}
