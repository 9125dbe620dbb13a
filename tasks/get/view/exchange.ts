/**
 * An exchange of HTTP in sentences: what each header that matters does, where redirects lead, what ended it.
 *
 * @module
 */

import { ExitCode } from "../../../lib/cli/errors.ts";
import type { Io } from "../../../lib/cli/io.ts";
import { describe, exitCodeOf } from "../../../lib/cli/reasons.ts";
import {
  addressOfUrl,
  type Header,
  type HttpRequest,
  isTunneled,
  onceOf,
} from "../../../lib/http/request.ts";
import type {
  HttpResponse,
  Network,
  ResponseHead,
} from "../../../lib/http/transport.ts";
import { schemesOf } from "../../../lib/net/proxy.ts";
import { redactHeader, redactRequest } from "../redact.ts";
import { fromByteString } from "./charset.ts";
import { createSay, type Language, type Say } from "./explain.ts";
import { createWay, type Way } from "./way.ts";

const REQUEST =
  /^(authorization|cookie|accept|content-(type|length)|transfer-encoding|range)$/i;

/** The headers of a request that have a sentence, by what they ask. */
function explainRequest(say: Say, request: HttpRequest, network: Network) {
  const { url: { host } } = request;
  const { method, target, headers } = redactRequest(
    request,
    false,
    network.proxy,
  );
  const name = /^(GET|HEAD|OPTIONS|TRACE)$/.test(method)
    ? "safe"
    : /^(PUT|DELETE)$/.test(method)
    ? "idempotent"
    : "sent";
  say(name, { method, target, host });
  for (const [name, value] of headers) {
    const [scheme] = value.match(/^(Basic|Bearer|Digest)(?= )/i) ?? ["***"];
    const key = /^if-(none-match|modified-since)$/i.test(name)
      ? ">if-new"
      : /^if-(match|unmodified-since|range)$/i.test(name)
      ? ">if-same"
      : REQUEST.test(name) && `>${name.toLowerCase()}`;
    if (key) say(key, { name, scheme, value: fromByteString(value) });
  }
}

/** What a status means for the request that it answers. */
function explainStatus(
  say: Say,
  request: HttpRequest,
  { status }: ResponseHead,
) {
  const { method, headers, url } = request;
  const { target } = redactRequest(request);
  const values = { method, target, host: url.host, status };
  const has = (pattern: RegExp) => headers.some(([name]) => pattern.test(name));
  const name = status === 401 && has(/^authorization$/i)
    ? "401-login"
    : status === 200 && method === "GET" && has(/^range$/i)
    ? "200-range"
    : `${status}`;
  if (!say(name, values)) say(`${String(status)[0]}xx`, values);
}

/** The freshness that Cache-Control gives a response. */
function explainCache(say: Say, value: string): void {
  const [, seconds] = value.match(/(?:^|[\s,])max-age="?(\d+)/i) ?? [];
  const is = (name: string) => new RegExp(`(^|[\\s,])${name}($|[\\s,])`, "i");
  if (is("no-store").test(value)) say("no-store");
  else if (is("no-cache").test(value)) say("no-cache");
  else if (seconds !== undefined) say("max-age", { seconds });
}

/** The headers of a response that have a sentence, and how its body is to end. */
function explainHeaders(
  say: Say,
  { method, url }: HttpRequest,
  { status, headers, rawHeaders }: ResponseHead,
): void {
  const isHead = method === "HEAD" || status === 304;
  const isChunked = /chunked/i.test(headers.get("transfer-encoding") ?? "");
  for (const [name, own] of headers) {
    const value = fromByteString(
      name === "set-cookie" ? own : redactHeader([name, own])[1],
    );
    if (name === "content-type") {
      const [, charset] = value.match(/;\s*charset="?([^";\s]+)/i) ?? [];
      say(name, { value: value.replace(/\s*;.*/s, "") });
      if (charset !== undefined) say("charset", { charset });
    } else if (name === "content-length") {
      const length = onceOf(headers, name);
      if (!isChunked) say(isHead ? "length-head" : name, { value: length });
    } else if (name === "transfer-encoding") {
      if (isChunked) say(name);
    } else if (name === "set-cookie") {
      // one without a name is none
      const named = value.replace(/\s*[=;].*/s, "");
      if (named !== "") say(name, { name: named });
    } else if (name === "cache-control") explainCache(say, value);
    else if (name === "www-authenticate") {
      say(name, { schemes: schemesOf(own).join(", ") });
    } else if (name === "link") {
      const [, next] = value.match(/<([^>]*)>[^<]*;\s*rel="?next\b/i) ?? [];
      if (next !== undefined) say("next-page", { value: next });
    } else if (name === "strict-transport-security") {
      // over http it counts for nothing (RFC 6797, section 8.1)
      if (url.protocol === "https:") say(name, { value });
    } else if (RESPONSE.test(name)) say(name, { value });
  }
  // what fetch gives may be a stream of HTTP/2, which has an end of its own
  const isFramed = isChunked || headers.has("content-length") || !rawHeaders;
  if (hasBody(method, status) && !isFramed) say("until-close");
}

