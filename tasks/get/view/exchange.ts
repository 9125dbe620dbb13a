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
import { createSay, findSentence, type Language, type Say } from "./explain.ts";
import { createWay, type Way } from "./way.ts";

/** Methods by what repeating them does, as registered; each of the others may have an effect of its own. */
const SAFE = /^(GET|HEAD|OPTIONS|TRACE|QUERY|PROPFIND|REPORT|SEARCH)$/;
const IDEMPOTENT = /^(PUT|DELETE|PROPPATCH|MKCOL|COPY|MOVE|UNLOCK)$/;

/** What is asked for, and the headers that have a sentence. */
function explainRequest(say: Say, request: HttpRequest, network: Network) {
  const { proxy } = network;
  const { host } = request.url;
  const { method, target, headers } = redactRequest(request, false, proxy);
  const again = IDEMPOTENT.test(method) ? "idempotent" : "sent";
  say(SAFE.test(method) ? "safe" : again, { method, target, host });
  for (const [name, own] of headers) {
    const text = fromByteString(own).trim();
    const [key, value] = findSentence(text, `>${name.toLowerCase()}`);
    if (text) say(key, { method, value });
  }
}

const hasHeader = ({ headers }: HttpRequest, name: string) =>
  headers.some(([own]) => own.toLowerCase() === name);

const isRedirect = (status: number) =>
  [301, 302, 303, 307, 308].includes(status);

const hasBody = (method: string, status: number) =>
  method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;

const isChunked = (headers: Headers) =>
  /chunked/i.test(headers.get("transfer-encoding") ?? "");

/** What a status means for the request that it answers. */
function explainStatus(
  say: Say,
  request: HttpRequest,
  { status, headers }: Pick<ResponseHead, "status"> & Partial<ResponseHead>,
): void {
  const { method, url: { host } } = request;
  const { target } = redactRequest(request);
  const protocol = headers?.get("upgrade") ?? "?";
  const values = { method, target, host, status, protocol };
  const name = status === 401 && hasHeader(request, "authorization")
    ? "401-login"
    : status === 200 && method === "GET" && hasHeader(request, "range")
    ? "200-range"
    : isRedirect(status)
    ? "redirect"
    : `${status}`;
  if (!say(name, values)) say(`${String(status)[0]}xx`, values);
}

/** Whether a cookie is set to be forgotten. */
function isOver(cookie: string): boolean {
  const [, age] = cookie.match(/;\s*max-age\s*=\s*(-?\d+)/i) ?? [];
  const [, until = ""] = cookie.match(/;\s*expires\s*=\s*([^;]+)/i) ?? [];
  return age === undefined ? Date.parse(until) < Date.now() : Number(age) <= 0;
}

/** The headers of a response that have a sentence, and how its body is to end. */
function explainHeaders(
  say: Say,
  { method, url }: HttpRequest,
  { status, headers, rawHeaders }: ResponseHead,
): void {
  const isBody = hasBody(method, status);
  const isHead = method === "HEAD" || status === 304;
  const length = isHead ? "content-length/only" : "";
  /** What has a sentence of another name, or none here. */
  const kinds: Readonly<Record<string, string>> = {
    ...!isBody && { "content-length": length },
    ...isChunked(headers) && { "content-length": "" },
    ...!isBody && { "transfer-encoding": "" },
    ...status !== 201 && status < 300 && { location: "" },
    // RFC 6797, section 8.1
    ...url.protocol === "http:" && { "strict-transport-security": "" },
  };
  for (const [name, own] of headers) {
    const isCookie = name === "set-cookie";
    const shown = name === "www-authenticate"
      ? schemesOf(own).join(", ")
      : name === "content-length"
      ? onceOf(headers, name)
      : isCookie
      ? own
      : redactHeader([name, own])[1];
    const kind = isCookie && isOver(own) ? "set-cookie/over" : name;
    const text = fromByteString(shown ?? "").trim();
    const [key, value] = findSentence(text, `<${kinds[kind] ?? kind}`);
    if (text) say(key, { value });
  }
  // what fetch gives may be a stream of HTTP/2, which has an end of its own
  const isFramed = isChunked(headers) || headers.has("content-length");
  if (isBody && rawHeaders && !isFramed) say("until-close");
  if (isRedirect(status) && !headers.get("location")) say("refused-nowhere");
}

/** A name of a header as it is mostly written. */
const titled = (name: string) =>
  name.toLowerCase().replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

