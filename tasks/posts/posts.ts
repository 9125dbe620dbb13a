/**
 * What `posts` does: lists, gets and changes the posts of an API, or of the embedded seed.
 *
 * @module
 */

import { ExitCode, UsageError } from "../../lib/cli/errors.ts";
import { type Io, type Output, print } from "../../lib/cli/io.ts";
import type {
  CommandLine,
  Options,
  OptionTable,
} from "../../lib/cli/options.ts";
import { parseCount, parseSeconds } from "../../lib/cli/values.ts";
import type { SendOptions } from "../../lib/http/send.ts";
import type { Document } from "../api/store/document.ts";
import type { Ignored } from "../api/store/store.ts";
import { parseUrl } from "../get/url.ts";
import {
  changeDocument,
  getDocument,
  listDocuments,
  PUBLIC_API,
} from "./client.ts";
import { createListing, type Format } from "./table.ts";

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
  json: {
    conflicts: ["ndjson", "csv", "table"],
    help: "Print one JSON document",
  },
  ndjson: {
    conflicts: ["csv", "table"],
    help: "Print one JSON object per line",
  },
  csv: { conflicts: ["table"], help: "Print CSV (RFC 4180), names first" },
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
  return FORMATS.find((name) => options[name]) ?? "text";
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

async function listOffline(
  { ids, items }: Request,
  io: Io,
): Promise<AsyncIterable<Document[]>> {
  const { searchParams } = withFilters(new URL(PUBLIC_API), items);
  const { getEmbedded, listEmbedded } = await import("./offline.ts");
  return ids.length > 0
    ? getEmbedded(ids)
    : listEmbedded(searchParams, createTell("the embedded posts ignore", io));
}

async function* getEach(
  base: URL,
  { ids }: Request,
  options: SendOptions,
): AsyncGenerator<Document[]> {
  for (const id of ids) yield [await getDocument(urlOf(base, id), options)];
}

async function change(
  base: URL,
  { change, ids, items }: Request,
  options: SendOptions,
  io: Io,
): Promise<void> {
  const method = CHANGES[change ?? "create"];
  const { parseItem } = await import("../get/items.ts");
  const { buildRequest } = await import("../get/request.ts");
  const target = {
    method,
    url: urlOf(base, ...ids),
    items: [],
    fields: items.map(parseItem),
  };
  const request = await buildRequest(target, io);
  await show(
    (await changeDocument(request, options)).replace(/\n?$/, "\n"),
    io.stdout,
  );
}

async function show(text: string, output: Output): Promise<void> {
  const safe = output.isTerminal
    ? (await import("../../lib/cli/terminal.ts")).escapeControls(text)
    : text;
  await print(output, safe);
}

/** Makes what tells on stderr what of a query changed nothing, once: each page says so again. */
function createTell(
  who: string,
  { stderr }: Io,
): (ignored: readonly Ignored[]) => Promise<void> {
  const told = new Set<string>();
  return async (ignored) => {
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
    const pages = offline
      ? await listOffline(request, io)
      : request.ids.length > 0
      ? getEach(url, request, sending)
      : listDocuments(withFilters(urlOf(url), request.items), {
        ...sending,
        onIgnored: createTell("the API ignores", io),
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
    const { withAdvice } = await import("./advice.ts");
    const shorter = withoutPosts(url.href);
    const isTwice = !offline && shorter !== url.href;
    throw withAdvice(error, isTwice ? shorter : undefined);
  }
}
