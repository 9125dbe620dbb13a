/**
 * What is typed: URLs, whole or as the shorthands that HTTPie made common, and the operands after one.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import { UnknownOptionError } from "../../lib/cli/options.ts";
import { hideMalformed, quote, refuseLongName } from "../../lib/cli/values.ts";
import {
  formatItem,
  hasOperator,
  isField,
  isJson,
  type Item,
  meantFor,
  parseItem,
} from "./items.ts";

// without the flag i, whose first use costs 0.3 ms
const SCHEME = /^[a-zA-Z][a-zA-Z\d+.-]*:\/\//;
const METHOD = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/;
/** A port of this machine, as `:3000`; a number alone is no host, but a port, too. */
const PORT_ONLY = /^:?\d+(?=[/?#]|$)/;
const BARE_HOST = /^(?:[^\s/?#:@=[\]\\]+|\[[\da-f:.]+\])(?::\d+)?(?=[/?#]|$)/i;
const LOOPBACK =
  /^(?:(?:[^/?#:]+\.)?localhost\.?|127(?:\.\d+){1,3}|\[::1\])(?=[:/?#]|$)/i;

/** A scheme of which a sign is missing, or is another one: `http:/host`, `http//host`. */
const MISTYPED_SCHEME = /^(https?)(?!:\/\/)(?::\/?(?!\d)|[;.,]?\/\/)(?=[^/])/i;

/** A user and a password; no address of another scheme, and no item: `key:=json`. */
const USERINFO =
  /^(?!(?:mailto|sips?|xmpp|acct):)[^\s/?#:=\\]+(?::(?!=)[^\s/?#\\]*)?@/;

/**
 * The user and the password that stand before a bare host. Without a password, what looks so is more likely a field
 * with a file: it is a user only where the rest can be nothing but a host.
 */
function userinfoOf(text: string): string {
  const [info = ""] = text.match(USERINFO) ?? [];
  const rest = text.slice(info.length);
  const isLogin = /:.+@$/.test(info) || LOOPBACK.test(rest) ||
    /^[^/?#]+:\d+([/?#]|$)/.test(rest);
  return isLogin ? info : "";
}

/** A whole URL of what was typed, but for the blanks around it, which the standard drops too. */
export function completeUrl(typed: string): string | undefined {
  const text = typed.trim();
  if (SCHEME.test(text)) return text;
  if (PORT_ONLY.test(text)) {
    return `http://localhost:${text.replace(":", "")}`;
  }
  if (MISTYPED_SCHEME.test(text)) return undefined;
  const userinfo = userinfoOf(text);
  const rest = text.slice(userinfo.length);
  if (!BARE_HOST.test(rest) || text === "-") return undefined;
  return `${LOOPBACK.test(rest) ? "http" : "https"}://${text}`;
}

/** The start of what names a host, or an address. */
const HOST = String
  .raw`^(?:https?://)?(?:(?:[\w-]+\.)*localhost|(?:[\w-]+\.)+[\w-]+|\[[\da-f:.]+\])`;

/** Why a text is no URL, in the words of a hint. */
function hintFor(text: string): string | undefined {
  if (/^([^@/]*\/\/)?([^/]*\[|(?=[\da-f]*:))[\da-f:.]+%/i.test(text)) {
    return "a URL has no place for a zone: hark get --resolve NAME:PORT:ADDRESS%ZONE http://NAME:PORT/";
  }
  if (/:(?!\/\/|\d+[/?#])[^@]*[/?#][^@]*@/.test(text)) {
    return "in a password / ? and # are typed %2F %3F and %23; or --auth USER asks for it";
  }
  // right after a port what is rather a path
  const [, base, path] = text.match(
    new RegExp(`^((?:${HOST})?:\\d{1,5})([a-z_][^:=@\\s]*)$`, "i"),
  ) ??
    [];
  if (base !== undefined) return `did you mean ${quote(`${base}/${path}`)}?`;
  if (new RegExp(`${HOST}:(?!\\d+(?:[/?#\\\\]|$))|^:\\d+:`, "i").test(text)) {
    return "after the host comes a port, a number: localhost:3000";
  }
  const whole = text.startsWith("//") ? completeUrl(text.slice(2)) : undefined;
  if (whole !== undefined) return `did you mean ${quote(whole)}?`;
  if (MISTYPED_SCHEME.test(text)) {
    return `did you mean ${quote(text.replace(MISTYPED_SCHEME, "$1://"))}?`;
  }
  if (/^(https?:\/\/)?(\[[^\]]*$|([\da-f]*:){2,})/i.test(text)) {
    return "an IPv6 address is in brackets: [::1]:3000";
  }
  const [, port] = text.match(/(?:^|:)(0+|\d{5,})(?:[/?#]|$)/) ?? [];
  const isPort = port === undefined ||
    Number(port) > 0 && Number(port) < 65_536;
  if (/^:|^\d{5}/.test(text) || !isPort) {
    return "a port is 1 to 65535";
  }
  if (/^[^\\]+\\[^:=@]*$/.test(text)) {
    return `did you mean ${quote(text.replaceAll("\\", "/"))}?`;
  }
  if (/^\/\w/.test(text)) return `on this machine: ${quote(`:3000${text}`)}`;
  if (SCHEME.test(text)) return undefined;
  const hint = "headers and fields come after a URL";
  return /^[^:=]+@/.test(text)
    ? `${hint}; with a user: --auth USER URL`
    : /[:=@]/.test(text)
    ? hint
    : undefined;
}

/**
 * Reads a URL as it is typed: `:3000/x` is on this machine, a loopback host is spoken to in http, any other bare
 * host in https. Follows the WHATWG URL Standard for everything else, but refuses the control characters that it drops
 * inside.
 *
 * @throws {UsageError} When it is not a URL, or not one of http or https.
 *
 * @example The shorthands
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseUrl(":3000/posts").href, "http://localhost:3000/posts");
 * assertEquals(parseUrl("127.0.0.1:80").href, "http://127.0.0.1/");
 * assertEquals(parseUrl("example.com/a?b").href, "https://example.com/a?b");
 * ```
 */
export function parseUrl(text: string): URL {
  const full = completeUrl(text);
  // deno-lint-ignore no-control-regex
  const isClean = full !== undefined && /^[^\x00-\x1f\x7f-\x9f]*$/.test(full);
  const parsed = isClean ? URL.parse(full) : null;
  // a path, not a host; a port that nothing listens on
  const isOdd = parsed?.hostname.startsWith(".") || parsed?.port === "0";
  const url = isOdd ? null : parsed;
  if (url) refuseLongName(url.hostname);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  // a password may be in it
  const shown = /\/\/|^(?!mailto:).*:.+@/s.test(text)
    ? hideMalformed(text).replace(/^\*/, "//*")
    : text;
  if (url !== null) {
    // a letter is missing, or is another one
    const meant = /^(?!https?:)[htps]{3,6}:/i.test(shown)
      ? shown.replace(/^(\w+?)(s?):/, "http$2:")
      : undefined;
    const isWebSocket = /^wss?:$/.test(url.protocol);
    throw new UsageError(`Cannot use URL "${shown}": expected http or https`, {
      hint: isWebSocket
        ? "hark client ws://HOST:PORT/PATH"
        : meant && `did you mean ${meant}?`,
    });
  }
  throw new UsageError(
    `Cannot parse URL "${shown}": expected http://HOST:PORT/PATH, HOST/PATH or :PORT/PATH`,
    { hint: hintFor(text) },
  );
}

/** Whether an item can be sent; no header has a name that begins with a bracket. */
function isItem(text: string): boolean {
  try {
    return parseItem(text).kind !== "header";
  } catch {
    return false;
  }
}

/** JSON, or what a shell that took its quotes has left of it: no URL, and no item. */
function isDocument(text: string, at: number): boolean {
  // what is behind a comma in brackets is a word of its own then
  if (at > 0 && /^[^:=@]*[\]}]$/.test(text)) return true;
  if (!/^[[{]/.test(text) || /^\[([\da-f]*:){2}/i.test(text)) return false;
  return isJson(text) || !isItem(text) &&
      (at > 0 || completeUrl(text) === undefined || text.startsWith("{"));
}

/** A host without a port and a path, which may be the first of two words. */
const HOST_ONLY = /^(https?:\/\/)?[^:/?#@=\s]+$/i;

/** Refuses what other tools take here: a method, a second URL, an item before the URL, a body as it is. */
function refuseOthers(texts: readonly string[], command: string): void {
  const [first = "", ...others] = texts;
  const digit = texts.find((text) => /^-\d$/.test(text));
  if (digit !== undefined) throw new UnknownOptionError(digit);
  if (texts.some(isDocument)) {
    throw new UsageError("Cannot use JSON as an item", {
      hint:
        "from a file or a pipe: hark post URL @FILE, or echo '...' | hark post URL -",
    });
  }
  if (others.length > 0 && METHOD.test(first)) {
    throw new UsageError(`Cannot use "${first}" as a URL`, {
      hint: first === command.toUpperCase()
        ? `leave out ${first}`
        : first === "POST"
        ? "to post: hark post URL title=foo"
        : `the method is an option: -X ${first}`,
    });
  }
  if (first === "-") {
    throw new UsageError('Cannot use "-" as a URL', {
      hint:
        "a body is shown on stdout by itself, without -O -; - after a URL sends stdin",
    });
  }
  const [port = ""] = others;
  if (/^\d{1,5}([/?#]|$)/.test(port) && HOST_ONLY.test(first)) {
    throw new UsageError(`Cannot use the port "${port}" as an item`, {
      hint: `did you mean ${quote(`${first}:${port}`)}?`,
    });
  }
  const isUrl = (text: string) => completeUrl(text) !== undefined;
  if (!isUrl(first) && others.some(isUrl)) {
    throw new UsageError("Cannot use an item before the URL", {
      hint:
        "the URL comes first: URL Header:value name==value; a cookie is URL Cookie:name=value",
    });
  }
  const path = others.find((text) => /^\/[^:=@;]*(\?.*)?$/.test(text));
  if (path !== undefined) {
    const meant = quote(first.replace(/\/$/, "") + path);
    throw new UsageError(`Cannot use the path "${path}" as an item`, {
      hint: isUrl(first) ? `did you mean ${meant}?` : undefined,
    });
  }
  const late = others.findIndex((text) =>
    /^(https?:\/\/|:\d+([/?#]|$))/.test(text)
  );
  if (late === 0 && FILE_NAME.test(first)) {
    throw new UsageError(`Cannot use the file "${first}" as a URL`, {
      hint: "to save: -o FILE URL; to keep cookies: --session FILE URL",
    });
  }
  if (late === 0) {
    throw new UsageError("Cannot use two URLs in one call", {
      hint:
        "items come after the URL: Header:value, key=text; to save: -o FILE URL; to get several: hark get URL URL",
    });
  }
  if (late > 0) {
    throw new UsageError("Cannot use a URL after an item", {
      hint:
        "URLs come first: hark get URL URL Header:value name==value; to save: -o FILE URL",
    });
  }
}

/** What Deno makes of an argument that is not UTF-8: which bytes it had nobody can tell. */
const GARBLED = "\ufffd";

/**
 * Refuses arguments that are not UTF-8, as they would be stored with U+FFFD in the place of their letters.
 *
 * @throws {UsageError} `Cannot use "caf\ufffd": it is not UTF-8`.
 */
export function refuseGarbled(texts: readonly unknown[]): void {
  const garbled = texts.find((text) =>
    typeof text === "string" && text.includes(GARBLED)
  );
  if (garbled === undefined) return;
  throw new UsageError(`Cannot use "${garbled}": it is not UTF-8`, {
    hint: "what a file holds is sent as it is: key=@FILE, or @FILE",
  });
}

/** So many letters of `localhost` may be wrong. */
const MOST_WRONG = 2;

/** JSONPlaceholder's resources, which a newcomer takes for paths: none is a host, or an ID of a post. */
export const RESOURCES = /^(posts|comments|albums|photos|users|todos)$/;

function refuseNoHost({ host, hostname, pathname, search }: URL): void {
  const isResource = RESOURCES.test(hostname);
  // what listens on all addresses
  if (!isResource && !/^(0\.0\.0\.0|\[::\])$/.test(hostname)) return;
  const path = `${pathname}${search}`.replace(/^\/$/, "");
  const meant = isResource
    ? `:3000/${hostname}${path}`
    : `${host.replace(hostname, "localhost")}${path}`;
  throw new UsageError(`Cannot use the host "${hostname}"`, {
    hint: `did you mean ${
      quote(meant)
    }? if it is a host: its scheme before it, as in http://${host}/`,
  });
}

/**
 * Refuses a host that is most likely a mistyped `localhost`, before anybody is asked for it.
 *
 * @throws {UsageError} With what is meant as its hint.
 */
export async function refuseNearLocalhost(
  { host, hostname }: URL,
): Promise<void> {
  if (!/^[a-z\d-]{7,11}$/.test(hostname) || hostname === "localhost") return;
  const { levenshteinDistance } = await import(
    "@std/text/levenshtein-distance"
  );
  if (levenshteinDistance(hostname, "localhost") > MOST_WRONG) return;
  throw new UsageError(`Cannot use the host "${hostname}"`, {
    hint: `did you mean ${
      host.replace(hostname, "localhost")
    }? if it is a host: its scheme before it, as in http://${host}/`,
  });
}

/** What a shell has made of one item at its blanks, put together again; nothing where no word is a part of another. */
function joinSplit(words: readonly string[]): string | undefined {
  const isLoose = (word: string) =>
    !hasOperator(word) && word !== "-" && !word.startsWith("@");
  const isSign = (word = "") => /^(:=|==?|:$)/.test(word);
  const at = words.findIndex(isLoose);
  const [word = "", sign = "", value = ""] = words.slice(at);
  if (at < 0) return undefined;
  if (isSign(sign)) return word + sign + (/[:=]$/.test(sign) ? value : "");
  const before = words[at - 1];
  if (before === undefined) return undefined;
  const end = words.findIndex((word, index) => index > at && !isLoose(word));
  const rest = words.slice(at, end < 0 ? undefined : end).join(" ");
  return /[:=]$/.test(before) ? before + rest : `${before} ${rest}`;
}

async function refuseSplit(words: readonly string[]): Promise<void> {
  const joined = joinSplit(words);
  if (joined === undefined) return;
  const { redactOperand } = await import("./redact.ts");
  const [, name, value = ""] = joined.match(/^([^:=@]+):=(?!@)(.*)$/s) ?? [];
  const meant = name === undefined || isJson(value)
    ? joined
    : meantFor(name, value);
  throw new UsageError("Cannot parse an item with blanks in it", {
    hint: `did you mean ${quote(redactOperand(meant, 1))}?`,
  });
}

/** What is a host without a scheme where a URL may stand: a name with dots in it or of this machine, an address. */
const NEXT_HOST =
  /^(?:(?:[\w-]+\.)+[a-zA-Z][\w-]*|(?:\d+\.){3}\d+|(?:[\w.-]+\.)?localhost\.?|\[[\da-f:.]+\])(?=[:/?#]|$)/i;

/** What is rather the name of a file to save to than a host. */
const FILE_NAME =
  /^[\w.-]+\.(html?|json|txt|csv|xml|pdf|png|jpe?g|gif|svg|gz|tgz|tar|zip|bin|iso|out|log)$/i;

/** Whether a word after a URL is another one, and no item: a header of such a name nobody sends. */
function isNextUrl(text: string): boolean {
  return !FILE_NAME.test(text) &&
    (/^https?:\/\/|^:\d+(?=[/?#]|$)/i.test(text) ||
      NEXT_HOST.test(text) && BARE_HOST.test(text));
}

/**
 * The operands of several calls out of those of one: `get URL URL ITEM...` has a URL in each, and the items in all.
 *
 * @example Two URLs, one header
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(splitUrls([":3000/a", "b.example/c", "Accept:text/plain"]), [
 *   [":3000/a", "Accept:text/plain"],
 *   ["b.example/c", "Accept:text/plain"],
 * ]);
 * ```
 */
export function splitUrls(operands: readonly string[]): readonly string[][] {
  const [first, ...rest] = operands;
  if (first === undefined) return [[]];
  const isUrl = !METHOD.test(first) && !FILE_NAME.test(first) &&
    completeUrl(first) !== undefined;
  const at = isUrl ? rest.findIndex((text) => !isNextUrl(text)) : 0;
  const items = at === -1 ? [] : rest.slice(at);
  return [first, ...rest.slice(0, rest.length - items.length)]
    .map((url) => [url, ...items]);
}

/** The methods that store what their body says. */
export const WRITES = /^(POST|PUT|PATCH)$/;

/** Where the public JSONPlaceholder is. */
export const PUBLIC_API = "https://jsonplaceholder.typicode.com";

/** Where `get` and `post` go when they are told nothing. */
export const DEFAULT_URL = `${PUBLIC_API}/posts`;

/**
 * Reads the operands of `get` and `post`: a URL, then items; among them `-` or `@FILE`, instead of fields.
 *
 * @param command Whose they are: what only `post` takes is not named to those who get.
 * @throws {UsageError} When one of them is malformed, or there is more than one body.
 *
 * @example A header, and a body from a file
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { url, items, raw } = await parseOperands([":3000/posts", "Accept:text/plain", "@a.json"]);
 * assertEquals([url.port, items.length, raw], ["3000", 1, "@a.json"]);
 * ```
 */
export async function parseOperands(
  [text = DEFAULT_URL, ...texts]: readonly string[],
  command = "get",
): Promise<Operands> {
  refuseGarbled([text, ...texts]);
  if (text === "help") throw new UsageError('Cannot use "help" as a URL');
  // a single URL pays nothing for what others take here
  if (texts.length > 0 || /^[-[{]/.test(text)) {
    refuseOthers([text, ...texts], command);
  }
  const url = parseUrl(text);
  if (!SCHEME.test(text)) {
    refuseNoHost(url);
    await refuseNearLocalhost(url);
  }
  if (texts.length === 0) return { url, typed: text, items: [], fields: [] };
  await refuseSplit(texts);
  const isRaw = (text: string) => text === "-" || text.startsWith("@");
  const items = texts.filter((text) => !isRaw(text)).map((text) =>
    parseItem(text, command)
  );
  const fields = items.filter(isField);
  const [raw, ...others] = texts.filter(isRaw);
  if (/^@(;type=.*)?$/s.test(raw ?? "")) {
    throw new UsageError(`Cannot send body "${raw}": its file is missing`);
  }
  const [other] = [...others, ...fields.map(formatItem)];
  if (raw !== undefined && other !== undefined) {
    throw new UsageError(
      `Cannot send both "${raw}" and "${other}": a request has one body`,
    );
  }
  return {
    url,
    typed: text,
    items: items.filter((item) => !isField(item)),
    fields,
    raw: raw === "@-" ? "-" : raw,
  };
}

/** What the operands ask for. */
export interface Operands {
  readonly url: URL;
  /** The URL as it was typed. */
  readonly typed?: string;
  /** Headers and parts of the query. */
  readonly items: readonly Item[];
  /** Parts of the body. */
  readonly fields: readonly Item[];
  /** The body as it is, instead of fields: `-` for standard input, or `@FILE`. */
  readonly raw?: string | undefined;
}

/** What `get` and `post` ask for. */
export interface Asked extends Operands {
  readonly method: string;
  /** Whether a body could be meant, so that one on stdin that is not sent is worth a word. */
  readonly mayHaveBody?: boolean;
  /** Whether its login is that of another origin, so that it has none. */
  readonly isElsewhere?: boolean;
}
