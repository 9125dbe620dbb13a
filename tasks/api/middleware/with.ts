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
  if (standalone) {
    throw new UsageError(
      `Cannot load "${file}": a binary runs no module but its own`,
      { hint: `in a clone of hark: deno task api --with ${quote(file)}` },
    );
  }
  const own = await load(file);
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

async function load(file: string): Promise<Own> {
  const name = absolutePath(file);
  const refuse = (cause: unknown, hint?: string) =>
    new Failure(`Cannot load "${name}"`, { cause, hint });
  const { isDirectory } = await Deno.stat(file).catch((cause) => {
    throw refuse(cause);
  });
  if (isDirectory) throw refuse(new Failure("it is a directory"));
  let module: object;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    if (COMMON_JS.test(`${error}`)) {
      throw refuse(new Failure(`it is CommonJS: expected ${EXPECTED}`), HINT);
    }
    throw refuse(toReason(error));
  }
  const own: unknown = Reflect.get(module, "default");
  if (!isOwn(own)) {
    throw refuse(new Failure(`its default export is no function ${FORM}`));
  }
  // express goes by the number of parameters, too
  if (own.length > 2) {
    const form = own.length === 3 ? "(req, res, next)" : "of express";
    throw refuse(
      new Failure(`its function is ${form}: expected ${EXPECTED}`),
      HINT,
    );
  }
  return own;
}

const FORM = "(request, next) => Response";
const EXPECTED = `export default ${FORM}`;
const HINT = "examples: docs/api_handlers.md";
const COMMON_JS =
  /^ReferenceError: (module|exports|require|__dirname|__filename) is not defined/;

function isOwn(value: unknown): value is Own {
  return typeof value === "function";
}

/** Deno tells in many lines what of a module cannot be loaded, and draws the line of a mistake: its place is enough. */
function toReason(error: unknown): unknown {
  if (!(error instanceof Error)) return toError(error);
  const [text = ""] = error.message.split("\n");
  if (/^Requires \w+ access to /.test(text)) {
    return new Deno.errors.NotCapable(text);
  }
  const [, from = "", place = ""] =
    error.message.match(/ at (file:\S+?)((?::\d+)+)\s*$/) ?? [];
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
