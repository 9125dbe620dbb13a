/**
 * Modules of one's own that respond before the api does.
 *
 * @module
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { Failure, UsageError } from "../../../lib/cli/errors.ts";
import { absolutePath, quote } from "../../../lib/cli/values.ts";
import { Problem } from "../store/problem.ts";
import { derive, type Middleware } from "./middleware.ts";

/** A default export, as far as it is known. */
type Own = (
  request: Request,
  next: (request?: Request) => Promise<Response>,
) => unknown;

/**
 * Loads the module that is to respond.
 *
 * @param onError Is told why it failed; the client hears only that it did.
 * @throws {Failure} When it cannot be loaded, or its default export is no function.
 */
export async function loadHandler(
  file: string,
  onError: (error: unknown) => void,
  standalone: boolean = Deno.build.standalone,
): Promise<Middleware> {
  refuseInBinary(file, `--with ${quote(file)}`, standalone);
  const own = await loadDefault(file, { form: FORM, hint: HINT });
  const refuse = (why: string) =>
    new Failure(`Cannot load "${absolutePath(file)}": ${why}`, { hint: HINT });
  if (!isOwn(own)) {
    throw refuse(`its default export is no function ${FORM}`);
  }
  // express goes by the number of parameters, too
  if (own.length > 2) {
    const form = own.length === 3 ? "(req, res, next)" : "of express";
    throw refuse(`its function is ${form}: expected export default ${FORM}`);
  }
  return async (request, next) => {
    let failed: unknown;
    const pass = async (asked: Request = request) => {
      const passed = toPass(asked);
      try {
        return await next(passed);
      } catch (error) {
        failed = error;
        throw error;
      }
    };
    try {
      return toResponse(await own(request, pass));
    } catch (error) {
      // what the api could not do is no fault of the module
      if (error === failed) throw error;
      onError(toError(error));
      throw new Problem(500, `Cannot answer: "${file}" failed`);
    }
  };
}

/** Tells of what a module began and does not wait for: where that fails, it would end the api. */
export function reportUncaught(
  onError: (error: unknown) => void,
  signal: AbortSignal,
): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    onError(toError(event.reason));
  }, { signal });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    onError(toError(event.error));
  }, { signal });
}

/**
 * Refuses a module where none can be loaded.
 *
 * @param args What to run in a clone instead.
 */
export function refuseInBinary(
  file: string,
  args: string,
  standalone: boolean = Deno.build.standalone,
): void {
  if (!standalone) return;
  throw new UsageError(
    `Cannot load "${file}": a binary runs no module but its own`,
    { hint: `in a clone of hark: deno task api ${args}` },
  );
}

/**
 * Loads the default export of a module.
 *
 * @param version Tells one state of the file from another: a module is loaded once.
 * @param form What it is to export, and where that is explained; any value where it is not given.
 * @throws {Failure} When it cannot be loaded.
 */
export async function loadDefault(
  file: string,
  { version = "", form = "", hint }: {
    readonly version?: string;
    readonly form?: string;
    readonly hint?: string;
  } = {},
): Promise<unknown> {
  const name = absolutePath(file);
  const refuse = (cause: unknown) =>
    new Failure(`Cannot load "${name}"`, { cause });
  const { isDirectory } = await Deno.stat(file).catch((cause) => {
    throw refuse(cause);
  });
  if (isDirectory) throw refuse(new Failure("it is a directory"));
  const url = pathToFileURL(file);
  url.search = version;
  const explain = (why: string) =>
    new Failure(`Cannot load "${name}": ${why}`, { hint });
  try {
    const own: unknown = Reflect.get(await import(url.href), "default");
    if (own !== undefined) return own;
  } catch (error) {
    const [, common] = `${error}`.match(COMMON_JS) ?? [];
    if (common === undefined) throw refuse(toReason(error));
    const why = form === ""
      ? "rename the file to .cjs, or write export default"
      : `expected export default ${form}`;
    throw explain(`it uses "${common}", which is CommonJS: ${why}`);
  }
  const expected = form || "an object, or a function that gives one";
  throw explain(`it has no default export: expected ${expected}`);
}

const FORM = "(request, next) => Response";
const COMMON_JS =
  /^ReferenceError: (module|exports|require|__dirname|__filename) is not defined$/m;
const HINT = "examples: docs/api_handlers.md";

function isOwn(value: unknown): value is Own {
  return typeof value === "function";
}

/** What Deno paints places with, unless NO_COLOR is set. */
// deno-lint-ignore no-control-regex
const COLORS = /\x1b\[[\d;]*m/g;

/** Deno tells in many lines what of a module cannot be loaded, and draws the line of a mistake: its place is enough. */
export function toReason(error: unknown): unknown {
  if (!(error instanceof Error)) return toError(error);
  const message = error.message.replace(COLORS, "");
  const [text = ""] = message.split("\n");
  const [, access = "", kind = "", what = ""] =
    text.match(/^Requires ((\w+) access(?: to "([^"]+)")?)/) ?? [];
  if (/^(net|read|write)$/.test(kind)) return new Deno.errors.NotCapable(text);
  if (kind !== "") {
    const flag = `--allow-${kind}${what && `=${what}`}`;
    return new Failure(`it needs ${access}: start it with deno run ${flag}`);
  }
  const [, from = "", place = ""] =
    message.match(/ at (file:\S+?)((?::\d+)+)\s*$/) ?? [];
  const at = from === "" ? "" : ` (${fileURLToPath(from)}${place})`;
  if (/^The lockfile is out of date/.test(text)) {
    return new Failure(
      "it imports a package that deno.lock has not: start it with deno run --no-lock",
    );
  }
  const [, bare] = text.match(/^Import "([^"]+)" not a dependency/) ?? [];
  if (bare !== undefined) {
    return new Failure(
      `it imports "${bare}": of npm that is "npm:${bare}", of a file "./${bare}"${at}`,
    );
  }
  const [, missing] = text.match(/^Module not found "(file:[^"]+)"/) ?? [];
  if (missing !== undefined) {
    return new Failure(`there is no "${fileURLToPath(missing)}"${at}`);
  }
  const isLoading = error instanceof SyntaxError ||
    "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
  if (!isLoading) return error;
  const why = text.replace(/ at file:\S+$/, "").replace(/^\w*Error: |\.$/g, "");
  return new Failure(why + at);
}

function toError(value: unknown): Error {
  return value instanceof Error
    ? value
    : new Failure(`it threw ${show(value)}, no Error`);
}

// Deno lets a short body be read twice, and a long one not
const passed = new WeakSet<Request>();

function toPass(asked: unknown): Request {
  if (!(asked instanceof Request)) {
    throw new TypeError(`next was given ${show(asked)}, no Request`);
  }
  if (asked.bodyUsed || passed.has(asked)) {
    throw new TypeError(
      "next was given a Request whose body was read already: read that of request.clone()",
    );
  }
  if (asked.body !== null) passed.add(asked);
  // A module that reads what comes back would have to unzip it.
  const headers = new Headers(asked.headers);
  headers.delete("accept-encoding");
  return derive(asked, { headers });
}

function toResponse(value: unknown): Response {
  if (!(value instanceof Response) || value.type === "error") {
    throw new TypeError(`it gave ${show(value)}, no Response`);
  }
  if (value.bodyUsed) {
    throw new TypeError("it gave a Response whose body was read already");
  }
  return value;
}

function show(value: unknown): string {
  if (value instanceof Response) {
    return value.type === "error" ? "Response.error()" : "a Response";
  }
  return Deno.inspect(value, { depth: 0, compact: true }).split("\n", 1).join(
    "",
  )
    .slice(0, 60);
}
