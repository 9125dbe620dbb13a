/**
 * What `posts` does: lists, gets and changes the posts of an API or another resource, or lists the embedded ones.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import { type Io, print, printSafe } from "../../lib/cli/io.ts";
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
import { formatAddress } from "../../lib/net/address.ts";
import type { SendOptions } from "../../lib/http/send.ts";
import type { Document } from "../api/store/document.ts";
import type { Ignored } from "../api/store/store.ts";
import {
  parseUrl,
  PUBLIC_API,
  refuseGarbled,
  refuseNearLocalhost,
  RESOURCES,
} from "../get/url.ts";
import { fetchText, getDocument, listDocuments } from "./client.ts";
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
    help: `API [default: ${PUBLIC_API}]`,
  },
  resource: {
    value: "NAME",
    parse: parseResource,
    default: "posts",
    help: "List another resource than posts",
  },
  session: {
    value: "FILE",
    parse: String,
    conflicts: ["sessionReadOnly"],
    help: "Keep cookies in FILE from call to call",
  },
  sessionReadOnly: {
    value: "FILE",
    parse: String,
    help: "Send those of FILE, and keep none",
  },
  limit: { value: "N", parse: parseCount, help: "Print at most N" },
  fields: {
    group: "Print",
    value: "A,B",
    parse: parseFields,
    help: "Print these fields alone",
  },
  json: {
    conflicts: ["ndjson", "csv", "table"],
    help: "Print one JSON document",
  },
  ndjson: {
    conflicts: ["csv", "table"],
    help: "Print one JSON object per line",
  },
  csv: { conflicts: ["table"], help: "Print CSV, names first" },
  table: { help: "Print a table" },
  offline: {
    group: "Ask",
    conflicts: {
      url: ": the embedded posts are of no API",
      session: ": nothing is asked",
      sessionReadOnly: ": nothing is asked",
    },
    help: "List the embedded posts; nothing is asked",
  },
  loose: { help: "Take objects of any shape, but still in a list" },
  timeout: {
    short: "t",
    value: "SECONDS",
    parse: parseSeconds,
    default: 30,
    help: "Give up waiting for an answer",
  },
  insecure: { short: "k", help: "Take any certificate" },
  ca: { value: "FILE", parse: String, help: "Trust this authority, too" },
} satisfies OptionTable;

type PostsOptions = Options<typeof POSTS_OPTIONS>;

/** What `posts` is, but for its texts. */
export const POSTS = {
  options: POSTS_OPTIONS,
  permissions: async ({ options }: CommandLine<typeof POSTS_OPTIONS>) => {
    if (options.offline) return {};
    if (options.url.protocol === "https:") {
      await refuseNearLocalhost(options.url);
    }
    const { permissionsFor } = await import("../../lib/net/address.ts");
    const { sessionFiles } = await import("../get/auth/session_file.ts");
    const { net, read, write } = permissionsFor(
      ...[[addressOfUrl(options.url)], [options.ca]] as const,
    );
    const files = await sessionFiles(options);
    return {
      net,
      read: [...read, ...files.read],
      write: [...write, ...files.write],
    };
  },
  // --userId=1 stands for a filter, or a field
  meant: (typed: string) => {
    const [, name, value = "VALUE"] =
      typed.match(/^--(\w+)(?:=([\w.-]{1,40}))?$/) ?? [];
    return name && `if it is a filter or a field: ${name}=${value}`;
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

/** What other tools call what posts does; nothing is what it does by itself. */
const VERBS: Readonly<Record<string, keyof typeof CHANGES | "">> = {
  ...{ list: "", ls: "", all: "", index: "", show: "", get: "", view: "" },
  ...{ read: "", find: "", search: "", filter: "" },
  ...{ add: "create", new: "create", post: "create", insert: "create" },
  ...{ make: "create", save: "create" },
  ...{ edit: "update", patch: "update", put: "update", modify: "update" },
  ...{ change: "update", set: "update", replace: "update" },
  ...{ remove: "delete", rm: "delete", del: "delete", destroy: "delete" },
  drop: "delete",
};

/** So many letters of a verb may be wrong. */
const MOST_WRONG = 2;

/** Refuses a first word that is most likely a verb: as an id it would be asked for, and never be there. */
async function refuseVerb(
  [word = "", ...others]: readonly string[],
  resource: string,
): Promise<void> {
  // of another resource it may be an id
  const mayBeId = resource !== "posts" && others.length === 0;
  if (!/^[a-z]{2,9}$/i.test(word) || isChange(word) || mayBeId) return;
  const typed = word.toLowerCase();
  if (typed === "help") {
    throw new UsageError('Cannot read "help": expected an ID or key=value', {
      hint: "see hark posts --help",
    });
  }
  if (RESOURCES.test(typed)) {
    throw new UsageError(`Cannot read "${word}": expected an ID or key=value`, {
      hint: typed === "posts"
        ? "leave it out: posts lists by itself, all or the IDs that it is given"
        : `another resource: --resource ${typed}`,
    });
  }
  const { levenshteinDistance } = await import(
    "@std/text/levenshtein-distance"
  );
  const known = Object.hasOwn(VERBS, typed) ? VERBS[typed] : undefined;
  const meant = known ??
    Object.keys(CHANGES).find((verb) =>
      levenshteinDistance(typed, verb) <= MOST_WRONG
    );
  if (meant === undefined) return;
  throw new UsageError(
    `Cannot read "${word}": expected create, update, delete, an ID or key=value`,
    {
      hint: meant === ""
        ? `leave it out: posts lists by itself, all or the IDs that it is given`
        : `did you mean ${meant}?`,
    },
  );
}

const FIELDS =
  "fields are title=foo userId:=1; a file or stdin: hark post URL @FILE, or -";

/** Reads what is asked for: a change, ids, and `key=value`. */
function readOperands(operands: readonly string[], resource: string) {
  refuseGarbled(operands);
  const [first, ...rest] = operands;
  const change = isChange(first) ? first : undefined;
  const words = change ? rest : operands;
  if (words.some((word) => /^[[{]/.test(word))) {
    throw new UsageError("Cannot use JSON as an item", {
      hint:
        "fields are title=foo userId:=1; JSON as it is: echo '...' | hark post URL -",
    });
  }
  words.forEach((word) => refuseAddress(word, resource));
  const items = words.filter((word) => /[=:]/.test(word));
  const ids = words.filter((word) => !items.includes(word));
  for (const id of ids) {
    // a path that is "." or ".." leads elsewhere
    if (!/^(?!\.\.?$)[\p{L}\p{M}\p{N}_~.@-]+$/u.test(id)) {
      const apart = id.split(",").filter((part) => part !== "");
      throw new UsageError(`Cannot read "${id}": expected an ID or key=value`, {
        hint: apart.every((part) => /^\w+$/.test(part))
          ? `IDs have blanks between them: ${apart.join(" ")}`
          : undefined,
      });
    }
  }
  if (change !== undefined && ids.includes("-")) {
    throw new UsageError(`Cannot ${change} from stdin`, {
      hint: "to send stdin: hark post URL -",
    });
  }
  // a shell has split a text at its blanks
  const hint = ids.length > 0 && items.length > 0
    ? "a text with blanks is in quotes: 'title=my first post'"
    : undefined;
  if (change === "create" && ids.length > 0) {
    const isId = ids.length === 1 && /^\d+$/.test(words[0] ?? "");
    throw new UsageError(`Cannot create "${ids[0]}": expected key=value`, {
      hint: isId && hint
        ? `the API gives a new one its ID; to change one: hark posts update ${
          words.map(quote).join(" ")
        }`
        : hint ?? FIELDS,
    });
  }
  if ((change === "update" || change === "delete") && ids.length !== 1) {
    throw new UsageError(
      `Cannot ${change} ${ids.length} ${resource}: expected one ID`,
      { hint },
    );
  }
  if (change === "delete" && items[0] !== undefined) {
    throw new UsageError(`Cannot delete with "${items[0]}"`);
  }
  if (change === undefined && ids.length > 0 && items[0] !== undefined) {
    throw new UsageError(`Cannot filter single ${resource} by "${items[0]}"`);
  }
  if ((change === "create" || change === "update") && items.length === 0) {
    throw new UsageError(`Cannot ${change} nothing: expected key=value`, {
      hint: FIELDS,
    });
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
    // get has == for a part of the query, a field that is no text :=
    const [key = "", ...value] = item.replace(/^([^=]+?)(?:==|:=)/, "$1=")
      .split("=");
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

/** The documents of some ids, one after the other: of several, one that is refused does not stop the others. */
async function* getEach(
  ids: readonly string[],
  get: (id: string) => Promise<Document>,
  failures: Map<string, Failure>,
): AsyncGenerator<Document[]> {
  for (const id of ids) {
    try {
      yield [await get(id)];
    } catch (error) {
      if (ids.length === 1 || !(error instanceof Failure)) throw error;
      failures.set(error.message, error);
      // an API that did not answer would not answer the next one either
      if (error.cause !== undefined) return;
    }
  }
}

/** The documents that the operands ask for, page by page, and what is to be said after them. */
async function findPages(
  { ids, items }: Operands,
  options: PostsOptions,
  sending: SendOptions,
  io: Io,
  odd: OddList,
  failures: Map<string, Failure>,
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
    const get = (id: string) => Promise.try(getEmbedded, resource, id);
    const pages = ids.length > 0
      ? getEach(ids, get, failures)
      : listEmbedded(resource, searchParams, printIgnored);
    return { pages };
  }
  if (ids.length > 0) {
    const get = (id: string) => getDocument(urlOf(options, id), sending);
    return { pages: getEach(ids, get, failures) };
  }
  const url = withFilters(urlOf(options), items);
  const pages = listDocuments(
    url,
    sending,
    printIgnored,
    (at, why) => odd.add(`${resource}[${at}]`, why),
  );
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

/** So many of the documents that cannot be listed are named. */
const MOST_ODD = 10;

/** Counts the documents that cannot be listed. */
function createOddList(resource: string) {
  const named: string[] = [];
  let count = 0;
  let hint: string | undefined;
  return {
    add(name: string, why: string) {
      // what is no object cannot be listed at all
      if (!/^expected an object/.test(why)) {
        hint = "--loose takes objects of any shape";
      }
      if (count++ < MOST_ODD) named.push(`Cannot list ${name}: ${why}`);
    },
    /** Names them on stderr. */
    async print({ stderr }: Io) {
      for (const line of named) {
        const text = line.replace(/[\r\n]+/g, " ");
        await printSafe(stderr, `posts: ${text}\n`);
      }
    },
    /** Names them, and throws where there are any: what is left out is a failure. */
    async finish(total: number, io: Io) {
      const [only] = named;
      if (only === undefined) return;
      if (count === 1) throw new Failure(only, { hint });
      await this.print(io);
      const rest = count - named.length;
      const more = rest > 0 ? `: ${rest} more than are named` : "";
      throw new Failure(
        `Cannot list ${count} of ${total + count} ${resource}${more}`,
        { hint },
      );
    },
  };
}

type OddList = ReturnType<typeof createOddList>;

/** Of fields without a column so many are named. */
const MOST_LATE = 10;

/** Refuses to end well where documents had fields that are in no column. */
function refuseLate(late: readonly string[], resource: string): void {
  if (late.length === 0) return;
  const names = late.slice(0, MOST_LATE).map((name) => `"${name}"`).join(", ");
  const rest = late.length > MOST_LATE ? ", and others" : "";
  throw new Failure(
    `Cannot list all fields of ${resource}: ${names}${rest} came after the columns were printed`,
    { hint: "--fields A,B names the columns; --ndjson prints all there is" },
  );
}

/** Prints documents as they come. Unless they may have any shape, posts that lack what is printed are left out: odd. Gives how many were printed. */
async function printPages(
  pages: AsyncIterable<Document[]>,
  { limit = Infinity, fields, loose, resource, ...options }: PostsOptions,
  { stdout }: Io,
  odd: OddList,
): Promise<{ count: number; late: readonly string[] }> {
  const format: Format = FORMATS.find((name) => options[name]) ?? "text";
  const needed = fields ?? (format === "text" ? ["title", "body"] : undefined);
  // the check is loaded while the first page is on its way
  const loading = loose ? undefined : import("./check.ts");
  const columns = stdout.isTerminal ? stdout.columns : undefined;
  const listing = await createListing(format, { fields, columns, resource });
  let [count, seen] = [0, 0];
  const findOdd = async () => {
    const check = resource === "posts" ? await loading : undefined;
    const whyOdd = check?.createShapeCheck(needed);
    return (document: Document, at: number) => {
      const why = whyOdd?.(document);
      if (check && why) odd.add(check.nameOfPost(document, at), why);
      return why === undefined;
    };
  };
  let isFine: Awaited<ReturnType<typeof findOdd>> | undefined;
  for await (const page of pages) {
    const all = page.slice(0, limit - seen);
    if (seen === 0) {
      await (await loading)?.checkFields(resource, fields ?? [], all);
    }
    const fine = isFine ??= await findOdd();
    const first = seen;
    const documents = all.filter((document, at) => fine(document, first + at));
    for (let at = 0; at < documents.length; at += BATCH) {
      const batch = documents.slice(at, at + BATCH).map(listing.add);
      await printSafe(stdout, batch.join(""));
    }
    count += documents.length;
    seen += all.length;
    if (seen >= limit) break;
  }
  await printSafe(stdout, listing.end());
  return { count, late: listing.late?.() ?? [] };
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
  const { buildRequest, inputOf } = await import("../get/request.ts");
  const request = await buildRequest({
    method: CHANGES[change],
    url: urlOf(options, ...ids),
    items: [],
    fields: items.map((item) => parseItem(item)),
  }, io);
  const what = `${request.method} ${request.url}`;
  const looking = change === "delete" ? undefined : inputOf(io.stdin);
  const text = await fetchText(request, what, sending);
  await printSafe(io.stdout, text.replace(/\n?$/, "\n"));
  if (await looking === "file") {
    await print(io.stderr, "stdin is not sent: a request has one body\n");
  }
}

/** How the certificate of an API is looked at; says where anyone can pose as it. */
async function readTrust(
  { insecure, ca, url }: PostsOptions,
  { stderr }: Io,
): Promise<Pick<SendOptions, "network">> {
  if (insecure && url.protocol === "https:") {
    const who = `anyone can pose as ${url.host}`;
    await printSafe(stderr, `Warning: with --insecure ${who}\n`);
  }
  if (ca === undefined) return insecure ? { network: { insecure } } : {};
  const { findTrust } = await import("../../lib/net/tls/trust.ts");
  return { network: { insecure, ...await findTrust({ ca }) } };
}

/** Opens the session that the options name, with who was kept in it for the API. */
async function openSession(options: PostsOptions) {
  if ((options.session ?? options.sessionReadOnly) === undefined) return {};
  const { openSession, withLogin } = await import("../get/auth/session.ts");
  const session = await openSession(options.url, options);
  return { session, cookies: withLogin(session, options.url) };
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
  [
    ExitCode.Certificate,
    "trust its issuer with --ca FILE, or skip the check for this call: -k",
  ],
]);

/** What would answer where a port of this machine refuses; undefined where HTTP's hint does not say so. */
function hintToServe(hint = ""): string | undefined {
  const [, at] = hint.match(/start it with: (?:.*: )?hark \w+( .*)$/) ?? [];
  return at &&
    `nothing listens there; start it with: hark api${at}; or --offline lists the embedded posts`;
}

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
  const { denialOf, describe, exitCodeOf } = await import(
    "../../lib/cli/reasons.ts"
  );
  if (denialOf(error) !== undefined) return error;
  const code = exitCodeOf(error);
  const hint = error.hint?.includes("--max-size")
    ? "ask for less of it: key=value"
    : error.message.includes(": the API answered 404")
    ? hintOnBase(options)
    : code === ExitCode.Unreachable
    ? hintToServe(error.hint) ?? OWN_API
    : error.hint === undefined && options.url.protocol === "http:" &&
        /: the answer is not HTTP \(/.test(describe(error))
    ? `to talk to it without HTTP: hark client ${
      formatAddress(addressOfUrl(options.url))
    }`
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
 * @returns 0, or of several ids the highest exit code.
 * @throws {UsageError} When the operands do not fit together.
 * @throws {Failure} When the API does not answer as it should.
 */
async function runPosts(
  { options, operands: words }: CommandLine<typeof POSTS_OPTIONS>,
  io: Io,
  report: (error: unknown) => Promise<ExitCode>,
): Promise<ExitCode> {
  await refuseVerb(words, options.resource);
  const operands = readOperands(words, options.resource);
  // a host without a scheme is asked over https
  const { protocol } = options.url;
  if (protocol === "https:") await refuseNearLocalhost(options.url);
  const { change } = operands;
  const { session, cookies } = await openSession(options);
  const ms = options.timeout * 1000;
  const sending = {
    signal: io.signal,
    timeouts: { head: ms, idle: ms },
    maxSize: MAX_PAGE,
    ...await readTrust(options, io),
    cookies,
  };
  const run = async () => {
    let worst: ExitCode = ExitCode.Ok;
    if (change) await changeOne(change, operands, options, sending, io);
    else {
      const { resource } = options;
      const odd = createOddList(resource);
      const failures = new Map<string, Failure>();
      const { pages, finish } = await findPages(
        ...[operands, options, sending, io, odd, failures] as const,
      );
      const printing = printPages(pages, options, io, odd);
      const { count, late } = await printing.catch(async (error) => {
        await odd.print(io);
        throw error;
      });
      for (const error of failures.values()) {
        const code = await report(await withHint(error, options));
        if (code > worst) worst = code;
      }
      await finish?.();
      await odd.finish(count, io);
      refuseLate(late, resource);
      if (count === 0 && failures.size === 0) {
        const is = operands.items.length > 0 ? " match" : "";
        await printSafe(io.stderr, `posts: no ${resource}${is}\n`);
      }
    }
    return worst;
  };
  try {
    return await (session ? session.finish(run()) : run());
  } catch (error) {
    throw await withHint(error, options);
  }
}
