/**
 * What `posts` does: lists, gets and changes the posts of an API or another resource, or lists the embedded ones.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import { type Io, printSafe } from "../../lib/cli/io.ts";
import type {
  CommandLine,
  Options,
  OptionTable,
} from "../../lib/cli/options.ts";
import {
  parseCount,
  parseSeconds,
  percentDecode,
  quote,
} from "../../lib/cli/values.ts";
import { addressOfUrl } from "../../lib/http/request.ts";
import type { SendOptions } from "../../lib/http/send.ts";
import type { Document } from "../api/store/document.ts";
import type { Ignored } from "../api/store/store.ts";
import { parseUrl, PUBLIC_API } from "../get/url.ts";
import { fetchText, getDocuments, listDocuments } from "./client.ts";
import { createListing, type Format } from "./listing.ts";

function parseFields(text: string): string[] {
  const fields = text.split(",");
  if (!fields.includes("")) return fields;
  throw new UsageError(
    `Cannot read fields "${text}": expected names, as in id,title`,
  );
}

function parseResource(text: string): string {
  // a path that is "." or ".." leads elsewhere, encoded too
  if (/^[^/\p{Cc}]+$/u.test(text) && !/^\.\.?$/.test(text)) return text;
  throw new UsageError(
    `Cannot read resource "${text}": expected one name, as in users`,
    text.includes("/") ? { hint: "the path to it goes with --url" } : {},
  );
}

/** The options of `posts`. */
export const POSTS_OPTIONS = {
  url: {
    group: "Ask",
    value: "BASE",
    parse: parseUrl,
    default: new URL(PUBLIC_API),
    secret: "url",
    help: `The API [default: ${PUBLIC_API}]`,
  },
  resource: {
    value: "NAME",
    parse: parseResource,
    default: "posts",
    help: "Another resource than posts",
  },
  limit: { value: "N", parse: parseCount, help: "Stop after so many" },
  fields: {
    group: "Print",
    value: "A,B",
    parse: parseFields,
    help: "These fields alone",
  },
  json: {
    conflicts: ["ndjson", "csv", "table"],
    help: "One JSON document",
  },
  ndjson: {
    conflicts: ["csv", "table"],
    help: "One JSON object per line",
  },
  csv: { conflicts: ["table"], help: "CSV, names first" },
  table: { help: "A table" },
  offline: { group: "Ask", help: "List the embedded posts; nothing is asked" },
  loose: { help: "Take answers of any shape" },
  timeout: {
    short: "t",
    value: "SECONDS",
    parse: parseSeconds,
    default: 30,
    help: "Give up waiting for an answer",
  },
} satisfies OptionTable;

type PostsOptions = Options<typeof POSTS_OPTIONS>;

/** What `posts` is, but for its texts. */
export const POSTS = {
  options: POSTS_OPTIONS,
  permissions: async ({ options }: CommandLine<typeof POSTS_OPTIONS>) => {
    if (options.offline) return {};
    const { permissionsFor } = await import("../../lib/net/address.ts");
    return permissionsFor([addressOfUrl(options.url)], []);
  },
  redact: async (operand: string) =>
    (await import("../get/redact.ts")).redactOperand(operand, 1),
  run: runPosts,
};

const FORMATS = ["json", "ndjson", "csv", "table"] as const;
const CHANGES = { create: "POST", update: "PATCH", delete: "DELETE" } as const;

type Operands = ReturnType<typeof readOperands>;

function isChange(word: string | undefined): word is keyof typeof CHANGES {
  return word !== undefined && Object.hasOwn(CHANGES, word);
}

/** The API's address as other commands take it for an operand: a URL, `:3000`, `localhost:3000`. */
const ADDRESS = /^(https?:\/\/|(localhost|[\d.]*):\d+(\/|$))/i;

