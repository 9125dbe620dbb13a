/**
 * The transport of our own, HTTP/1.1 over a socket: for what fetch cannot do, or hides.
 *
 * @module
 */

import { closeSocket } from "../../net/connection.ts";
import { formatBasic } from "../../net/proxy.ts";
import { dial } from "../dial.ts";
import type { HttpRequest } from "../request.ts";
import type {
  HttpProxy,
  Timings,
  TransportOptions,
  TransportResponse,
} from "../transport.ts";
import { formatRequestHead, upload } from "./request.ts";
import {
  createReader,
  readResponseBody,
  readResponseHead,
} from "./response.ts";

/** What an HTTP proxy wants to know with a request that it passes on. */
function introduce({ username, password }: HttpProxy) {
  return {
    authorization: username === ""
      ? undefined
      : formatBasic(username, password),
  };
}

function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset;
}

/**
 * Carries a request over a socket.
 *
 * @param request The request.
 * @param options The way there.
 * @returns The response, as soon as its head is there.
 * @throws What the way, the server or the source of the body has against it; the signal's reason when it was aborted.
 */
export async function sendOverSocket(
  request: HttpRequest,
  options: TransportOptions,
): Promise<TransportResponse> {
  const { signal, onUpload } = options;
  signal.throwIfAborted();
  const start = performance.now();
  const { conn, forward, remote, dns, connect, tls } = await dial(
    request.url,
    options,
  );
  const dialled = performance.now();
  const stop = () => closeSocket(conn);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const enough = new AbortController();
  let failure: unknown;
  const uploading = upload(conn, {
    head: formatRequestHead(request, forward && { proxy: introduce(forward) }),
    body: request.body,
    signal: enough.signal,
    onUpload,
  }).catch((error) => {
    failure = error;
    // a server that takes no more may have said why; without the rest of a body it would wait for ever
    if (!isClosed(error)) stop();
  });
  const end = async () => {
    signal.removeEventListener("abort", stop);
    enough.abort();
    stop();
    await uploading;
  };
  const reasonOf = (error: unknown) =>
    signal.aborted ? signal.reason : failure ?? error;
  try {
    const reader = createReader((buffer) => conn.read(buffer));
    const head = await readResponseHead(reader);
    // such a response may come before the end of the upload: the rest is not wanted
    if (head.status >= 400) enough.abort();
    const answered = performance.now();
    const timings: { -readonly [Phase in keyof Timings]: Timings[Phase] } = {
      dns,
      connect,
      tls,
      firstByte: answered - dialled,
      body: undefined,
      total: undefined,
    };
    const finish = async () => {
      timings.body = performance.now() - answered;
      timings.total = performance.now() - start;
      await end();
    };
    const chunks = readResponseBody(reader, request.method, head);
    if (chunks === undefined) await finish();
    return {
      ...head,
      body: chunks === undefined ? null : new ReadableStream({
        async pull(controller) {
          try {
            const { done, value } = await chunks.next();
            if (!done) return controller.enqueue(value);
          } catch (error) {
            await end();
            throw reasonOf(error);
          }
          // a response may be whole before the server has read all of the upload
          if (!enough.signal.aborted) await uploading;
          await finish();
          controller.close();
        },
        cancel: end,
      }, { highWaterMark: 0 }),
      timings,
      remote,
    };
  } catch (error) {
    await end();
    throw reasonOf(error);
  }
}
