/**
 * What `posts` does: lists, gets and changes the posts of an API, or of the embedded seed.
 *
 * @module
 */

import { ExitCode, Failure, RUNNER, UsageError } from "../cli/errors.ts";
import { type Io, type Output, print } from "../cli/io.ts";
import type { CommandLine, Options, OptionTable } from "../cli/options.ts";
import { parseCount, parseSeconds } from "../cli/value.ts";
import { parseUrl } from "../http/target.ts";
import type { SendOptions } from "../http/send.ts";
import {
  changeDocument,
  getDocument,
  listDocuments,
  PUBLIC_API,
} from "./client.ts";
import type { Document } from "./document.ts";
import type { Ignored } from "./store.ts";
import { createListing, type Format } from "./listing.ts";

function parseFields(text: string): string[] {
  const fields = text.split(",");
  if (!fields.includes("")) return fields;
  throw new UsageError(
    `Cannot read fields "${text}": expected names, as in id,title`,
  );
}

/** The options of `posts`. */
export const POSTS_OPTIONS = {
  url: {
    value: "BASE",
    parse: parseUrl,
    default: new URL(PUBLIC_API),
    help: `The API [default: ${PUBLIC_API}]`,
  },
  limit: { value: "N", parse: parseCount, help: "Stop after so many" },
  fields: {
    value: "A,B",
    parse: parseFields,
    help: "Print these fields",
  },
  json: { help: "Print one JSON document" },
  ndjson: { help: "Print one JSON object per line" },
  csv: { help: "Print CSV (RFC 4180), names first" },
  table: { help: "Print a table" },
  offline: { help: "List the embedded posts; nothing is asked" },
  loose: { help: "Take answers of any shape" },
  timeout: {
    short: "t",
    value: "SECONDS",
    parse: parseSeconds,
    default: 30,
    help: "Give up waiting for an answer",
  },
} satisfies OptionTable;

/** A command line of `posts`. */
export type PostsLine = CommandLine<typeof POSTS_OPTIONS>;

const FORMATS = ["json", "ndjson", "csv", "table"] as const;
const CHANGES = { create: "POST", update: "PATCH", delete: "DELETE" } as const;

/** What the operands ask for. */
interface Request {
  readonly change: keyof typeof CHANGES | undefined;
  readonly ids: readonly string[];
  readonly items: readonly string[];
}

function isChange(word: string | undefined): word is keyof typeof CHANGES {
  return word !== undefined && Object.hasOwn(CHANGES, word);
}

/** The API's address as other commands take it for an operand: a URL, `:3000`, `localhost:3000`. */
const ADDRESS = /^(https?:\/\/|(localhost|[\d.]*):\d+(\/|$))/i;

/** A base without the collection's name, which posts adds. */
function withoutPosts(base: string): string {
  return base.replace(/\/posts\/?$/, "");
}

function refuseAddress(word: string): void {
  if (!ADDRESS.test(word)) return;
  throw new UsageError(`Cannot read "${word}": expected an ID or key=value`, {
    hint: `the API's address: --url ${withoutPosts(word)}`,
  });
}

function readOperands(operands: readonly string[]): Request {
  const [first, ...rest] = operands;
  const change = isChange(first) ? first : undefined;
  const words = change ? rest : operands;
  words.forEach(refuseAddress);
  const items = words.filter((word) => /[=:]/.test(word));
  const ids = words.filter((word) => !items.includes(word));
  for (const id of ids) {
    if (!/^[\w-]+$/.test(id)) {
      throw new UsageError(`Cannot read "${id}": expected an ID or key=value`);
    }
  }
  if (change === "create" && ids.length > 0) {
    throw new UsageError(`Cannot create "${ids[0]}": expected key=value`);
  }
  if ((change === "update" || change === "delete") && ids.length !== 1) {
    throw new UsageError(
      `Cannot ${change} ${ids.length} posts: expected one ID`,
    );
  }
  if (change === "delete" && items[0] !== undefined) {
    throw new UsageError(`Cannot delete with "${items[0]}"`);
  }
  if (change === undefined && ids.length > 0 && items[0] !== undefined) {
    throw new UsageError(`Cannot filter single posts by "${items[0]}"`);
  }
  if (change === "update" && items.length === 0) {
    throw new UsageError("Cannot update nothing: expected key=value");
  }
  return { change, ids, items };
}

