/**
 * The command `api`: a store, a handler over it, a port, and lines on what happens.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import {
  escapeControls,
  type Io,
  type Permissions,
  printSafe,
} from "../../lib/cli/io.ts";
import { nearest } from "../../lib/cli/nearest.ts";
import type { CommandLine, OptionTable } from "../../lib/cli/options.ts";
import {
  absolutePath,
  parseOrigin,
  parseSeconds,
  parseSize,
  quote,
} from "../../lib/cli/values.ts";
import {
  endsOf,
  parseHost,
  parsePort,
  permissionsFor,
} from "../../lib/net/address.ts";
import { parseDelay } from "./fault.ts";
import { createHandler, type Route } from "./handler.ts";
import type { Middleware } from "./middleware/middleware.ts";
import { createLogWriter } from "../server/log/log_writer.ts";
import { formatEntry } from "./events.ts";
import { parseHostName } from "./middleware/access.ts";
import { serveHttp } from "./serve.ts";
import {
  type Naming,
  parseFieldName,
  rename,
  usualNaming,
} from "./store/naming.ts";
import { seed } from "./store/seed.ts";
import type { Imported, Notice } from "./store/import.ts";
import { openStore } from "./store/sqlite.ts";
import type { OpenedStore, Place, Resource, Seed } from "./store/store.ts";

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
 * @throws {Failure} When the database or the port cannot be had, the dump cannot be read, nobody reads the log, or the
 * database's file is not in its place at the end.
 */
export async function runApi(
  { options, operands }: ApiLine,
  io: Io,
): Promise<ExitCode> {
  const { json = false, fake = false, reset = false, watch = false } = options;
  const { file, imported } = filesOf(operands, options);
  const { id = usualNaming.id, foreignKeySuffix = usualNaming.suffix } =
    options;
  const naming = { id, suffix: foreignKeySuffix };
  const streams = new AbortController();
  const report = async (what: string, error: unknown) => {
    const { describe } = await import("../../lib/cli/reasons.ts");
    const { isTerminal, writeLater: write } = io.stderr;
    const isTraced = "debug" in options && options.debug === true;
    const text = `api: ${what}${describe(error).replace(/\s*\n\s*/g, " ")}\n` +
      (isTraced ? `${Deno.inspect(error)}\n` : "");
    await printSafe({ isTerminal, write }, text);
  };
  const own = [file, ...imported && !imported.isUrl ? [imported.from] : []];
  const middleware = await chainOf(
    { ...options, own, signal: streams.signal },
    (file, error) => report(`Cannot answer with "${file}": `, error),
  );
  const imports = imported && await import("./store/import.ts");
  const { signal } = io;
  const stopped = Promise.withResolvers<void>();
  // it may be rejected before anybody waits for it
  stopped.promise.catch(() => {});
  await using lines = createLogWriter(io.stdout, {
    json,
    onError: stopped.reject,
  });
  const printEvent = (event: Notice["event"], text: string) =>
    lines.add(json ? `${JSON.stringify(event)}\n` : `${text}\n`);
  const printNotice = ({ event, text }: Notice) => printEvent(event, text);
  let url = "";
  const onPlace = async (place: Place, isLost: boolean) => {
    const notice = await describePlace({ place, isLost, file, url });
    // at the end it is an error
    if (!streams.signal.aborted) printNotice(notice);
  };
  const opening = { fake, naming, onPlace };
  const first = seedOf(naming);
  const opened = imports &&
    await imports.openImported(imported, {
      ...opening,
      seed: first,
      replaces: reset,
      signal,
    });
  using store = opened?.store ?? openStore(file, first, opening);
  if (reset && !opened) {
    refuseLoss(store, file, Object.keys(first));
    await store.import(first, undefined, true);
  }
  io.drain();
  const loads = new EventTarget();
  const handler = createHandler(store, {
    ...options,
    fake,
    routes,
    middleware,
    loads,
    signal: streams.signal,
    onResponse: (entry) => lines.add(formatEntry(entry, json)),
  });
  io.signal.addEventListener("abort", () => stopped.resolve());
  await using server = await serveHttp(handler, options, {
    onError: (error) => report("Cannot answer a request: ", error),
    onLost: (error) => report("Cannot accept more clients for now: ", error),
  });
  if (opened) printNotice(opened.notice);
  for (const address of server.addresses) {
    const at = `http://${address}/`;
    url ||= at;
    printEvent({ event: "listening", url: at }, `Listening on ${at}`);
  }
  // after the addresses, since to count takes a while
  printNotice(describeDatabase(store, file, reset, opened !== undefined));
  if (opened && !json) lines.add(formatResources(store.resources()));
  await using _following = watch && imports
    ? imports.follow(store, imported, opened?.hash, {
      onLoad(notice) {
        loads.dispatchEvent(new Event("load"));
        printNotice(notice);
      },
      onError: (error) => report("", error),
    })
    : undefined;
  await Promise.race([server.finished, stopped.promise]);
  streams.abort();
  await server.shutdown(options.grace * 1000);
  const place = store.place();
  if (place !== "here") {
    const { why, where } = PLACES[place];
    throw new Failure(
      `Cannot keep what was written in "${absolutePath(file)}": ${why}`,
      { hint: where },
    );
  }
  return ExitCode.Ok;
}

