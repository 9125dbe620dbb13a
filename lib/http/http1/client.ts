/**
 * The transport of our own, HTTP/1.1 over a socket: for what fetch cannot do, or hides.
 *
 * @module
 */

import { ExitCode, Failure } from "../../cli/errors.ts";
import { absolutePath } from "../../cli/values.ts";
import { formatAddress } from "../../net/address.ts";
import { type Connected, open, type Step } from "../../net/connect.ts";
import { closeSocket, isGone } from "../../net/connection.ts";
import { formatProxy } from "../../net/proxy.ts";
import {
  addressOfUrl,
  type HttpRequest,
  isTunneled,
  streamOf,
} from "../request.ts";
import type {
  Timings,
  TransportOptions,
  TransportResponse,
} from "../transport.ts";
import { formatRequestHead, forwardingProxy, upload } from "./request.ts";
import {
  createReader,
  cutShort,
  readResponseBody,
  readResponseHead,
} from "./response.ts";

async function unixFailure(path: string, cause: unknown): Promise<Failure> {
  const goal = `Cannot connect to unix:${absolutePath(path)}`;
  if (cause instanceof Deno.errors.NotCapable) {
    return new Failure(goal, { cause });
  }
  const there = await Deno.stat(path).catch(() => {});
  const isOther = there?.isSocket === false;
  const why = isOther ? new Failure("it is not a socket") : cause;
  return new Failure(goal, { cause: why, code: ExitCode.Unreachable });
}

async function connectTo(
  url: URL,
  network: TransportOptions,
): Promise<Connected> {
  const { proxy, unix, ca } = network;
  const isSecure = url.protocol === "https:";
  const alpn = ["http/1.1"];
  const target = addressOfUrl(url);
  let step: Step | undefined;
  try {
    return await open(unix === undefined ? target : { path: unix }, {
      ...network,
      proxyTls: { ca, alpn },
      forward: forwardingProxy(url, proxy) !== undefined,
      tls: isSecure ? { ...network, name: target.host, alpn } : undefined,
      onStep: (next) => step = next,
    });
  } catch (cause) {
    if (step === "connect" && unix !== undefined) {
      throw await unixFailure(unix, cause);
    }
    if (proxy === undefined || step !== "proxy" && step !== "tunnel") {
      throw cause;
    }
    const way = step === "proxy"
      ? `the proxy ${formatProxy(proxy)}`
      : `${formatAddress(target)} through ${formatProxy(proxy)}`;
    throw new Failure(`Cannot connect to ${way}`, {
      cause,
      ...cause instanceof Failure &&
        { hint: cause.hint, code: ExitCode.Unreachable },
    });
  }
}

/** Carries a request over a socket; throws what the way, the server, the body's source or the signal has against it. */
export async function sendOverSocket(
  request: HttpRequest,
  options: TransportOptions,
): Promise<TransportResponse> {
  const { signal, onUpload, proxy, trace } = options;
  signal.throwIfAborted();
  const start = performance.now();
  const { socket, remote, dns, connect, tls } = await connectTo(
    request.url,
    options,
  );
  const connected = performance.now();
  if (isTunneled(request.url, proxy)) await trace?.(request);
  const stop = () => closeSocket(socket);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const enough = new AbortController();
  let failure: unknown;
  const uploading = upload(socket, {
    head: formatRequestHead(request, forwardingProxy(request.url, proxy)),
    body: request.body,
    signal: enough.signal,
    onUpload,
    // without the rest of a body the server would wait for ever
    onFailure: (error) => {
      failure = error;
      stop();
    },
    // a server that takes no more may have said why
  }).catch(() => {});
  const end = async () => {
    signal.removeEventListener("abort", stop);
    enough.abort();
    stop();
    await uploading;
  };
  const reasonOf = (error: unknown) =>
    signal.aborted ? signal.reason : failure ?? error;
  try {
    const reader = createReader((buffer) => socket.read(buffer));
    const head = await readResponseHead(reader);
    // such a response may come before the end of the upload: the rest is not wanted
    if (head.status >= 400) enough.abort();
    const answered = performance.now();
    const firstByte = answered - connected;
    const timings: Timings = { dns, connect, tls, firstByte };
    const finish = () => {
      timings.body = performance.now() - answered;
      timings.total = performance.now() - start;
      return end();
    };
    const body = readResponseBody(reader, request.method, head);
    if (body === undefined) await finish();
    const source = body && {
      read: async (buffer: Uint8Array<ArrayBuffer>) => {
        try {
          const count = await body.source.read(buffer);
          if (count !== null) return count;
        } catch (error) {
          throw reasonOf(isGone(error) ? cutShort() : error);
        }
        // a response may be whole before the server has read all of the upload
        if (!enough.signal.aborted) await uploading;
        await finish();
        return null;
      },
      close: end,
    };
    return {
      ...head,
      body: source ? streamOf(source) : null,
      source,
      transferCoding: body?.coding,
      trailers: body?.trailers,
      timings,
      remote,
    };
  } catch (error) {
    await end();
    throw reasonOf(error);
  }
}