function explainHop(say: Say, from: HttpRequest, to: HttpRequest): void {
  const { url } = redactRequest(to);
  const { method } = to;
  say(from.method === method ? "followed" : "followed-get", { method, url });
  if (from.url.origin === to.url.origin) return;
  const names = from.headers.map(([name]) => titled(name)).filter((name) =>
    !hasHeader(to, name.toLowerCase()) && !name.startsWith("Content-")
  );
  if (names.length > 0) say("dropped", { names: names.join(", ") });
}

/** How a body has ended, or may not be read on. */
function explainEnd(say: Say, response: HttpResponse): void {
  const { request: { method }, status, headers, timings } = response;
  if (timings === undefined) return;
  const framed = headers.has("content-length") ? "end-length" : "end-close";
  const whole = isChunked(headers) ? "end-chunk" : framed;
  const read = timings.body === undefined ? "end-unread" : whole;
  say(hasBody(method, status) ? read : "end-none", { method, status });
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
  let isTold = false;
  let isFetch = false;
  /** What comes before the request is heard of, as from a tunnel. */
  const early: (() => void)[] = [];
  const isForwarded = ({ protocol }: URL) =>
    proxy?.protocol === "http" && protocol === "http:";

  function begin(next: HttpRequest): void {
    [request, response, isTold] = [next, undefined, false];
    const { url } = next;
    if (isFetch) return tell();
    way.begin(unix ? { path: unix } : addressOfUrl(url), isForwarded(url));
    for (const hear of early.splice(0)) hear();
  }

  /** Says the request, when it goes out. */
  function tell(): void {
    if (isTold || request === undefined) return;
    isTold = true;
    const { protocol, origin } = request.url;
    // whom to trust blindly counts for the first origin alone
    const trust = origin === first.url.origin ? network : {};
    if (protocol === "http:" && unix === undefined) say("plain");
    else if (protocol === "https:" && !isFetch) way.trust(trust);
    explainRequest(say, request, network);
  }

  function inTurn(hear: () => void): void {
    if (request === undefined || response !== undefined) early.push(hear);
    else hear();
  }

  /** Says what has ended an exchange, and first whether the request had gone out by then. */
  function explainFailure(error: unknown): void {
    const code = exitCodeOf(error);
    if (request === undefined) begin(first);
    const { isOpen, facts } = way.soFar();
    if (isOpen && facts.tls && code !== ExitCode.Certificate) tell();
    const late = response ? "late-body" : isTold ? "late-head" : "late-tls";
    if (!isFetch || response || code !== ExitCode.TimedOut) {
      way.fail(error, late);
    }
    // with TLS 1.3 such a refusal may come after the request
    const isLate = facts.tls && /client certificate/.test(describe(error));
    const isSure = isFetch ? code === ExitCode.Certificate : !isTold;
    if (isSure && !isLate) say("unsent");
  }

  return {
    onHead(head, version) {
      if (version === "2" && !isFetch) isFetch = say("fetch");
      if ("status" in head) {
        if (request === undefined) return;
        tell();
        const { status, interim = [] } = head;
        for (const { status } of interim) say("1xx", { status });
        explainStatus(say, request, head);
        const isOwn = status >= 400 && status !== 407;
        if (isOwn && isForwarded(request.url)) say("proxy-answers");
        explainHeaders(say, request, head);
        response = head;
        return;
      }
      // what is tried again goes through a tunnel of its own
      if (head === request && response === undefined && !isFetch) return;
      if (request && response && isRedirect(response.status)) {
        explainHop(say, request, head);
      }
      begin(head);
      // a tunnel is there before its request is heard of
      if (isTunneled(head.url, proxy)) tell();
    },
    onTry: (ips, why) =>
      inTurn(() => {
        way.onTry(ips, why);
        if (ips.length === 0 && request?.url.protocol === "http:") tell();
      }),
    onFacts: (facts) => inTurn(() => way.onFacts(facts)),
    again(text) {
      const [, why = "", seconds] =
        text.match(/^(.*): trying again in ([\d.]+) s$/s) ?? [];
      if (seconds === undefined || request === undefined) return;
      if (/^\d+$/.test(why)) {
        explainStatus(say, request, { status: Number(why) });
      } else if (way.soFar().isOpen) say(findSentence(why)[0]);
      say("again", { seconds, method: request.method });
    },
    answered({ refused }) {
      if (refused) say(findSentence(refused)[0]);
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
