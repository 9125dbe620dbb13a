/**
 * One request over the transport that can carry it, again when that may help.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import type { Deadline } from "./deadline.ts";
import { type HttpRequest, isBeyondFetch } from "./request.ts";
import type {
  Network,
  TransportOptions,
  TransportResponse,
} from "./transport.ts";

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