function formatOf(options: Options<typeof POSTS_OPTIONS>): Format {
  const [format = "text", other] = FORMATS.filter((name) => options[name]);
  if (other !== undefined) {
    throw new UsageError(`Cannot use --${format} and --${other} together`);
  }
  return format;
}

/** The collection, or one of its documents, below the base that was typed. */
function urlOf(base: URL, ...path: string[]): URL {
  const url = new URL(base);
  url.pathname = [
    url.pathname.replace(/\/$/, ""),
    "posts",
    ...path.map(encodeURIComponent),
  ].join("/");
  return url;
}

function withFilters(url: URL, items: readonly string[]): URL {
  for (const item of items) {
    const [key = "", ...value] = item.split("=");
    if (key === "" || value.length === 0) {
      throw new UsageError(`Cannot filter by "${item}": expected key=value`);
    }
    url.searchParams.append(key, value.join("="));
  }
  return url;
}

/** Tells a person what of a query changed nothing. */
type Tell = (who: string, ignored: readonly Ignored[]) => Promise<void>;

/** The embedded posts, through the store that an api has: so a query means what it means there. */
async function* listSeed(
  { ids, items }: Request,
  tell: Tell,
): AsyncGenerator<Document[]> {
  const { searchParams } = withFilters(new URL("http://localhost"), items);
  const { openStore } = await import("./sqlite.ts");
  const { seed } = await import("./seed.ts");
  const { parseQuery } = await import("./query.ts");
  using store = openStore(":memory:", seed);
  if (ids.length === 0) {
    const query = parseQuery(searchParams);
    const { page, slice } = query;
    // an API links to the pages that follow
    const list = await store.list(
      "posts",
      page && slice ? { ...query, slice: { ...slice, end: Infinity } } : query,
    );
    await tell("the embedded posts ignore", list?.ignored ?? []);
    return yield JSON.parse(list?.json ?? "[]");
  }
  const count = (await store.list("posts"))?.total;
  yield await Promise.all(ids.map(async (id) => {
    const text = await store.get("posts", id);
    if (text !== undefined) return JSON.parse(text);
    throw new Failure(
      `Cannot get post ${id}: the embedded posts are 1 to ${count}`,
      { code: ExitCode.ClientError },
    );
  }));
}

async function* getEach(
  base: URL,
  { ids }: Request,
  options: SendOptions,
): AsyncGenerator<Document[]> {
  for (const id of ids) yield [await getDocument(urlOf(base, id), options)];
}

const OWN_API =
  `start an API of your own with: ${RUNNER}api, and ask it with --url :3000; or --offline lists the embedded posts`;

/** The next step by the exit code: nobody pretends, a network that fails is a failure, with the ways to go on without it. */
const STEPS: ReadonlyMap<ExitCode, string | undefined> = new Map([
  [ExitCode.Unresolved, OWN_API],
  [ExitCode.Unreachable, OWN_API],
  [
    ExitCode.TimedOut,
    "to wait longer: --timeout SECONDS; or --offline lists the embedded posts",
  ],
  // what helps here are options of get
  [ExitCode.TooManyRedirects, undefined],
  [ExitCode.Certificate, undefined],
]);

/** An error with the next step that posts has, where it knows better than HTTP. */
async function withAdvice(error: unknown, base: URL): Promise<unknown> {
  const { exitCodeOf, denialOf } = await import("../cli/reasons.ts");
  if (!(error instanceof Failure) || denialOf(error) !== undefined) {
    return error;
  }
  const code = exitCodeOf(error);
  const { origin, pathname } = base;
  const short = withoutPosts(pathname);
  const isTwice = code === ExitCode.ClientError && short !== pathname;
  if (!isTwice && !STEPS.has(code)) return error;
  return new Failure(error.message, {
    ..."cause" in error && { cause: error.cause },
    code,
    hint: isTwice
      ? `posts adds /posts by itself: --url ${origin}${short}`
      : STEPS.get(code),
  });
}