/** Those whose sentence needs their value alone. */
const RESPONSE =
  /^(content-(range|encoding|disposition)|location|age|etag|retry-after|allow)$/;

const hasBody = (method: string, status: number) =>
  method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;

/** What fails before a request goes out, by its code: the name, the connection, TLS. */
const BEFORE: readonly ExitCode[] = [
  ...[ExitCode.Unresolved, ExitCode.Unreachable, ExitCode.Certificate],
  ExitCode.TimedOut,
];

/** Why a redirect was not followed, by the words of lib/http/redirect.ts. */
const REFUSED: readonly (readonly [test: RegExp, name: string])[] = [
  [/more than one/, "refused-many"],
  [/not a URL|neither http/, "refused-url"],
  [/--follow=none/, "refused-none"],
  [/only once/, "refused-once"],
  [/the body to/, "refused-body"],
  [/another origin/, "refused-origin"],
  [/leaves https/, "refused-plain"],
  [/private/, "refused-private"],
];

function explainHop(say: Say, from: HttpRequest, to: HttpRequest): void {
  const { url } = redactRequest(to);
  const { method } = to;
  say(from.method === method ? "followed" : "followed-get", { method, url });
  const kept = new Set(to.headers.map(([name]) => name.toLowerCase()));
  const names = from.headers.map(([name]: Header) => name)
    .filter((name) =>
      !kept.has(name.toLowerCase()) && !/^content-/i.test(name)
    );
  if (from.url.origin === to.url.origin || names.length === 0) return;
  say("dropped", { names: names.join(", ") });
}

/** How a body has ended, or may not be read on. */
function explainEnd(say: Say, response: HttpResponse): void {
  const { request: { method }, status, headers, timings } = response;
  if (timings === undefined) return;
  const name = !hasBody(method, status)
    ? "end-none"
    : timings.body === undefined
    ? "end-unread"
    : /chunked/i.test(headers.get("transfer-encoding") ?? "")
    ? "end-chunk"
    : headers.has("content-length")
    ? "end-length"
    : "end-close";
  say(name, { method, status });
}

/** What hears an exchange, and says it while it goes on. */
export interface Explainer extends Pick<Way, "onFacts" | "onTry"> {
  /** Hears each head that goes out or has come, as `trace` of a network does. */
  readonly onHead: (head: HttpRequest | ResponseHead, version?: string) => void;
  /** Hears the text that tells of another try, if there is one. */
  readonly again: (text: string) => void;
  /** Hears the response that is not followed any more. */
  readonly answered: (response: HttpResponse) => void;
  /** Follows an exchange to its end, which a signal may be. */
  readonly follow: (
    work: () => Promise<ExitCode>,
    last: () => HttpResponse | undefined,
  ) => Promise<ExitCode>;
}

