/**
 * One exchange: a request out, its redirects followed, a response whose body is read under a deadline.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import { orAborted } from "../net/pause.ts";
import {
  type Deadline,
  DEFAULT_TIMEOUTS,
  startDeadline,
  type Timeouts,
} from "./deadline.ts";
import {
  type Body,
  type Follow,
  type HttpRequest,
  isBeyondFetch,
  isTunneled,
} from "./request.ts";
import { openBody } from "./response_body.ts";
import type {
  Decodes,
  FollowedRedirect,
  HttpResponse,
  Network,
  TransportOptions,
  TransportResponse,
} from "./transport.ts";

/** Cookies that are kept between requests, each for where RFC 6265 sends it. */
export type Cookies = ReturnType<typeof import("./cookies.ts").createCookies>;

/** How a request is sent. */
export interface SendOptions {
  /** Ends the exchange when it is aborted. */
  readonly signal?: AbortSignal;
  /** How long to wait; {@linkcode DEFAULT_TIMEOUTS} unless given. */
  readonly timeouts?: Timeouts;
  /** How many redirects are followed. @default {10} */
  readonly maxRedirects?: number | undefined;
  /** Which redirects are followed. @default {"safe"} */
  readonly follow?: Follow | undefined;
  /** How many more attempts there may be for each request. @default {0} */
  readonly retry?: number | undefined;
  /** How many bytes a body may have, decoded. */
  readonly maxSize?: number | undefined;
  /** Which encodings of a body are taken off, as in Content-Encoding; all unless given. */
  readonly decodes?: Decodes | undefined;
  /** The way to the server. */
  readonly network?: Network | undefined;
  /** The cookies that go out and come in; those of this chain of redirects alone unless given. */
  readonly cookies?: Cookies | undefined;
  /** Gives each request that goes out what only that one may have, such as a proof for its path. */
  sign?(request: HttpRequest): Promise<HttpRequest>;
  /** Makes the request that answers a response, such as one with a challenge; it goes out in its place. */
  answer?(
    response: TransportResponse,
    request: HttpRequest,
  ): Promise<HttpRequest | undefined>;
  /** Tells a person about an attempt that comes, or at last why none does. */
  readonly notice?: ((text: string, isLast?: boolean) => void) | undefined;
}

/**
 * Sends a request and follows its redirects as `followRedirect` allows.
 *
 * @returns The response, whatever its status, as soon as its head is there.
 * @throws {Failure} When there is no response: code 6 without an address, 7 without a connection, 60 for a certificate,
 * 28 for a deadline, 47 for too many redirects.
 *
 * @example A response's status and text
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hi"));
 * const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
 * await using response = await send({ method: "GET", url, headers: [], typed: [] });
 * assertEquals(response.status, 200);
 * assertEquals(await new Response(ReadableStream.from(response.body)).text(), "hi");
 * ```
 */
export async function send(
  request: HttpRequest,
  options: SendOptions = {},
): Promise<HttpResponse> {
  const { maxRedirects = 10, follow } = options;
  const { idle, total }: Timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
  const deadline = startDeadline(total, options.signal);
  let { network = {}, cookies } = options;
  const { trace } = network;
  const hops: FollowedRedirect[] = [];
  try {
    while (true) {
      request = await options.sign?.(request) ?? request;
      // what is kept goes to where it belongs alone: it is no part of the request
      const sent = await cookies?.add(request) ?? request;
      if (!isTunneled(request.url, network.proxy)) {
        await trace?.(sent, network.http);
      }
      const trying = { ...options, cookies };
      const response = await attempt(
        ...[request, sent, trying, network, deadline] as const,
      );
      await trace?.(response, network.http);
      const set = cookiesOf(response);
      await cookies?.take(request.url, set);
      const answer = await options.answer?.(response, request);
      if (answer) {
        await response.body?.cancel();
        request = answer;
        continue;
      }
      const { status } = response;
      const redirects = status >= 300 && status < 400
        ? await import("./redirect.ts")
        : undefined;
      const locations = redirects?.locationsOf(response) ?? [];
      const place = { status, locations };
      const hop = await redirects
        ?.followRedirect(request, place, follow, network);
      if (hop === undefined || "refused" in hop) {
        const { signal } = deadline;
        // asks once more for the body that a GET had, over a socket of our own
        const again = async () => {
          if (request.method !== "GET" || network.http === "2") return;
          const { sendOverSocket } = await import("./http1/client.ts");
          return await sendOverSocket(sent, { ...network, signal })
            .catch(() => {});
        };
        const { maxSize, decodes } = options;
        const reading = { request, deadline, idle, maxSize, decodes, again };
        const { drop, ...incoming } = openBody(response, reading);
        return {
          ...response,
          request: sent,
          refused: hop?.refused,
          hops,
          signal,
          ...incoming,
          async [Symbol.asyncDispose]() {
            deadline.lift();
            await drop();
          },
        };
      }
      await response.body?.cancel();
      const { next, location } = hop;
      if (hops.length === maxRedirects) {
        const before = [{ request }, ...hops].filter((hop) =>
          hop.request.url.href === next.url.href
        );
        throw new Failure(`more than ${maxRedirects} redirects`, {
          code: ExitCode.TooManyRedirects,
          ...before.length > 1 &&
            { hint: `they lead in a circle, to ${next.url}` },
        });
      }
      hops.push({ ...response, request: sent, location });
      // who the client is, and whom it trusts blindly, is for the first origin alone
      if (next.url.origin !== request.url.origin) {
        const insecure = false;
        network = { ...network, insecure, cert: undefined, pin: undefined };
      }
      if (cookies === undefined && set.length > 0) {
        const { createCookies } = await import("./cookies.ts");
        cookies = createCookies();
        await cookies.take(request.url, set);
      }
      request = next;
    }
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    deadline.lift();
    const { failureOf } = await import("./failure.ts");
    throw await failureOf(request, cause, hops.map(({ request }) => request));
  }
}