/** The sample data take the place of nothing but what began with them. */
function refuseLoss(
  store: OpenedStore,
  file: string,
  sample: readonly string[],
): void {
  const { name: from } = store.source() ?? {};
  const own = store.resources().find(({ name }) => !sample.includes(name));
  if (from === undefined && own === undefined) return;
  const isBeside = from !== undefined && !/[\\/]/.test(from);
  const path = isBeside ? file.replace(/[^\\/]*$/, () => from) : from;
  const again = path === undefined
    ? ""
    : `to import that again: --reset --from ${quote(path)}; `;
  throw new Failure(
    `Cannot reset "${absolutePath(file)}" to the sample data: it holds ` +
      (from === undefined ? `"${own?.name}"` : `what came from ${from}`),
    { hint: `${again}for the sample data name another file` },
  );
}

/** Tells which database is served, whether it was there, what it holds and where that came from. */
function describeDatabase(
  store: OpenedStore,
  file: string,
  isReset: boolean,
  isImported: boolean,
): Notice {
  const [documents, resources] = [store.count(), store.resources().length];
  const { name: from = "", time: imported = "" } = store.source() ?? {};
  const state = file === ":memory:"
    ? "memory"
    : store.isNew
    ? "made"
    : isReset
    ? "reset"
    : "found";
  // without the annotation it fails the check of a script whose folder has other compiler options
  const known: Notice["event"] = from === "" ? {} : { from, imported };
  const sample = !isImported && state !== "found" ? "sample " : "";
  const when = new Date(imported).toLocaleString("sv");
  const origin = from === "" || isImported
    ? ""
    : `; imported from ${from} on ${when}`;
  return {
    event: { event: "database", file, state, documents, resources, ...known },
    text: `${STATES[state]} ${file}: ${documents} ${sample}${
      documents === 1 ? "document" : "documents"
    } in ${resources} ${resources === 1 ? "resource" : "resources"}${origin}`
      .replace(" :memory:", ""),
  };
}

const STATES = {
  memory: "Kept nowhere",
  reset: "Reset",
  made: "Made",
  found: "Found",
};