/** Cuts the resource off the end of a base, which posts adds: the one that is asked for, or any where that is posts. */
function splitBase(
  text: string,
  resource: string,
): { readonly base: string; readonly name: string } | undefined {
  const [, base, last] = text.match(/^(.*?)\/([^/?#:@]+)\/?(?:[?#].*)?$/) ?? [];
  if (base === undefined || last === undefined || !/:\d|\/\/./.test(base)) {
    return;
  }
  const name = percentDecode(last) ?? last;
  const isMeant = name === resource ||
    resource === "posts" && !/^(api|rest|v\d+|.*\..*)$/i.test(name);
  return isMeant ? { base, name } : undefined;
}

function refuseAddress(word: string, resource: string): void {
  if (!ADDRESS.test(word)) return;
  const { base = word.replace(/\/$/, ""), name = resource } =
    splitBase(word, resource) ?? {};
  const more = name === "posts" ? "" : ` --resource ${quote(name)}`;
  throw new UsageError(`Cannot read "${word}": expected an ID or key=value`, {
    hint: `the API's address: --url ${quote(base)}${more}`,
  });
}

/** Reads what is asked for: a change, ids, and `key=value`. */
function readOperands(operands: readonly string[], resource: string) {
  const [first, ...rest] = operands;
  const change = isChange(first) ? first : undefined;
  const words = change ? rest : operands;
  words.forEach((word) => refuseAddress(word, resource));
  const items = words.filter((word) => /[=:]/.test(word));
  const ids = words.filter((word) => !items.includes(word));
  for (const id of ids) {
    // a path that is "." or ".." leads elsewhere
    if (!/^(?!\.\.?$)[\p{L}\p{M}\p{N}_~.@-]+$/u.test(id)) {
      throw new UsageError(`Cannot read "${id}": expected an ID or key=value`);
    }
  }
  if (change === "create" && ids.length > 0) {
    throw new UsageError(`Cannot create "${ids[0]}": expected key=value`);
  }
  if ((change === "update" || change === "delete") && ids.length !== 1) {
    throw new UsageError(
      `Cannot ${change} ${ids.length} ${resource}: expected one ID`,
    );
  }
  if (change === "delete" && items[0] !== undefined) {
    throw new UsageError(`Cannot delete with "${items[0]}"`);
  }
  if (change === undefined && ids.length > 0 && items[0] !== undefined) {
    throw new UsageError(`Cannot filter single ${resource} by "${items[0]}"`);
  }
  if (change === "update" && items.length === 0) {
    throw new UsageError("Cannot update nothing: expected key=value");
  }
  return { change, ids, items };
}

/** The resource, or one of its documents, below the base that was typed. */
function urlOf(
  { url: base, resource }: PostsOptions,
  ...ids: readonly string[]
): URL {
  const url = new URL(base);
  const names = [resource, ...ids].map(encodeURIComponent);
  url.pathname = [url.pathname.replace(/\/$/, ""), ...names].join("/");
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

/** Prints on stderr what of a query changed nothing, each key once: each page has it again. */
function createIgnoredPrinter(
  who: string,
  { stderr }: Io,
): (key: string, why: string) => Promise<void> {
  const printed = new Set<string>();
  return async (key, why) => {
    if (printed.has(key)) return;
    printed.add(key);
    const line = `posts: ${who} "${key}"${why}`.replace(/[\r\n]+/g, " ");
    await printSafe(stderr, `${line}\n`);
  };
}

/** Shows documents to a check on their way. */
async function* compare(
  pages: AsyncIterable<Document[]>,
  loading: Promise<{ add: (documents: readonly Document[]) => void }>,
): AsyncGenerator<Document[]> {
  for await (const page of pages) {
    (await loading).add(page);
    yield page;
  }
}

/** The documents that the operands ask for, page by page, and what is to be said after them. */
async function findPages(
  { ids, items }: Operands,
  options: PostsOptions,
  sending: SendOptions,
  io: Io,
): Promise<{
  readonly pages: AsyncIterable<Document[]>;
  readonly finish?: () => Promise<void>;
}> {
  const { offline, resource } = options;
  const who = offline ? `the embedded ${resource} ignore` : "the API ignores";
  const print = createIgnoredPrinter(who, io);
  const printIgnored = async (ignored: readonly Ignored[]) => {
    for (const { key, meant } of ignored) {
      await print(key, meant === undefined ? "" : `; did you mean ${meant}?`);
    }
  };
  if (offline) {
    const { searchParams } = withFilters(new URL(PUBLIC_API), items);
    const { getEmbedded, listEmbedded } = await import("./offline.ts");
    const pages = ids.length > 0
      ? getEmbedded(resource, ids)
      : listEmbedded(resource, searchParams, printIgnored);
    return { pages };
  }
  if (ids.length > 0) {
    return {
      pages: getDocuments(ids.map((id) => urlOf(options, id)), sending),
    };
  }
  const url = withFilters(urlOf(options), items);
  const pages = listDocuments(url, sending, printIgnored);
  if (items.length === 0) return { pages };
  const filters = withFilters(new URL(PUBLIC_API), items).searchParams;
  const loading = import("./check.ts")
    .then(({ createFilterCheck }) => createFilterCheck(resource, filters));
  return {
    pages: compare(pages, loading),
    finish: async () => {
      for (const [key, count] of (await loading).findings()) {
        await print(key, `: ${count}`);
      }
    },
  };
}

/** So many documents are made a text at once. */
const BATCH = 1000;

/** Prints documents as they come; unless they may have any shape, posts that lack what is printed are a failure. */
async function printPages(
  pages: AsyncIterable<Document[]>,
  { limit = Infinity, fields, loose, resource, ...options }: PostsOptions,
  { stdout }: Io,
): Promise<void> {
  const format: Format = FORMATS.find((name) => options[name]) ?? "text";
  const needed = fields ?? (format === "text" ? ["title", "body"] : undefined);
  // the check is loaded while the first page is on its way
  const loading = loose ? undefined : import("./check.ts");
  const columns = stdout.isTerminal ? stdout.columns : undefined;
  const listing = await createListing(format, { fields, columns, resource });
  let count = 0;
  for await (const page of pages) {
    const documents = page.slice(0, limit - count);
    const check = await loading;
    if (count === 0) {
      await check?.checkFields(resource, fields ?? [], documents);
    }
    if (resource === "posts") check?.checkShapes(documents, count, needed);
    for (let at = 0; at < documents.length; at += BATCH) {
      const batch = documents.slice(at, at + BATCH).map(listing.add);
      await printSafe(stdout, batch.join(""));
    }
    count += documents.length;
    if (count >= limit) break;
  }
  await printSafe(stdout, listing.end());
}

async function changeOne(
  change: keyof typeof CHANGES,
  { ids, items }: Operands,
  options: PostsOptions,
  sending: SendOptions,
  io: Io,
): Promise<void> {
  if (options.offline) {
    throw new UsageError(
      `Cannot ${change} offline: the embedded ${options.resource} do not change`,
    );
  }
  const { parseItem } = await import("../get/items.ts");
  const { buildRequest } = await import("../get/request.ts");
  const request = await buildRequest({
    method: CHANGES[change],
    url: urlOf(options, ...ids),
    items: [],
    fields: items.map(parseItem),
  }, io);
  const what = `${request.method} ${request.url}`;
  const text = await fetchText(request, what, sending);
  await printSafe(io.stdout, text.replace(/\n?$/, "\n"));
}

/** An answer is held as a whole, up to so many bytes. */
const MAX_PAGE = 256 * 1024 * 1024;

const OWN_API =
  "start an API of your own with: hark api, and ask it with --url :3000; or --offline lists the embedded posts";

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

/** The base without a resource's name, and the option that names it where it is another one. */
function hintOnBase(
  { url, resource, offline }: PostsOptions,
): string | undefined {
  const found = offline ? undefined : splitBase(url.href, resource);
  if (found === undefined) return undefined;
  const base = `--url ${quote(found.base)}`;
  return found.name === resource
    ? `posts adds /${resource} by itself: ${base}`
    : `to list ${found.name}: ${base} --resource ${quote(found.name)}`;
}

/**
 * Gives an error the next step that `posts` has, where it knows better than HTTP.
 *
 * @param error What was thrown; a denial stays as it is, since its next step is to grant it.
 */
async function withHint(
  error: unknown,
  options: PostsOptions,
): Promise<unknown> {
  if (!(error instanceof Failure)) return error;
  const { denialOf, exitCodeOf } = await import("../../lib/cli/reasons.ts");
  if (denialOf(error) !== undefined) return error;
  const code = exitCodeOf(error);
  const hint = error.hint?.includes("--max-size")
    ? "ask for less of it: key=value"
    : error.message.includes(": the API answered 404")
    ? hintOnBase(options)
    : STEPS.get(code);
  if (hint === undefined && !STEPS.has(code)) return error;
  return new Failure(error.message, {
    ..."cause" in error && { cause: error.cause },
    code,
    ...hint !== undefined && { hint },
  });
}

/**
 * Runs `posts` as its command line says.
 *
 * @returns 0.
 * @throws {UsageError} When the operands do not fit together.
 * @throws {Failure} When the API does not answer as it should.
 */
async function runPosts(
  { options, operands: words }: CommandLine<typeof POSTS_OPTIONS>,
  io: Io,
): Promise<ExitCode> {
  const operands = readOperands(words, options.resource);
  const { change } = operands;
  const ms = options.timeout * 1000;
  const sending = {
    signal: io.signal,
    timeouts: { head: ms, idle: ms },
    maxSize: MAX_PAGE,
  };
  try {
    if (change) await changeOne(change, operands, options, sending, io);
    else {
      const { pages, finish } = await findPages(operands, options, sending, io);
      await printPages(pages, options, io);
      await finish?.();
    }
    return ExitCode.Ok;
  } catch (error) {
    throw await withHint(error, options);
  }
}
