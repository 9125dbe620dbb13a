/**
 * What must not be shown again: credentials in headers, queries, fields and URLs.
 *
 * @module
 */

import {
  decodeName,
  isSecret,
  redactAddress,
  redactText,
  redactUrl,
} from "../../lib/cli/redact.ts";
import {
  forwardingProxy,
  sentHeaders,
  targetOf,
} from "../../lib/http/http1/request.ts";
import {
  fromLatin1,
  type Header,
  type HttpRequest,
  latin1,
} from "../../lib/http/request.ts";
import type { ResponseHead } from "../../lib/http/transport.ts";
import type { Proxy } from "../../lib/net/proxy.ts";
import { decodeText } from "./view/charset.ts";
import { formatItem, type Item, parseItem } from "./items.ts";

/**
 * Hides what is secret in an operand of `get` or `post`: in a URL, the value of an item, or what is in it. The path of
 * a file is none.
 *
 * @param at How many operands are before it: the first one is a URL.
 */
export function redactOperand(text: string, at = 1): string {
  if (at > 0 && text.startsWith("@")) return text;
  const isUrl = at === 0 || /^https?:\/\//i.test(text);
  const url = isUrl ? redactAddress(text) : text;
  if (url !== text) return url;
  try {
    const item = parseItem(text);
    const { kind, path: [name, ...steps], value } = item;
    if (/file$/i.test(kind)) return text;
    const shown = [name, ...steps].some(isSecret)
      ? kind === "json" ? '"***"' : "***"
      : kind === "header"
      ? redactHeader([name, value])[1]
      : redactBody(value);
    return shown === value ? text : formatItem({ ...item, value: shown });
  } catch {
    const [start = "", name = ""] = text.match(/^([^:=@]*)(?::=|==|[:=@])/) ??
      [];
    return isSecret(name) ? `${start}***` : redactJson(redactUrl(text));
  }
}

/** Hides the value of a header whose name sounds secret, but for its scheme, and in any other what a body would hide. */
export function redactHeader([name, value]: Header): Header {
  if (!isSecret(name)) {
    const fields = redactBody(value, redactUrl).split(",");
    return [name, fields.map(redactField).join(",")];
  }
  const [scheme = ""] = value.match(/^(?:Basic|Bearer|Digest) /i) ?? [];
  return [name, `${scheme}***`];
}

/** Hides the value of the field that a text begins with. */
function redactField(text: string): string {
  const [start = "", name = ""] = text.match(/^\s*([^=&;\s]+)=(?=[^&])/) ?? [];
  const end = text.indexOf("&");
  return isSecret(decodeName(name))
    ? `${start}***${end === -1 ? "" : text.slice(end)}`
    : text;
}

/** Where a JSON value ends that begins at a place: at its last bracket, if it has any. */
function endOfValue(text: string, start: number): number {
  const token = /"(?:[^"\\]|\\.)*"?|[^\s"[\]{},]+|[[\]{},]/g;
  token.lastIndex = start;
  let depth = 0;
  for (let found = token.exec(text); found; found = token.exec(text)) {
    const [part] = found;
    // what is no value, as in a text that is not JSON, ends before it begins
    if (depth === 0 && /^[\]},]$/.test(part)) return start;
    if (/^[[{]$/.test(part)) depth++;
    if (/^[\]}]$/.test(part)) depth--;
    if (depth === 0) return token.lastIndex;
  }
  return text.length;
}

/** The text of a JSON string, between its quotes. */
function decodeString(inner: string): string {
  try {
    return String(JSON.parse(`"${inner}"`));
  } catch {
    return inner;
  }
}

/** Hides the values of members whose names sound secret, and what is secret in other strings. */
function redactJson(text: string): string {
  // one without an end is the last: to look for it again and again would take quadratic time
  const string = /"((?:[^"\\]|\\.)*)"?(\s*:\s*)?/g;
  let redacted = "";
  let done = 0;
  for (let found = string.exec(text); found; found = string.exec(text)) {
    const [all, inner = "", colon] = found;
    const content = decodeString(inner);
    let [start, end, shown] = [string.lastIndex, 0, '"***"'];
    if (colon === undefined) {
      const hidden = redactBody(content);
      if (hidden === content) continue;
      [start, end, shown] = [start - all.length, start, JSON.stringify(hidden)];
    } else {
      if (!isSecret(content)) continue;
      end = endOfValue(text, start);
      if (end === start) continue;
    }
    redacted += text.slice(done, start) + shown;
    done = string.lastIndex = end;
  }
  return redacted + text.slice(done);
}

const NAME = /\bname="([^"]*)"/;