/** Tells that a database's file left its place, or is back. */
async function describePlace(
  { place, isLost, file, url }: {
    readonly place: Place;
    readonly isLost: boolean;
    readonly file: string;
    readonly url: string;
  },
): Promise<Notice> {
  const state = isLost ? "lost" : place;
  const event = { event: "database", file, state };
  if (place === "here") {
    return { event, text: `${file} is back in its place: writes go on` };
  }
  if (isLost) {
    const { why } = PLACES[place];
    const text =
      `${file}: ${why}; what it held cannot be read any more: start the api anew`;
    return { event, text };
  }
  const { startOf } = await import("../../lib/cli/start.ts");
  // who listens on all addresses is asked at one
  const { protocol, host } = new URL(
    url.replace(/\/\/(0\.0\.0\.0|\[::\]):/, "//localhost:"),
  );
  const isTask = startOf("get", [])[1] === "task";
  const start = startOf("get", isTask ? [] : [`--allow-net=${host}`]);
  // not db.json: that may be what was imported
  const save = `${
    start.map(quote).join(" ")
  } ${protocol}//${host}/db > saved.json`;
  return {
    event,
    text: `${file}: ${
      PLACES[place].why
    }; writes are refused until it is back; to save what it held: ${save}`,
  };
}

/** Why a file is not in its place, and where its data is then. */
const PLACES = {
  gone: {
    why: "it was moved or removed",
    where:
      "if the file was moved, your data are in it, in its new place; if it was removed, they are lost",
  },
  other: {
    why: "it was replaced or emptied",
    where:
      "if the file before it was moved elsewhere, your data are in that; else they are lost",
  },
};

/** What requests go through first: loaded where it is asked for. */
async function chainOf(
  options: ApiLine["options"] & {
    readonly own: readonly string[];
    readonly signal: AbortSignal;
  },
  onError: (file: string, error: unknown) => void,
): Promise<Middleware[]> {
  const { delay, with: modules, static: folders, routes } = options;
  const isAsked = modules.length > 0 || folders.length > 0 ||
    [delay, routes].some((each) => each !== undefined);
  if (!isAsked) return [];
  const { loadChain } = await import("./middleware/chain.ts");
  return await loadChain({ ...options, onError });
}

/** Names what is served, as far as it has room in a line or two. */
function formatResources(resources: readonly Resource[]): string {
  const paths = resources.map(({ name }) => `/${name}`);
  const more = paths.length - MAX_NAMED;
  const others = more > 0 ? ` and ${more} more` : "";
  const named = paths.slice(0, MAX_NAMED).join(" ").replace(/\s+/g, " ");
  return `Resources: ${escapeControls(named) || "none"}${others}\n`;
}

const MAX_NAMED = 12;

/** Takes the path of a file or a folder. */
function parsePath(text: string): string {
  if (text !== "") return text;
  throw new UsageError('Cannot use "": expected the path of a file');
}

/** The options of `api`. */
export const API_OPTIONS = {
  host: {
    group: "Listen",
    short: "H",
    value: "HOST",
    parse: parseHost,
    default: "localhost",
    help: "Listen on this host",
  },
  port: {
    short: "p",
    value: "PORT",
    parse: (text: string) => parsePort(text),
    default: 3000,
    help: "Listen here; 0: any free",
  },
  memory: { group: "Data", help: "Keep nothing" },
  watch: { short: "w", help: "Follow db.json: an edit replaces all data" },
  reset: {
    conflicts: { memory: ": nothing is kept" },
    help: "Begin anew: with db.json, --from, or sample data",
  },
  from: {
    value: "URL|FILE",
    parse: parsePath,
    secret: "url",
    help: "Fill a new database with this",
  },
  with: {
    group: "Answer",
    value: "FILE",
    parse: parsePath,
    repeat: true,
    help: "Ask this module first: (request, next) => Response",
  },
  routes: {
    short: "r",
    value: "FILE",
    parse: parsePath,
    help: "Rewrite URLs by json-server's rules",
  },
  static: {
    short: "s",
    value: "DIR",
    parse: parsePath,
    repeat: true,
    help: "Serve the files of a folder too",
  },
  origin: {
    value: "URL",
    parse: parseOrigin,
    repeat: true,
    help: "Let the pages of this site ask; *: of all sites",
  },
  fake: {
    conflicts: { readOnly: ": a write is either answered or refused" },
    help: "Answer writes without doing them",
  },
  json: { help: "Print one JSON object per line" },
  readOnly: { help: "Refuse writes" },
  delay: {
    short: "d",
    value: "MS",
    parse: parseDelay,
    help: "Let each response wait, as 200 or 200-800",
  },
  id: {
    value: "NAME",
    parse: parseFieldName,
    help: "The field of ids, where it is not id",
  },
  foreignKeySuffix: {
    value: "TEXT",
    parse: parseFieldName,
    help: "What ends references: Id, as in postId",
  },
  allowHost: {
    value: "NAME",
    parse: parseHostName,
    repeat: true,
    help: "Answer for this name too; .NAME: all below it",
  },
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
} as const satisfies OptionTable;

