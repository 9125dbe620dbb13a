/**
 * A request out of what was typed: method, URL, headers and body.
 *
 * @module
 */

import { Failure, UsageError } from "../../lib/cli/errors.ts";
import type { Io } from "../../lib/cli/io.ts";
import { absolutePath } from "../../lib/cli/values.ts";
import {
  CONTROL,
  type Header,
  type HttpRequest,
  toByteString,
  TOKEN,
  trimBlanks,
} from "../../lib/http/request.ts";
import type { Login } from "./auth/login.ts";
import type { TypedBody } from "./body/json.ts";
import type { Session } from "./auth/session.ts";
import { ESCAPES, formatItem, type Item } from "./items.ts";
import { type ExchangeOptions, parseToken } from "./options.ts";
import { type Asked, completeUrl, type Operands, WRITES } from "./url.ts";

/** The options that add to a request. */
export type RequestOptions = Partial<
  & Pick<
    ExchangeOptions,
    | ("form" | "multipart" | "pathAsIs")
    | ("auth" | "bearer" | "netrc" | "digest" | "sessionAuth")
  >
  & {
    /** Where a login may be that nothing else names. */
    readonly kept: Session | undefined;
    /** Whether there need be none, whatever is to be done with it. */
    readonly mayLack: boolean | undefined;
  }
>;

/** A request, and who makes it: with Digest that is not in its headers yet. */
export interface TypedRequest extends HttpRequest {
  readonly login?: Login | undefined;
}

/** A header or a part of the query with its value, which a file may have. */
async function readItem(item: Item): Promise<Item> {
  const { kind, path, value } = item;
  if (kind !== "headerFile" && kind !== "queryFile") return item;
  const { readValue } = await import("./body/file.ts");
  const text = await readValue(value);
  if (kind === "queryFile") return { kind: "query", path, value: text };
  if (CONTROL.test(text)) {
    throw new Failure(
      `Cannot send "${
        absolutePath(value)
      }" as a header: a control character is in it`,
    );
  }
  // an empty one is sent, as one of blanks is
  return { kind: "header", path, value: text || " " };
}

/** Refuses a header that cannot be sent; RFC 9110, section 5.5, allows no control character in a value. */
function refuseHeader({ kind, path: [name], value }: Item): void {
  parseToken("header name", name, name.includes("[") ? ESCAPES : undefined);
  if (/^(content-length|transfer-encoding)$/i.test(name)) {
    throw new UsageError(
      `Cannot send header "${name}": the body says how long it is`,
    );
  }
  if (kind === "header" && CONTROL.test(value)) {
    throw new UsageError(
      `Cannot send header "${name}": its value has a control character`,
    );
  }
}

/** Headers that HTTP knows whose names have no hyphen: those of the registry that a request may have, and keys as APIs take them. */
const KNOWN =
  /^(accept|alpn|authorization|baggage|connection|cookie2?|date|dav|depth|destination|dnt|downlink|dpop|dpr|ect|expect|expires|forwarded|from|host|if|im|link|location|man|mandatory|meter|negotiate|origin|overwrite|position|pragma|prefer|priority|protocol|proxy|range|referer|rtt|signature|slug|soapaction|te|timeout|topic|traceparent|tracestate|trailer|ttl|upgrade|urgency|via|warning|width|api_?key|\w*token|x_\w+)$/i;

/**
 * What to say of a header that no server knows, in a request that writes: a shell makes them of JSON without quotes, and
 * a colon is quickly typed for an equals sign.
 */
export function explainHeader(
  method: string,
  items: readonly Item[],
): string | undefined {
  if (!WRITES.test(method)) return undefined;
  const unknown = items.find(({ kind, path: [name] }) =>
    /^header/.test(kind) && TOKEN.test(name) && !name.includes("-") &&
    !KNOWN.test(name)
  );
  if (unknown === undefined) return undefined;
  const kind = unknown.kind === "headerFile" ? "textFile" : "text";
  const field: Item = { ...unknown, kind };
  const [typed, meant] = [unknown, field].map((item) =>
    formatItem(item).trim()
  );
  return `${typed} is a header; a field is ${meant}`;
}