/** What a server sets; a proxy that wants a login is none. */
function cookiesOf({ status, headers }: TransportResponse): string[] {
  return status === 407 ? [] : headers.getSetCookie();
}

async function attempt(
  request: HttpRequest,
  sent: HttpRequest,
  { notice, timeouts = DEFAULT_TIMEOUTS, cookies, ...options }: SendOptions,
  network: Network,
  deadline: Deadline,
): Promise<TransportResponse> {
  const { retry = 0, sign } = options;
  const onUpload = (state: string) => deadline.renew(state === "sending");
  for (let count = 0;; count++) {
    let response: TransportResponse | undefined;
    let error: unknown;
    try {
      const { signal } = deadline;
      const sending = sendOnce(sent, { ...network, signal, onUpload });
      // it ends when its signal is aborted, whether what it waits for can be ended or not
      const answer = orAborted(signal, sending);
      response = await deadline.within(answer, timeouts.head, "no answer");
      if (response.status < 400 || count === retry) return response;
    } catch (cause) {
      const { verdictOf } = await import("./failure.ts");
      const { aborted, reason } = deadline.signal;
      error = aborted ? reason : verdictOf(cause);
      if (count === retry) throw error;
    }
    const { isRepeatable, LONGEST_MS, pauseAfter, sleep } = await import(
      "./retry.ts"
    );
    const pause = isRepeatable(request) && deadline.revive()
      ? pauseAfter(response ?? { error }, count)
      : undefined;
    // a server that wants a long pause is not to be asked sooner: its response is shown
    const isLong = pause !== undefined && pause.ms > LONGEST_MS;
    if (pause === undefined || isLong) {
      if (isLong) {
        const seconds = Math.ceil(pause.ms / 1000);
        const why = `${pause.why}: not tried again, it asks for ${seconds} s`;
        notice?.(why, true);
      }
      if (response === undefined) throw error;
      return response;
    }
    if (response) await cookies?.take(request.url, cookiesOf(response));
    await response?.body?.cancel();
    notice?.(`${pause.why}: trying again in ${(pause.ms / 1000).toFixed(1)} s`);
    await sleep(pause.ms, deadline.signal);
    // what proves one request proves no other
    request = await sign?.(request) ?? request;
    sent = await cookies?.add(request) ?? request;
  }
}

async function sendOnce(
  request: HttpRequest,
  options: TransportOptions,
): Promise<TransportResponse> {
  const { proxy, unix, pin, resolve, family, http } = options;
  const { insecure, timed, rawHeaders } = options;
  const wantsSocket = [insecure, timed, rawHeaders].includes(true) ||
    [proxy, unix, pin, resolve, family].some((it) => it !== undefined);
  if (!wantsSocket && !isBeyondFetch(request, http)) {
    try {
      return await sendByFetch(request, options);
    } catch (error) {
      const isOwn = options.ca !== undefined &&
        (await import("../net/connect.ts")).isAuthority(error);
      const isBeyond = isOwn || isRefused(request, error);
      if (options.http === "2" || !isBeyond) throw error;
      options = { ...options, isOwn };
    }
  }
  if (options.http === "2") {
    throw new Failure("it cannot be sent over HTTP/2", {
      hint: "HTTP/1.1 can: leave out --http=2",
    });
  }
  const { sendOverSocket } = await import("./http1/client.ts");
  return await sendOverSocket(request, options);
}

/** Whether fetch has sent nothing, was told that HTTP/2 will not do, broke on what it may ask twice, or asked one loopback. */
function isRefused({ method, url }: HttpRequest, error: unknown): boolean {
  const text = error instanceof Error ? `${error.message} ${error.cause}` : "";
  // a server that speaks first says more to a socket of our own
  return / are blocked|endpoint requires HTTP\/1\.1/.test(text) ||
    url.hostname === "localhost" &&
      /tcp connect error|dns error/.test(text) ||
    /^(GET|HEAD)$/.test(method) &&
      /head is too large|received unexpected message|HTTP header parsed|unexpected transfer-encoding/
        .test(text);
}

async function sendByFetch(
  { method, url, headers, body }: HttpRequest,
  { signal, onUpload, ca, cert, key, http }: TransportOptions,
): Promise<TransportResponse> {
  using client = ca === undefined && cert === undefined && http === undefined
    ? undefined
    : Deno.createHttpClient({
      ...ca !== undefined && { caCerts: [ca] },
      ...cert !== undefined && key !== undefined && { cert, key },
      http1: http !== "2",
      http2: http !== "1.1",
    });
  const response = await fetch(url, {
    method,
    headers: headers.map(([name, value]) => [name, value]),
    body: body?.bytes ??
      (body ? ReadableStream.from(counted(body, onUpload)) : null),
    redirect: "manual",
    signal,
    ...client && { client },
  });
  const framing = response.headers.get("transfer-encoding") ?? "chunked";
  const { status, statusText, headers: came, body: stream } = response;
  // its body ends when nobody has it any more
  const head = { status, statusText, headers: came, body: stream, response };
  if (framing.toLowerCase() === "chunked") return head;
  const { unframe } = await import("./http1/response.ts");
  return await unframe(head, framing);
}

async function* counted(body: Body, onUpload: TransportOptions["onUpload"]) {
  onUpload?.("reading");
  for await (const bytes of body.open()) {
    onUpload?.("sending");
    yield bytes;
    onUpload?.("reading");
  }
  onUpload?.("sending");
}