/** What json-server calls its options, and what to do here. */
export const API_HINTS = {
  "--ro": "here it is --read-only",
  "--db --file --data": "the file is an operand: hark api FILE.db",
  "--middlewares -m": "here it is --with FILE: see docs/api_handlers.md",
  "-i": "here it is --id",
  "--foreignKeySuffix --fks -fks": "here it is --foreign-key-suffix",
  "--snapshots -S": "a snapshot: hark get :3000/db -o snapshot.json",
  "--no-cors --nc -nc":
    "pages of other origins are answered only where --origin URL names them",
  "--no-gzip --ng -ng": "not needed: only who asks for gzip gets it",
  "--quiet -q": "the log is what stdout gets: > /dev/null",
  "--config -c": "no file is read for options: give them here",
  "-v": "here it is --version",
  "--https --ssl --tls --cert --key":
    "api speaks HTTP; TLS before it: hark server relay --tls localhost:3000",
  "--explain --pick --session --digest --netrc":
    "who asks says it: hark get --explain :3000/posts/1",
} as const;

/** Our own data, its fields named as the user's. */
function seedOf(naming: Naming): Seed {
  if (naming.id === usualNaming.id && naming.suffix === usualNaming.suffix) {
    return seed;
  }
  const lists = Object.entries(seed).map(([name, make]) => {
    const renamed = () => make().map((item) => rename(item, naming));
    return [name, Object.assign(renamed, { count: make.count })] as const;
  });
  return Object.fromEntries(lists);
}

/** What the command line of `api` gives. */
type ApiLine = CommandLine<typeof API_OPTIONS>;

/** A json-server's URL, or that of another api: `http://...`, `:3000`, `localhost:3000`. */
const URL_START = /^(https?:\/\/|:\d|[\w.-]+:\d+(\/|$))/i;

/** What is typed for a file by who means something else. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["help", "for help: --help"],
  ["version", "for the version: --version"],
  [":memory:", "to keep nothing: --memory"],
  ...["start", "serve", "server", "run", "dev"].map((word) =>
    [word, "api serves by itself"] as const
  ),
]);

/** What is imported into a database beside it: JSON, or a module that gives the data. */
const DATA_FILE = /\.(json|[cm]?[jt]s)$/i;

/** How the name of a database ends that is to be made. */
const DATABASE = /\.(db|sqlite3?)$/i;

/** Refuses what is most likely mistyped: the name of no file, and none for a new database. */
function refuseUnlikely(operand: string): void {
  // nobody is asked for permission to look
  const isGranted = (path: string) =>
    Deno.permissions.querySync({ name: "read", path }).state === "granted";
  const isSeen = isGranted(operand);
  if (isSeen ? isThere(operand) : /[\\/]/.test(operand)) return;
  const [, folder = "", name = ""] = operand.match(/^(.*[\\/])?(.*)$/s) ?? [];
  const files = isGranted(folder || ".") ? namesIn(folder || ".") : [];
  const near = nearest(
    name,
    files.filter((each) => DATA_FILE.test(each) || DATABASE.test(each)),
  );
  const own = isSeen
    ? ""
    : `; for a file of this name: ${quote(`./${operand}`)}`;
  throw new UsageError(
    `Cannot serve "${operand}": expected db.json, data.ts or FILE.db`,
    {
      hint: near === undefined
        ? `a new database ends in .db: ${quote(`${operand}.db`)}${own}`
        : `did you mean ${quote(folder + near)}?`,
    },
  );
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch {
    return [];
  }
}