async function change(
  base: URL,
  { change, ids, items }: Request,
  options: SendOptions,
  io: Io,
): Promise<void> {
  const method = CHANGES[change ?? "create"];
  const { parseItem } = await import("../http/items.ts");
  const { planRequest } = await import("../http/plan.ts");
  const target = {
    method,
    url: urlOf(base, ...ids),
    items: [],
    fields: items.map(parseItem),
  };
  const plan = await planRequest(target, io);
  await show(
    (await changeDocument(plan, options)).replace(/\n?$/, "\n"),
    io.stdout,
  );
}

async function show(text: string, output: Output): Promise<void> {
  const safe = output.isTerminal
    ? (await import("../cli/terminal.ts")).escapeControls(text)
    : text;
  await print(output, safe);
}

/** Tells on stderr what of a query changed nothing, once: each page says so again. */
function createTell({ stderr }: Io): Tell {
  const told = new Set<string>();
  return async (who, ignored) => {
    for (const { key, meant } of ignored) {
      if (told.has(key)) continue;
      told.add(key);
      const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
      const line = `posts: ${who} "${key}"${hint}`.replace(/[\r\n]+/g, " ");
      await show(`${line}\n`, stderr);
    }
  };
}

/**
 * Runs `posts` as its command line says.
 *
 * @param line The options and operands.
 * @param io Where it prints.
 * @returns 0.
 * @throws {UsageError} When the operands do not fit together.
 * @throws {Failure} When the API does not answer as it should.
 *
 * @example The first embedded post
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMemoryIo } from "../cli/memory.ts";
 * import { parseCommandLine } from "../cli/options.ts";
 *
 * const { io, stdout } = createMemoryIo();
 * await runPosts(await parseCommandLine(POSTS_OPTIONS, ["--offline", "--limit", "1"]), io);
 * assertEquals(stdout.text.split("\n")[0]?.startsWith("Title: "), true);
 * ```
 */
export async function runPosts(
  { options, operands }: PostsLine,
  io: Io,
): Promise<ExitCode> {
  const { url, limit = Infinity, fields, timeout, offline, loose } = options;
  const format = formatOf(options);
  const request = readOperands(operands);
  const sending = {
    signal: io.signal,
    timeouts: { head: timeout * 1000, idle: timeout * 1000 },
  };
  try {
    if (request.change) {
      if (offline) {
        throw new UsageError(
          `Cannot ${request.change} offline: the embedded posts do not change`,
        );
      }
      await change(url, request, sending, io);
      return ExitCode.Ok;
    }
    const tell = createTell(io);
    const pages = offline
      ? listSeed(request, tell)
      : request.ids.length > 0
      ? getEach(url, request, sending)
      : listDocuments(withFilters(urlOf(url), request.items), {
        ...sending,
        onIgnored: (ignored) => tell("the API ignores", ignored),
      });
    const checked = fields ??
      (format === "text" ? ["title", "body"] : undefined);
    // the check is loaded while the first page is on its way
    const loading = loose ? undefined : import("./check.ts");
    const columns = io.stdout.isTerminal ? io.stdout.columns : undefined;
    const listing = createListing(format, { fields, columns });
    let count = 0;
    for await (const page of pages) {
      const documents = page.slice(0, limit - count);
      const check = await loading;
      if (count === 0) {
        await check?.checkFields("posts", fields ?? [], documents);
      }
      const find = check?.createShapeCheck("posts", checked);
      for (const [at, document] of documents.entries()) {
        find?.(document, count + at);
      }
      await show(documents.map(listing.add).join(""), io.stdout);
      count += documents.length;
      if (count >= limit) break;
    }
    await show(listing.end(), io.stdout);
    return ExitCode.Ok;
  } catch (error) {
    throw await withAdvice(error, url);
  }
}
