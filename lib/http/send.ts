/**
 * One exchange: a request out, its redirects followed, a response whose body is read under a deadline.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import {
  type Deadline,
  DEFAULT_TIMEOUTS,
  startDeadline,
  type Timeouts,
} from "./deadline.ts";
import type { Follow, Hop } from "./redirect.ts";
import { type Header, type HttpRequest, isBeyondFetch } from "./request.ts";
import { openBody } from "./response_body.ts";
import type {
  Network,
  Timings,
  TransportOptions,
  TransportResponse,
} from "./transport.ts";

/** How {@linkcode send} behaves. */
export interface SendOptions {
  /** Ends the exchange. */
  readonly signal?: AbortSignal;
  /** How long to wait; {@linkcode DEFAULT_TIMEOUTS} unless given. */
  readonly timeouts?: Timeouts;
  /** How many redirects are followed, 10 unless given. */
  readonly maxRedirects?: number | undefined;
  /** Which redirects are followed; those that are safe unless given. */
  readonly follow?: Follow | undefined;
  /** How many more attempts there may be for each request; none unless given. */
  readonly retry?: number | undefined;
  /** How many bytes a body may have, decoded. */
  readonly maxSize?: number | undefined;
  /** The way to the server. */
  readonly network?: Network | undefined;
  /** Tells a person about an attempt that comes. */
  readonly notice?: ((text: string) => void) | undefined;
}

/** A redirect that was followed. */
export interface FollowedRedirect {
  /** The request. */
  readonly request: HttpRequest;
  /** The status of its response. */
  readonly status: number;
  /** Where the response points. */
  readonly location: string;
}