function refuseUnknownHeaders(method: string, items: readonly Item[]): void {
  const hint = explainHeader(method, items);
  if (hint === undefined) return;
  throw new UsageError(`Cannot send ${method} without a body`, { hint });
}

/** What is on stdin: a pipe, of which nobody knows whether something comes, a file that is not empty, or a socket, as it is left to scripts. */
export async function inputOf(
  { isTerminal, look }: Io["stdin"],
): Promise<"file" | "socket" | undefined> {
  const found = isTerminal ? undefined : await look?.();
  if (found === undefined || found.size === 0) return undefined;
  return found.isSocket ? "socket" : "file";
}

/**
 * What to say where something is on stdin, or may be, that was meant to be sent and is not.
 *
 * @throws {UsageError} Where nothing would be sent in its place, and stored.
 */
export async function findUnsent(
  { mayHaveBody, method, raw }: Asked,
  { body }: HttpRequest,
  { stdin }: Io,
): Promise<string | undefined> {
  const isRefused = body === undefined && WRITES.test(method);
  const isMeant = raw !== "-" && (mayHaveBody || isRefused);
  if (stdin.isTerminal || !isMeant) return undefined;
  const input = await inputOf(stdin);
  if (body !== undefined) {
    return input === "file"
      ? "stdin is not sent: a request has one body\n"
      : undefined;
  }
  if (input !== "file" || !isRefused) {
    return input && "stdin is not sent: add -\n";
  }
  throw new UsageError(
    `Cannot send ${method} without a body: stdin is a pipe or a file, and is not sent`,
    {
      hint: `to send stdin, ${
        mayHaveBody ? "add -" : `type hark post -X ${method} URL -`
      }; to send no body: < /dev/null`,
    },
  );
}

/**
 * Refuses to write where all that was typed is a part of the query, a sign too many for a field, or where a person has
 * typed nothing that PUT would leave of what is there, or PATCH change.
 *
 * @throws {UsageError} `Cannot send POST without a body`.
 */
export async function refuseNoBody(
  { mayHaveBody, method, items }: Asked,
  { isTerminal }: Io["stdin"],
): Promise<void> {
  if (!mayHaveBody || !WRITES.test(method)) return;
  const part = items.find(({ kind }) => /^query/.test(kind));
  if (part === undefined) {
    if (method === "POST" || !isTerminal) return;
    throw new UsageError(`Cannot send ${method} without a body`, {
      hint:
        `a field is title=foo, a file @FILE; to send no body: hark get -X ${method} URL`,
    });
  }
  const { redactOperand } = await import("./redact.ts");
  const typed = redactOperand(formatItem(part), 1);
  throw new UsageError(`Cannot send ${method} without a body`, {
    hint: `${typed} is a part of the query; a field is ${
      typed.replace("==", "=")
    }; the query alone: hark get -X ${method} URL name==value`,
  });
}

/**
 * Reads header items: one without a value leaves its name out, one whose value is blank is sent empty.
 *
 * @param items Items; those that are no headers are skipped.
 */
function readHeaders(items: readonly Item[]) {
  const given = items.filter(({ kind }) => kind === "header")
    .map(({ path: [name], value }): Header => [name, toByteString(value)]);
  const sent = given.filter(([, value]) => value !== "");
  const namesOf = (headers: readonly Header[]) =>
    new Set(headers.map(([name]) => name.toLowerCase()));
  return {
    // RFC 9110, section 5.5: no blanks around a value
    headers: sent.map(([name, value]): Header => [name, trimBlanks(value)]),
    typed: [...namesOf(given)],
    unset: [...namesOf(given).difference(namesOf(sent))],
  };
}

