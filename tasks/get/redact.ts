/**
 * What must not be shown again: credentials in headers, queries, fields and URLs.
 *
 * @module
 */

import { sentHeaders, targetOf } from "../../lib/http/http1/request.ts";
import { hideSecret, redactUrl, SECRET } from "../../lib/http/redact.ts";
import type { Header, HttpRequest } from "../../lib/http/request.ts";
import type { ResponseHead } from "../../lib/http/transport.ts";
import { decodeText } from "./charset.ts";
import { formatItem, isFile, type Item, parseItem } from "./items.ts";

/** Hides what is secret in an operand of `get` or `post`: the value of an item, or parts of a URL. */
export function redactOperand(text: string): string {
  let item: Item;
  try {
    item = parseItem(text);
  } catch {
    return redactUrl(text);
  }
  const value = item.kind === "json" ? '"***"' : "***";
  return item.path.some((step) => SECRET.test(step)) && !isFile(item)
    ? formatItem({ ...item, value })
    // a URL may have a user and a password without a scheme
    : redactUrl(text).replace(/^([^\s/?#:=@]+:)(?!=)[^\s/?#]+@/, "$1***@");
}

/** Hides the value of a header whose name sounds secret, but for its scheme, and secrets in the URLs of any other. */
export function redactHeader([name, value]: Header): Header {
  if (!SECRET.test(name)) return [name, redactUrl(value)];
  const [scheme = ""] = value.match(/^(?:Basic|Bearer|Digest) /i) ?? [];
  return [name, `${scheme}***`];
}

/** Where a JSON value ends that begins at a place: at its last bracket, if it has any. */
function endOfValue(text: string, start: number): number {
  const token = /"(?:[^"\\]|\\.)*"|[^\s"[\]{},]+|[[\]{},]/g;
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

function redactJson(text: string): string {
  const string = /"((?:[^"\\]|\\.)*)"(\s*:\s*)?/g;
  let redacted = "";
  let done = 0;
  for (let found = string.exec(text); found; found = string.exec(text)) {
    const [, name = "", colon] = found;
    if (colon === undefined || !SECRET.test(name)) continue;
    const start = string.lastIndex;
    const end = endOfValue(text, start);
    if (end === start) continue;
    redacted += `${text.slice(done, start)}"***"`;
    done = string.lastIndex = end;
  }
  return redacted + text.slice(done);
}

const FORM_FIELD = /((?:^|&)([^=&\s]*)=)[^&\s]+/g;
const PART =
  /(\bname="([^"]*)"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)[^]*?(?=\r\n--)/g;

/** Hides the values of a body's fields whose names sound secret: in JSON, in a form, in a multipart form. */
export function redactBody(text: string): string {
  return redactJson(text).replace(FORM_FIELD, hideSecret)
    .replace(PART, hideSecret);
}

/** A request as it is printed. */
export interface PrintedRequest
  extends Pick<HttpRequest, "method" | "headers"> {
  readonly url: string;
  /** What follows the method: the path and the query, as they are sent. */
  readonly target: string;
  /** The body, where it is text in memory. */
  readonly body: string | undefined;
  /** How many bytes the body has, where that is known. */
  readonly size: number | undefined;
}

/** A request with its headers as they are sent, without secrets unless they are asked for: all that prints a request prints this. */
export function redactRequest(
  request: HttpRequest,
  showSecrets = false,
): PrintedRequest {
  const { method, url, body } = request;
  const headers = sentHeaders(request);
  // its bytes as they are, a mark too
  const text = body?.bytes && decodeText(body.bytes, "utf-8", true);
  const target = targetOf(request);
  const whole = {
    method,
    url: url.origin + target + url.hash,
    target,
    headers,
    body: text,
    size: body?.length,
  };
  return showSecrets ? whole : {
    ...whole,
    url: redactUrl(whole.url),
    target: redactUrl(target),
    headers: headers.map(redactHeader),
    body: text && redactBody(text),
  };
}

/** The headers of a response as they are printed: line by line where the transport saw that, else those of one name as one line. */
export function redactResponseHeaders(
  { headers, rawHeaders }: ResponseHead,
  showSecrets = false,
): readonly Header[] {
  const lines = rawHeaders ?? [...headers];
  return showSecrets ? lines : lines.map(redactHeader);
}