/** Makes what hears an exchange that begins with a request, and says each fact of it on stderr. */
export function createExplainer(
  language: Language,
  first: HttpRequest,
  { stderr, signal, drain }: Pick<Io, "stderr" | "signal" | "drain">,
  network: Network = {},
): Explainer {
  const say = createSay(language, stderr);
  const { proxy, unix } = network;
  const way = createWay(say, proxy);
  let request: HttpRequest | undefined;
  let response: ResponseHead | undefined;
  let trust: Pick<Network, "ca" | "pin" | "insecure"> = network;
  let isTold = false;
  let isFetch = false;
  /** What comes before the request is heard of, as from a tunnel. */
  const early: (() => void)[] = [];

  function begin(next: HttpRequest): void {
    [request, response, isTold] = [next, undefined, false];
    const { url } = next;
    // whom to trust blindly counts for the first origin alone
    if (url.origin !== first.url.origin) trust = { ca: network.ca };
    const isForwarded = proxy?.protocol === "http" && url.protocol === "http:";
    if (isFetch) return tell();
    way.begin(unix ? { path: unix } : addressOfUrl(url), isForwarded);
    for (const hear of early.splice(0)) hear();
  }

  /** Says the request, when it goes out. */
  function tell(): void {
    if (isTold || request === undefined) return;
    isTold = true;
    if (request.url.protocol === "https:") {
      if (!isFetch) way.trust(trust);
    } else if (unix === undefined) say("plain");
    explainRequest(say, request, network);
  }

  function inTurn(hear: () => void): void {
    if (request === undefined || response !== undefined) early.push(hear);
    else hear();
  }

  function onHead(head: HttpRequest | ResponseHead, version?: string): void {
    if (version === "2" && !isFetch) isFetch = say("fetch");
    if ("status" in head) {
      if (request === undefined) return;
      tell();
      for (const { status } of head.interim ?? []) say("1xx", { status });
      explainStatus(say, request, head);
      explainHeaders(say, request, head);
      response = head;
      return;
    }
    // what is tried again goes through a tunnel of its own
    if (head === request && response === undefined && !isFetch) return;
    const isHop = response && response.status >= 300 && response.status < 400;
    if (request && isHop) explainHop(say, request, head);
    begin(head);
    // a tunnel is there before its request is heard of
    if (isTunneled(head.url, proxy)) tell();
  }

  function onTry(ips: readonly string[], why?: unknown): void {
    inTurn(() => {
      way.onTry(ips, why);
      if (ips.length === 0 && request?.url.protocol === "http:") tell();
    });
  }

  /** Says what has ended an exchange, and first whether the request had gone out by then. */
  function explainFailure(error: unknown): void {
    const code = exitCodeOf(error);
    if (request === undefined) begin(first);
    const { isOpen, facts } = way.soFar();
    if (isOpen && facts.tls && code !== ExitCode.Certificate) tell();
    if (code !== ExitCode.TimedOut) way.fail(error);
    else if (!isFetch || response) {
      say(
        response
          ? "late-body"
          : !isOpen
          ? "late-connect"
          : isTold
          ? "late-head"
          : "late-tls",
      );
    }
    // with TLS 1.3 such a refusal may come after the request
    const isLate = facts.tls && /client certificate/.test(describe(error));
    const isBefore = isOpen || BEFORE.includes(code);
    if (!isTold && !isFetch && !isLate && isBefore) say("unsent");
  }

  return {
    ...{ onHead, onTry },
    onFacts: (facts) => inTurn(() => way.onFacts(facts)),
    again(text) {
      const [, seconds] = text.match(/trying again in ([\d.]+) s$/) ?? [];
      if (seconds) say("again", { seconds, method: request?.method });
    },
    answered({ refused }) {
      const [, name] = REFUSED.find(([test]) => test.test(refused ?? "")) ?? [];
      if (name) say(name);
    },
    async follow(work, last) {
      drain();
      const { promise, reject } = Promise.withResolvers<never>();
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop);
      try {
        const code = await Promise.race([work(), promise]);
        const response = last();
        if (response) explainEnd(say, response);
        return code;
      } catch (error) {
        if (!signal.aborted) {
          explainFailure(error);
          throw error;
        }
        say("end-signal");
        return signal.reason;
      } finally {
        signal.removeEventListener("abort", stop);
      }
    },
  };
}