/** Who logs in, and the headers that say so; Digest makes its own when the server has asked. */
async function loginOf(
  url: URL,
  io: Pick<Io, "askSecret">,
  options: RequestOptions,
): Promise<{ login?: Login; headers: readonly Header[] }> {
  const { formatAuthorization, isProven, readLogin } = await import(
    "./auth/login.ts"
  );
  const named = await readLogin(url, io, options);
  const { kept, mayLack } = options;
  const login = kept ? kept.choose(named, mayLack) : named;
  if (login === undefined) {
    if (options.digest && options.netrc === undefined && !mayLack) {
      throw new UsageError("Cannot use --digest without a login", {
        hint: "add --auth USER, or --netrc",
      });
    }
    return { headers: [] };
  }
  if (options.digest && "token" in login) {
    throw new UsageError("Cannot use --digest: the session has a token", {
      hint: "add --auth USER, or leave out --digest",
    });
  }
  const value = formatAuthorization(login);
  const isSent = !options.digest && !isProven(login);
  return { login, headers: isSent ? [["authorization", value]] : [] };
}

/** The part of the query that items make. */
function queryOf(items: readonly Item[]): string {
  const query = items.filter(({ kind }) => kind === "query")
    .map(({ path: [name], value }) => [name, value]);
  return `${new URLSearchParams(query)}`;
}

/** The URL without its user and password, and with more of a query. */
function withQuery(url: URL, query: string): URL {
  const complete = new URL(url);
  complete.username = complete.password = "";
  if (query !== "") {
    // joined as text: searchParams would rewrite the query that is there
    complete.search += (url.search === "" ? "" : "&") + query;
  }
  return complete;
}

/**
 * The path and the query of a URL as they were typed, with more of a query; what no request line can have is
 * percent-encoded.
 *
 * @throws {UsageError} When they do not begin with a slash or a question mark.
 */
