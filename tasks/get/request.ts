/**
 * A request out of what was typed: method, URL, headers and body.
 *
 * @module
 */

import type { Io } from "../../lib/cli/io.ts";
import type { Body, Header, HttpRequest } from "../../lib/http/request.ts";
import {
  type AuthOptions,
  formatAuthorization,
  readHeaders,
} from "./headers.ts";
import type { Item } from "./items.ts";

/** A URL and what goes with it. */
export interface Target {
  /** The URL. */
  readonly url: URL;
  /** Headers and parts of the query. */
  readonly items: readonly Item[];
  /** Parts of the body. */
  readonly fields: readonly Item[];
  /** The body as it is, instead of fields: `-` for standard input, or `@FILE`. */
  readonly raw?: string | undefined;
}

/** What options add to a request. */
export interface RequestOptions extends AuthOptions {
  /** Whether fields are a form instead of JSON. */
  readonly form?: boolean;
}

/** A body and its media type. */
interface TypedBody {
  readonly body: Body;
  readonly type: string;
}

/** The value of the Authorization header, where there is a login. */
async function authorize(
  url: URL,
  io: Pick<Io, "askSecret">,
  options: RequestOptions,
): Promise<string | undefined> {
  const { auth, bearer } = options;
  const isAsked = auth !== undefined || bearer !== undefined;
  if (!isAsked && url.username + url.password === "") return undefined;
  return await formatAuthorization(url, io, options);
}

/** The URL without its user and password, and with the query of items. */
function completeUrl(url: URL, items: readonly Item[]): URL {
  const query = items.filter(({ kind }) => kind === "query")
    .map(({ path: [name], value }) => [name, value]);
  const complete = new URL(url);
  complete.username = complete.password = "";
  if (query.length > 0) {
    // joined as text: searchParams would rewrite the query that is there
    complete.search += (url.search === "" ? "" : "&") +
      new URLSearchParams(query);
  }
  return complete;
}

async function formatForm(fields: readonly Item[]): Promise<TypedBody> {
  return (await import("./body/multipart.ts")).formatForm(fields);
}

async function formatJson(fields: readonly Item[]): Promise<TypedBody> {
  const { formatJsonBody, jsonOf } = await import("./body/json.ts");
  const { bodyOf } = await import("../../lib/http/request_body.ts");
  const json = formatJsonBody(
    await Promise.all(
      fields.map(async (item) => ({
        path: item.path,
        json: await jsonOf(item),
      })),
    ),
  );
  return {
    body: bodyOf(new TextEncoder().encode(json)),
    type: "application/json",
  };
}

/** A body as it is: its type is that of the file's name; what comes from elsewhere is taken for what fields would be. */
async function readRaw(
  raw: string,
  io: Pick<Io, "stdin">,
  { form, live }: { form?: boolean; live: boolean },
): Promise<TypedBody> {
  const formType = form ? "application/x-www-form-urlencoded" : undefined;
  if (raw === "-") {
    const { bodyOfSource } = await import("../../lib/http/request_body.ts");
    return {
      body: await bodyOfSource(io.stdin, { live }),
      type: formType ?? "application/json",
    };
  }
  const { bodyOfFile, splitType } = await import("./body/file.ts");
  const { path, type } = splitType(raw.slice(1));
  return { body: await bodyOfFile(path), type: formType ?? type };
}

/** `Transfer-Encoding:chunked`: what comes in is to go out at once, without a length. */
function isChunked({ kind, path: [name], value }: Item): boolean {
  return kind === "header" && /^transfer-encoding$/i.test(name) &&
    /^\s*chunked\s*$/i.test(value);
}

/**
 * Makes a request: query items join the URL, header items replace the defaults, and fields become a JSON body, or a form.
 *
 * @param target What is asked for, and how.
 * @param io Where a body is read from and a password is asked for.
 * @param options What options add.
 * @throws {UsageError} When a header or a field cannot be sent, or a password is missing.
 * @throws {Failure} When a file cannot be read, or has not what it should.
 */
export async function buildRequest(
  target: Target & Pick<HttpRequest, "method">,
  io: Pick<Io, "stdin" | "askSecret">,
  options: RequestOptions = {},
): Promise<HttpRequest> {
  const { method, url, fields, raw } = target;
  const live = raw === "-" && target.items.some(isChunked);
  const items = target.items.filter((item) => !(live && isChunked(item)));
  const { headers, typed, unset } = readHeaders(items);
  const content = raw !== undefined
    ? await readRaw(raw, io, { ...options, live })
    : fields.length === 0
    ? undefined
    : await (options.form ? formatForm : formatJson)(fields);
  const authorization = typed.includes("authorization")
    ? undefined
    : await authorize(url, io, options);
  const defaults: Header[] = [
    ...authorization === undefined
      ? []
      : [["authorization", authorization] as const],
    ...content === undefined ? [] : [["content-type", content.type] as const],
  ];
  return {
    method,
    url: completeUrl(url, items),
    headers: [
      ...defaults.filter(([name]) => !typed.includes(name)),
      ...headers,
    ],
    body: content?.body,
    typed: [...authorization === undefined ? [] : ["authorization"], ...typed],
    unset,
  };
}