/** Hides what is secret in the parts of a multipart form that are no files. */
function redactParts(text: string, boundary: string): string {
  return text.split(boundary).map((part) => {
    const end = part.indexOf("\r\n\r\n") + 4;
    const head = part.slice(0, end);
    const [, name] = head.match(NAME) ?? [];
    if (name === undefined) return part;
    if (isSecret(decodeName(name))) return `${head}***\r\n`;
    return head.includes("filename=")
      ? part
      : head + redactBody(part.slice(end));
  }).join(boundary);
}

/**
 * Hides the values of a body's fields whose names sound secret, in JSON, in a form, in a multipart form, and what is
 * secret in its URLs.
 *
 * @param redact How URLs in a text that is neither are redacted.
 */
export function redactBody(text: string, redact = redactText): string {
  const [boundary] = text.match(/^--[^\r\n]+(?=\r\nContent-)/i) ?? [];
  if (boundary !== undefined) return redactParts(text, boundary);
  if (/^\s*[[{"]/.test(text)) return redactJson(text);
  const isForm = /^[^\s=&"<]+=/.test(text);
  return redactJson(isForm ? redactField(redactUrl(text)) : redact(text));
}

/** Hides the same in a multipart form that is streamed, piece by piece: its parts begin with pieces of their own. */
export function createPartRedactor(): (piece: Uint8Array) => Uint8Array {
  let boundary: string | undefined;
  let isHidden = false;
  return (piece) => {
    const text = fromLatin1(piece.subarray(0, 4096));
    boundary ??= text.match(/^--[^\r\n]+/)?.[0] ?? "";
    if (boundary !== "" && text.startsWith(boundary)) {
      const [, name = ""] = text.match(NAME) ?? [];
      isHidden = isSecret(decodeName(name));
      return piece;
    }
    return isHidden && text !== "\r\n" ? latin1("***") : piece;
  };
}

/** A request as it is printed. */
export interface PrintedRequest
  extends Pick<HttpRequest, "method" | "headers"> {
  readonly url: string;
  /** What follows the method, as it is sent: the path and the query, or for a proxy the whole URL. */
  readonly target: string;
  /** The body, where it is text in memory. */
  readonly body: string | undefined;
  /** Its bytes, where it is in memory and not text. */
  readonly bytes: Uint8Array | undefined;
  /** How many bytes the body has, where that is known. */
  readonly size: number | undefined;
}

/**
 * A request with its headers as they are sent, without secrets unless they are asked for: all that prints a request
 * prints this.
 *
 * @param proxy The one on its way, which it may be sent to.
 */
export function redactRequest(
  request: HttpRequest,
  showSecrets?: boolean,
  proxy?: Proxy,
): PrintedRequest {
  const { method, url, body } = request;
  const forward = forwardingProxy(url, proxy);
  const headers = sentHeaders(request, forward);
  // its bytes as they are, a mark too
  const text = body?.bytes && decodeText(body.bytes, "utf-8", true);
  const bytes = text === undefined ? body?.bytes : undefined;
  const path = targetOf(request);
  const target = forward === undefined ? path : url.origin + path;
  const whole = {
    method,
    url: url.origin + path + url.hash,
    target,
    headers,
    body: text,
    bytes,
    size: body?.length,
  };
  return showSecrets ? whole : {
    ...whole,
    url: redactUrl(whole.url),
    target: redactUrl(target),
    headers: headers.map(redactHeader),
    body: text && redactBody(text),
    bytes: bytes && latin1(redactBody(fromLatin1(bytes))),
  };
}

/** The names of what is hidden where a request is printed: of headers, of fields, and what else is. */
export function hiddenIn(
  request: HttpRequest,
  fields: readonly Item[],
  proxy = "",
): string[] {
  const { headers, body, url } = redactRequest(request, true);
  const hidden = redactRequest(request);
  const names = headers.filter((header) =>
    redactHeader(header)[1] !== header[1]
  ).map(([name]) =>
    request.headers.find(([typed]) => typed.toLowerCase() === name)?.[0] ?? name
  );
  const own = fields.map(formatItem)
    .filter((text) => redactOperand(text) !== text)
    .map((text) => parseItem(text).path.join("."));
  return [
    ...new Set([
      ...url === hidden.url ? [] : ["a part of the URL"],
      ...names,
      ...own.length === 0 && body !== hidden.body
        ? ["a part of the body"]
        : own,
      ...redactUrl(proxy) === proxy ? [] : ["the password of --proxy"],
    ]),
  ];
}

/** The headers of a response as they are printed: line by line where the transport saw that, else those of one name as one line. */
export function redactResponseHeaders(
  { headers, rawHeaders }: ResponseHead,
  showSecrets = false,
): readonly Header[] {
  const lines = rawHeaders ?? [...headers];
  return showSecrets ? lines : lines.map(redactHeader);
}