function targetAsTyped(typed: string, query: string): string {
  const [, rest] = (completeUrl(typed) ?? "")
    .match(/^[^:]+:\/\/[^/?#\\]+([^#]*)/) ?? [];
  if (rest === undefined || !/^([/?]|$)/.test(rest)) {
    throw new UsageError(
      "Cannot use --path-as-is: expected a path that begins with /",
    );
  }
  const target = (rest.startsWith("/") ? rest : `/${rest}`).toWellFormed()
    .replace(/[^!-~]+/g, encodeURIComponent);
  const isJoined = query === "" || /^[^?]*\?$/.test(target);
  return target + (isJoined ? "" : target.includes("?") ? "&" : "?") + query;
}

/** The body, of fields or as it is: the type of a file is that of its name; what comes from elsewhere is taken for what fields would be. */
async function readContent(
  { fields, raw, method }: Operands & Pick<HttpRequest, "method">,
  { stdin }: Pick<Io, "stdin">,
  { form, multipart }: RequestOptions,
  live: boolean,
): Promise<TypedBody | undefined> {
  if (raw === undefined) {
    if (fields.length === 0) return undefined;
    return form || multipart
      ? (await import("./body/multipart.ts")).formatForm(fields, multipart)
      : (await import("./body/json.ts")).formatJson(fields);
  }
  if (multipart) {
    throw new UsageError(
      `Cannot send "${raw}" as a multipart form: expected fields`,
      { hint: "a file is a field of it: name@FILE" },
    );
  }
  const formType = form ? "application/x-www-form-urlencoded" : undefined;
  if (raw === "-") {
    const { bodyOfStdin } = await import("./body/stdin.ts");
    const body = await bodyOfStdin(stdin, live);
    const isEmpty = body.length === 0 && WRITES.test(method);
    const found = isEmpty && !stdin.isTerminal ? await stdin.look?.() : null;
    // what should have written to the pipe has failed
    if (found && !found.isSocket && found.size === undefined) {
      throw new Failure("Cannot send stdin: it is empty", {
        hint: "to send no body, leave out - and add < /dev/null",
      });
    }
    return { body, type: formType ?? "application/json" };
  }
  const { bodyOfFile, splitType } = await import("./body/file.ts");
  const { path, type } = splitType(raw.slice(1));
  return { body: await bodyOfFile(path), type: formType ?? type };
}

const JSON_ACCEPT = "application/json, */*;q=0.5";

/** Whether a body is JSON: what fields make says so, what is sent as it is may be said to be something else. */
function isJson(
  { raw }: Operands,
  { type }: TypedBody,
  headers: readonly Header[],
): boolean {
  const [, typed = type] =
    headers.find(([name]) =>
      raw !== undefined && /^content-type$/i.test(name)
    ) ?? [];
  return /^[^;]*[/+]json[ \t]*(;|$)/i.test(typed);
}

/** A header of a multipart form that was typed without its boundary, as curl and HTTPie complete it. */
function withBoundary([name, value]: Header, type = ""): Header {
  const [boundary = ""] = type.match(/; boundary=.*/) ?? [];
  return /^content-type$/i.test(name) && /^multipart\//i.test(value) &&
      !/boundary=/i.test(value)
    ? [name, value + boundary]
    : [name, value];
}

/** `Transfer-Encoding:chunked`: what comes in is to go out at once, without a length. */
function isChunked({ kind, path: [name], value }: Item): boolean {
  return kind === "header" && /^transfer-encoding$/i.test(name) &&
    /^\s*chunked\s*$/i.test(value);
}

const isAuthorization = ({ kind, path: [name] }: Item): boolean =>
  /^header/.test(kind) && /^authorization$/i.test(name);

/**
 * Makes a request: query items join the URL, header items replace the defaults, and fields become a JSON body, or a form.
 *
 * @param io Where a body is read from and a password is asked for.
 * @throws {UsageError} When a header, a field or the path cannot be sent, or a password is missing.
 * @throws {Failure} When a file cannot be read, or has not what it should.
 */
export async function buildRequest(
  operands: Operands & Pick<HttpRequest, "method">,
  io: Pick<Io, "stdin" | "askSecret">,
  options: RequestOptions = {},
): Promise<TypedRequest> {
  const { method, url, typed: text = url.href, raw } = operands;
  const live = raw === "-" && operands.items.some(isChunked);
  const typedItems = operands.items
    .filter((item) => !(live && isChunked(item)));
  // a header that cannot be sent is refused before any file is read
  for (const item of typedItems) {
    if (/^header/.test(item.kind)) refuseHeader(item);
  }
  if (raw === undefined && operands.fields.length === 0) {
    refuseUnknownHeaders(method, typedItems);
  }
  if (options.sessionAuth && typedItems.some(isAuthorization)) {
    throw new UsageError("Cannot keep the login of a header", {
      hint: "--auth USER, --auth @FILE or --bearer @FILE is kept",
    });
  }
  const items = await Promise.all(typedItems.map(readItem));
  const query = queryOf(items);
  const target = options.pathAsIs ? targetAsTyped(text, query) : undefined;
  const { headers, typed, unset } = readHeaders(items);
  const content = await readContent(operands, io, options, live);
  const { login, headers: own } = typed.includes("authorization")
    ? { headers: [] }
    : await loginOf(url, io, options);
  const defaults = [...own];
  if (content !== undefined && !typed.includes("content-type")) {
    defaults.push(["content-type", content.type]);
  }
  const asksForJson = content !== undefined && !typed.includes("accept") &&
    isJson(operands, content, headers);
  if (asksForJson) defaults.push(["accept", JSON_ACCEPT]);
  return {
    method,
    url: withQuery(url, query),
    ...target !== undefined && { target },
    headers: [
      ...defaults,
      ...headers.map((header) => withBoundary(header, content?.type)),
    ],
    body: content?.body,
    typed: [...login === undefined ? [] : ["authorization"], ...typed],
    unset,
    ...login && { login },
  };
}