/** A response: its head, and its body as it comes. Disposing of it ends the exchange. */
export interface HttpResponse extends AsyncDisposable {
  /** The request that was answered, after redirects. */
  readonly request: HttpRequest;
  /** The status. */
  readonly status: number;
  /** What the status is called; empty where it has no name. */
  readonly statusText: string;
  /** The headers; the characters of a value stand for its bytes. */
  readonly headers: Headers;
  /** Why a redirect was not followed, if this is one. */
  readonly refused?: string | undefined;
  /** Its header lines as they came, where the transport sees them. */
  readonly rawHeaders?: readonly Header[] | undefined;
  /** The version of HTTP, as `1.1`, where the transport sees it. */
  readonly version?: string | undefined;
  /** How long the phases took, where the transport measures them. */
  readonly timings?: Timings | undefined;
  /** The redirects that were followed: each request and what it was answered. */
  readonly hops?: readonly FollowedRedirect[];
  /** The encoding that was not decoded, as nobody here knows it. */
  readonly unknownCoding?: string | undefined;
  /** The address that answered, where the transport sees it. */
  readonly remote?: string | undefined;
  /** Aborted when a limit passes or the caller wants an end, with why as its reason: a `pipeTo` then fails with less. */
  readonly signal?: AbortSignal;
  /** The body as fetch's own stream, for `pipeTo`, where it needs no limit but time; to be read instead of {@linkcode HttpResponse.body}. */
  readonly stream?: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** The body in chunks, decoded; throws a {@linkcode Failure} when it is cut short or late. To be read once. */
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

async function redirectOf(
  request: HttpRequest,
  { status, headers }: TransportResponse,
  follow: Follow | undefined,
): Promise<Hop | undefined> {
  if (status < 300 || status >= 400) return undefined;
  const { followRedirect } = await import("./redirect.ts");
  const location = headers.get("location");
  return followRedirect(request, { status, location }, follow);
}

/**
 * Sends a request and follows its redirects as `followRedirect` allows.
 *
 * @param request The request.
 * @param options Limits and a signal.
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
  const { maxRedirects = 10, follow, retry, maxSize, notice } = options;
  const { head, idle, total }: Timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
  const deadline = startDeadline(total, options.signal);
  let { network = {} } = options;
  const hops: FollowedRedirect[] = [];
  try {
    while (true) {
      const response = await attempt(request, {
        deadline,
        head,
        network,
        retry,
        notice,
      });
      const hop = await redirectOf(request, response, follow);
      if (hop === undefined || "refused" in hop) {
        const { status, statusText, headers, rawHeaders, version } = response;
        const { timings, remote } = response;
        const reading = { request, deadline, idle, maxSize };
        const { drop, ...incoming } = await openBody(response, reading);
        return {
          request,
          status,
          statusText,
          headers,
          refused: hop?.refused,
          rawHeaders,
          version,
          timings,
          remote,
          hops,
          signal: deadline.signal,
          ...incoming,
          async [Symbol.asyncDispose]() {
            deadline.lift();
            await drop();
          },
        };
      }
      await response.body?.cancel();
      if (hops.length === maxRedirects) {
        throw new Failure(`more than ${maxRedirects} redirects`, {
          code: ExitCode.TooManyRedirects,
        });
      }
      const location = response.headers.get("location") ?? "";
      hops.push({ request, status: response.status, location });
      // who the client is, and whom it trusts blindly, is for the first origin alone
      if (hop.next.url.origin !== request.url.origin) {
        network = { ...network, insecure: false, cert: undefined };
      }
      request = hop.next;
    }
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    deadline.lift();
    const { failureOf } = await import("./failure.ts");
    throw await failureOf(request, cause);
  }
}

/** How a request is carried. */
export interface AttemptOptions {
  /** Ends it. */
  readonly deadline: Deadline;
  /** How long the head of a response may take, in ms. */
  readonly head?: number | undefined;
  /** The way to the server. */
  readonly network: Network;
  /** How many more attempts there may be; none unless given. */
  readonly retry?: number | undefined;
  /** Tells a person about an attempt that comes. */
  readonly notice?: ((text: string) => void) | undefined;
}

/** What a socket of our own can do for a request, and fetch cannot. */
function needsSocket(
  { proxy, unix, insecure, resolve, family, timings, rawHeaders }: Network,
): boolean {
  return proxy !== undefined || unix !== undefined || insecure === true ||
    resolve !== undefined || family !== undefined || timings === true ||
    rawHeaders === true;
}

/**
 * What fetch refuses before it sends anything, or, of a response, after a request that can be sent again; and where it
 * asks one loopback alone.
 */
function isRefused({ method, url }: HttpRequest, error: unknown): boolean {
  const { message } = error instanceof Error && error.cause instanceof Error
    ? error.cause
    : error instanceof Error
    ? error
    : new Error();
  // a server that speaks first says more to a socket of our own
  return / are blocked/.test(message) ||
    url.hostname === "localhost" &&
      /tcp connect error|dns error/.test(message) ||
    /head is too large|received unexpected message/.test(message) &&
      /^(GET|HEAD)$/.test(method);
}

async function sendByFetch(
  { method, url, headers, body }: HttpRequest,
  { signal, ...network }: TransportOptions,
): Promise<TransportResponse> {
  const { ca, cert, http } = network;
  using client = ca === undefined && cert === undefined && http === undefined
    ? undefined
    : createClient(network);
  return await fetch(url, {
    method,
    headers: headers.map(([name, value]) => [name, value]),
    body: body?.bytes ?? null,
    redirect: "manual",
    signal,
    ...client && { client },
  });
}

async function carry(
  request: HttpRequest,
  options: TransportOptions,
): Promise<TransportResponse> {
  const streams = request.body !== undefined &&
    request.body.bytes === undefined;
  if (!streams && !needsSocket(options) && !isBeyondFetch(request)) {
    try {
      return await sendByFetch(request, options);
    } catch (error) {
      if (options.http === "2" || !isRefused(request, error)) throw error;
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

/** One attempt; it ends when its signal is aborted, whether what it waits for can be ended or not. */
async function once(
  request: HttpRequest,
  { deadline, network, head }: AttemptOptions,
): Promise<TransportResponse> {
  const { signal, renew } = deadline;
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop);
  const onUpload = (state: string) => renew(state === "sending");
  const response = carry(request, { ...network, signal, onUpload });
  try {
    return await deadline.within(
      Promise.race([response, promise]),
      head,
      "no answer",
    );
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * Gets the response to a request, redirects not followed.
 *
 * @param request The request.
 * @param options How it is carried.
 * @returns The response of the last attempt.
 * @throws What ended the last attempt.
 */
export async function attempt(
  request: HttpRequest,
  options: AttemptOptions,
): Promise<TransportResponse> {
  const { deadline, retry = 0, notice } = options;
  for (let count = 0;; count++) {
    let response: TransportResponse | undefined;
    let error: unknown;
    try {
      response = await once(request, options);
      if (response.status < 400 || count === retry) return response;
    } catch (cause) {
      error = deadline.signal.aborted ? deadline.signal.reason : cause;
      if (count === retry) throw error;
    }
    const { isRepeatable, pauseAfter, sleep } = await import("./retry.ts");
    const pause = isRepeatable(request) && deadline.revive()
      ? pauseAfter(response ?? { error }, count)
      : undefined;
    if (pause === undefined) {
      if (response === undefined) throw error;
      return response;
    }
    await response?.body?.cancel();
    notice?.(`${pause.why}: trying again in ${(pause.ms / 1000).toFixed(1)} s`);
    await sleep(pause.ms, deadline.signal);
  }
}

/**
 * Makes what fetch needs for authorities and a certificate of one's own, or one version of HTTP.
 *
 * @param network The way to the server.
 * @throws {Deno.errors.InvalidData} When a certificate or a key is not PEM.
 */
export function createClient(
  { ca, cert, key, http }: Network,
): Deno.HttpClient {
  return Deno.createHttpClient({
    ...ca !== undefined && { caCerts: [ca] },
    ...cert !== undefined && key !== undefined && { cert, key },
    http1: http !== "2",
    http2: http !== "1.1",
  });
}