/**
 * Gives the path of the database, or `:memory:`, and what fills a new one: a db.json, or a module that gives its
 * data, is imported into a database beside it.
 *
 * @throws {UsageError} When there are two files, or two dumps, or a database for what is kept nowhere, or nothing to
 * follow.
 */
function filesOf(
  operands: readonly string[],
  { memory = false, watch = false, from }: Partial<
    Pick<ApiLine["options"], "memory" | "watch" | "from">
  >,
): { readonly file: string; readonly imported: Imported | undefined } {
  const [operand = "hark.db"] = operands;
  parsePath(operand);
  if (operands.length > 1) {
    throw new UsageError(`Cannot serve ${operands.length} files: expected one`);
  }
  const meant = /^\d+$/.test(operand)
    ? `--port ${operand}`
    : WORDS.get(operand);
  if (meant !== undefined) {
    throw new UsageError(
      `Cannot serve "${operand}": expected db.json, data.ts or FILE.db`,
      { hint: `${meant}; for a file of this name: ./${operand}` },
    );
  }
  if (URL_START.test(operand)) {
    throw new UsageError(`Cannot serve "${operand}": it is a URL`, {
      hint: `a copy of what it answers: --from ${quote(operand)}`,
    });
  }
  const isJson = DATA_FILE.test(operand);
  if (isJson && from !== undefined) {
    throw new UsageError(
      `Cannot use --from with "${operand}": that is imported itself`,
      { hint: `to fill another database: FILE.db --from ${quote(from)}` },
    );
  }
  if (watch && !isJson) {
    throw new UsageError("Cannot use --watch without a db.json to follow", {
      hint: "name it: hark api --watch db.json",
    });
  }
  const isUrl = !isJson && from !== undefined && URL_START.test(from);
  for (const each of isUrl ? [operand] : [operand, from ?? ""]) {
    const [, end] = each.match(/\.(json5|jsonc)$/i) ?? [];
    if (end === undefined) continue;
    const module = quote(each.replace(/\.\w+$/, ".js"));
    throw new UsageError(
      `Cannot load "${each}": ${end.toUpperCase()} is not read`,
      {
        hint:
          `with "export default" before all of it, it is a module: hark api ${module}`,
      },
    );
  }
  if (memory && operands.length > 0 && !isJson) {
    throw new UsageError(`Cannot use "${operand}" with --memory`, {
      hint: "--memory keeps nothing; to fill it from a db.json: --from FILE",
    });
  }
  if (!isJson && !DATABASE.test(operand)) refuseUnlikely(operand);
  const file = memory ? ":memory:" : operand.replace(DATA_FILE, ".db");
  const source = isJson ? operand : from;
  return {
    file,
    imported: source === undefined ? undefined : {
      file,
      from: source,
      isUrl,
      isKept: isJson,
    },
  };
}

/** Tells what `api` needs to be allowed. */
export async function apiPermissions(
  options: ApiLine["options"],
  operands: readonly string[],
): Promise<Permissions> {
  const { file, imported } = filesOf(operands, options);
  const { host, port } = options;
  const ends = await endsOf({ host, port });
  const write = file === ":memory:" ? [] : [file];
  const read = [...write];
  if (imported?.isUrl) {
    const { parseUrl } = await import("../get/url.ts");
    const { addressOfUrl } = await import("../../lib/http/request.ts");
    ends.push(addressOfUrl(parseUrl(imported.from)));
  } else if (imported) {
    read.unshift(imported.from);
  }
  const { with: modules, static: folders, routes } = options;
  const rules = routes === undefined ? [] : [routes];
  return {
    net: permissionsFor(ends, []).net,
    read: [...read, ...modules, ...folders, ...rules],
    write,
  };
}
