/**
 * json-server's rewrite rules: `{"/api/*": "/$1", "/articles\\?id=:id": "/posts/:id"}`.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { respondOnce } from "../response.ts";
import { isDocument, parseJson } from "../store/document.ts";
import { Problem } from "../store/problem.ts";
import { derive, type Middleware } from "./middleware.ts";
import { parsePattern, type Pattern, type Span } from "./pattern.ts";

interface Rule {
  readonly pattern: Pattern;
  readonly target: string;
}

/** Rewrites a path with its query; gives it back where no rule fits. */
type Rewrite = (path: string) => string;

// What rules make of it is bounded as Deno bounds what is asked for.
const maxLength = 2 ** 16;
const VALUE = /\$(\d+)|:(\w+)/g;

/**
 * Reads rules from a file: what fits is rewritten on its way to the resources, and `GET /__rules` shows them.
 *
 * @throws {Failure} When the file cannot be read, is not JSON, or a rule is not understood.
 */
export async function readRules(file: string): Promise<Middleware> {
  const name = absolutePath(file);
  const text = await Deno.readTextFile(file).catch((cause) => {
    throw new Failure(`Cannot read the rules of "${name}"`, { cause });
  });
  try {
    return rewriteBy(parseJson(text.replace(/^\uFEFF/, "")));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure(`Cannot read the rules of "${name}": ${error.message}`);
  }
}

/**
 * Makes middleware of rules, as they stand in a file.
 *
 * @throws {SyntaxError} When they are no object of texts, or one is not understood.
 */
export function rewriteBy(rules: unknown): Middleware {
  const rewrite = parseRules(rules);
  const shown = { status: 200, text: JSON.stringify(rules, null, 2) };
  return async (request, next) => {
    const { headers, method } = request;
    const { origin, pathname, search } = new URL(request.url);
    const reads = method === "GET" || method === "HEAD";
    if (reads && pathname === "/__rules") {
      return await respondOnce(shown, headers);
    }
    const [sandbox = ""] = pathname.match(/^\/@[^/]+/) ?? [];
    const typed = (pathname.slice(sandbox.length) || "/") + search;
    const path = rewrite(typed);
    if (path === typed) return await next(request);
    const base = origin + sandbox;
    const response = await next(derive(request, { url: base + path }));
    showTyped(response.headers, { base, typed, path, rewrite });
    return response;
  };
}

/**
 * Reads rules: each is tried on what the ones before it have made, as express does.
 *
 * @throws {SyntaxError} When they are no object of texts, or one is not understood.
 */
export function parseRules(rules: unknown): Rewrite {
  if (!isDocument(rules)) {
    throw new SyntaxError('expected an object like {"/api/*": "/$1"}');
  }
  const parsed = Object.entries(rules).map(([source, target]) =>
    parseRule(source, target)
  );
  return (typed) => {
    let path = typed;
    // a query is kept until another takes its place
    let query = queryOf(path);
    for (const rule of parsed) {
      path = apply(rule, path) ?? path;
      query = queryOf(path) || query;
      if (path.length <= maxLength) continue;
      throw new Problem(414, "Cannot rewrite the URL: it becomes too long");
    }
    return path.includes("?") ? path : path + query;
  };
}

function queryOf(path: string): string {
  return path.includes("?") ? path.slice(path.indexOf("?")) : "";
}

function parseRule(source: string, target: unknown): Rule {
  const refuse = (why: string) =>
    new SyntaxError(`the rule "${source}" is not understood: ${why}`);
  if (typeof target !== "string") {
    throw refuse(`expected a path as a text, got ${JSON.stringify(target)}`);
  }
  if (!/^(\/(?!\/)|[$:])/.test(target)) {
    throw refuse(`"${target}" is no path of this api, like /posts/:id`);
  }
  if (!/^[/*(:\\]/.test(source)) throw refuse("expected a path like /api/*");
  if (/^\/@/.test(source)) throw refuse("a path of /@ is one of a sandbox");
  let pattern: Pattern;
  try {
    pattern = parsePattern(source);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : `${error}`);
  }
  for (const [value, at, name = ""] of target.matchAll(VALUE)) {
    const isThere = at === undefined
      ? pattern.names.has(name)
      : Number(at) <= pattern.count;
    if (!isThere) throw refuse(`it has no ${value} for "${target}"`);
  }
  return { pattern, target };
}

/** Applies a rule; nothing where it does not fit. */
function apply({ pattern, target }: Rule, path: string): string | undefined {
  const spans = pattern.match(path);
  if (spans === undefined) return;
  const from = path.includes("?") ? path.indexOf("?") : path.length;
  const more = new Set<string>();
  // The query that a value has taken along goes to the end, where it is one again.
  const fill = (span: Span | undefined) => {
    const [start, end] = span ?? [0, 0];
    const value = path.slice(start, end);
    const at = start > from ? value.indexOf("&") : from - start;
    if (at < 0 || at >= value.length) return value;
    more.add(value.slice(at + 1));
    return value.slice(0, at);
  };
  const filled = target.replace(
    VALUE,
    (_, at, name) => fill(spans[at ?? pattern.names.get(name)]),
  );
  const query = [...more].filter((each) => each !== "").join("&");
  const whole = filled.startsWith("/") ? filled : `/${filled}`;
  if (query === "") return whole;
  return whole + (whole.includes("?") ? "&" : "?") + query;
}

/** Gives URLs in a response the form that was typed, where that leads to the same: a client goes on as it began. */
function showTyped(
  headers: Headers,
  { base, typed, path, rewrite }: {
    readonly base: string;
    readonly typed: string;
    readonly path: string;
    readonly rewrite: Rewrite;
  },
): void {
  const show = (to: string, candidateOf: (url: URL) => string) => {
    const url = URL.parse(to, base + path);
    const isOwn = url?.href.startsWith(`${base}/`);
    if (url === null || !isOwn) return to;
    const candidate = candidateOf(url);
    if (rewrite(candidate) !== url.href.slice(base.length)) return to;
    const sandbox = new URL(base).pathname.replace(/\/$/, "");
    return (to.startsWith("/") ? sandbox : base) + candidate;
  };
  const location = headers.get("location");
  if (location !== null) {
    const [from, to] = [path, typed].map((each) =>
      each.replace(/\/?(\?.*)?$/, "")
    );
    const added = (url: URL) => to + url.href.slice((base + from).length);
    headers.set("location", show(location, added));
  }
  const link = headers.get("link");
  if (link !== null) {
    const page = /([?&]_page=)[^&]*/;
    if (!page.test(typed)) return;
    const paged = (url: URL) =>
      typed.replace(page, (_, key) => key + url.searchParams.get("_page"));
    const shown = link.replace(/<([^>]*)>/g, (_, to) => `<${show(to, paged)}>`);
    headers.set("link", shown);
  }
}
