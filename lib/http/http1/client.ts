/**
 * The transport of our own, HTTP/1.1 over a socket: for what fetch cannot do, or hides.
 *
 * @module
 */

import { ExitCode, Failure } from "../../cli/errors.ts";
import { absolutePath } from "../../cli/values.ts";
import { formatAddress } from "../../net/address.ts";
import { type Connected, open, type Step } from "../../net/connect.ts";
import { closeSocket } from "../../net/connection.ts";
import { formatProxy, type Proxy } from "../../net/proxy.ts";
import {
  addressOfUrl,
  type Header,
  type HttpRequest,
  TOKEN,
} from "../request.ts";
import type {
  Timings,
  TransportOptions,
  TransportResponse,
} from "../transport.ts";
import { formatRequestHead, upload } from "./request.ts";

async function unixFailure(path: string, cause: unknown): Promise<Failure> {
  const isDenied = cause instanceof Deno.errors.NotCapable;
  const there = isDenied ? undefined : await Deno.stat(path).catch(() => {});
  return new Failure(`Cannot connect to unix:${absolutePath(path)}`, {
    cause: there?.isSocket === false
      ? new Failure("it is not a socket")
      : cause,
    code: isDenied ? undefined : ExitCode.Unreachable,
  });
}

/** Connects to where a URL leads: over TLS where it says https, always. */
async function connectTo(
  url: URL,
  network: TransportOptions,
): Promise<Connected> {
  const { proxy, unix, ca, cert, key, insecure, signal } = network;
  const isSecure = url.protocol === "https:";
  const alpn = ["http/1.1"];
  const target = addressOfUrl(url);
  let step: Step | undefined;
  try {
    return await open(unix === undefined ? target : { path: unix }, {
      proxy,
      proxyTls: { ca, alpn },
      forward: forwardingProxy(url, network) !== undefined,
      resolve: network.resolve,
      family: network.family,
      timed: network.timed,
      tls: isSecure
        ? { name: target.host, ca, cert, key, insecure, alpn }
        : undefined,
      signal,
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
      hint: cause instanceof Failure ? cause.hint : undefined,
    });
  }
}

/** The proxy that wants to see the whole URL and its credentials with the request itself. */
function forwardingProxy(
  { protocol }: URL,
  { proxy }: TransportOptions,
): Proxy | undefined {
  return proxy?.protocol === "http" && protocol === "http:" ? proxy : undefined;
}

function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset;
}

/**
 * Carries a request over a socket.
 *
 * @throws What the way, the server or the source of the body has against it; the signal's reason when it was aborted.
 */
export async function sendOverSocket(
  request: HttpRequest,
  options: TransportOptions,
): Promise<TransportResponse> {
  const { signal, onUpload } = options;
  signal.throwIfAborted();
  const start = performance.now();
  const { socket, remote, dns, connect, tls } = await connectTo(
    request.url,
    options,
  );
  const connected = performance.now();
  const stop = () => closeSocket(socket);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const enough = new AbortController();
  let failure: unknown;
  const uploading = upload(socket, {
    head: formatRequestHead(request, forwardingProxy(request.url, options)),
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
    const reader = createReader((buffer) => socket.read(buffer));
    const head = await readResponseHead(reader);
    // such a response may come before the end of the upload: the rest is not wanted
    if (head.status >= 400) enough.abort();
    const answered = performance.now();
    const timings: { -readonly [Phase in keyof Timings]: Timings[Phase] } = {
      dns,
      connect,
      tls,
      firstByte: answered - connected,
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

interface ResponseHead {
  readonly version: string;
  readonly status: number;
  readonly statusText: string;
  readonly rawHeaders: readonly Header[];
  readonly headers: Headers;
}

/** How long a head may be, in bytes: about what fetch takes. */
const LONGEST = 400_000;

const notHttp = (what: string) =>
  new Failure(`the answer is not HTTP (invalid ${what})`);

async function readHeaders(reader: Reader): Promise<Header[]> {
  const headers: Header[] = [];
  for (let left = LONGEST;;) {
    const line = await reader.line(left);
    if (line === "") return headers;
    left -= line.length;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    // a folded line begins with a space: it has no name
    if (!TOKEN.test(name) || /[\0\r]/.test(value)) {
      throw notHttp("HTTP header");
    }
    headers.push([name, value]);
  }
}

/** Reads the head of a response; those before it (RFC 9110, section 15.2: 100, 103) are passed over. */
export async function readResponseHead(reader: Reader): Promise<ResponseHead> {
  while (true) {
    const line = await reader.line(LONGEST, "HTTP/1.");
    const [, version] = line.match(/^HTTP\/(1\.[01])(?: |$)/) ?? [];
    if (version === undefined) throw notHttp("HTTP version");
    const [, digits, statusText = ""] =
      line.match(/^\S+ ([1-9]\d\d)(?: (.*))?$/) ?? [];
    if (digits === undefined) throw notHttp("HTTP status-code");
    const rawHeaders = await readHeaders(reader);
    const status = Number(digits);
    if (status < 200 && status !== 101) continue;
    const headers = new Headers(
      rawHeaders.map(([name, value]) => [name, value]),
    );
    return { version, status, statusText, rawHeaders, headers };
  }
}

const READ_BYTES = 64 * 1024;

interface Reader {
  /** A line without its end, each character for one byte; throws when it is longer than `limit`, or cut short; and at once when it does not begin as it must. */
  readonly line: (limit: number, start?: string) => Promise<string>;
  /** What is there, up to `limit` bytes; null at the end. */
  readonly some: (limit: number) => Promise<Uint8Array<ArrayBuffer> | null>;
}

export function createReader(
  read: (buffer: Uint8Array<ArrayBuffer>) => Promise<number | null>,
): Reader {
  let rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  const fill = async () => {
    while (rest.length === 0) {
      const buffer = new Uint8Array(READ_BYTES);
      const count = await read(buffer);
      if (count === null) return false;
      rest = buffer.subarray(0, count);
    }
    return true;
  };
  const take = (length: number) => {
    const part = rest.subarray(0, length);
    rest = rest.subarray(part.length);
    return part;
  };
  const line = async (limit: number, start = "") => {
    let text = "";
    while (await fill()) {
      const end = rest.indexOf(0x0a) + 1;
      for (const byte of take(end || rest.length)) {
        text += String.fromCharCode(byte);
      }
      // a banner may have no end, and its server wait for a word from here
      if (!text.startsWith(start.slice(0, text.length))) {
        throw notHttp("HTTP version");
      }
      if (text.length > limit) {
        throw new Failure("the head of the answer is too large");
      }
      if (end > 0) return text.replace(/\r?\n$/, "");
    }
    throw new Deno.errors.UnexpectedEof("unexpected end of file");
  };
  return { line, some: async (limit) => await fill() ? take(limit) : null };
}

/** How long the line before a chunk may be, its extensions included. */
const LONGEST_LINE = 4096;

/** How long what follows the last chunk may be. */
const LONGEST_TRAILER = 100_000;

async function* readLength(
  reader: Reader,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let left = length; left > 0;) {
    const part = await reader.some(left);
    if (part === null) {
      throw new Deno.errors.UnexpectedEof("unexpected end of file");
    }
    left -= part.length;
    yield part;
  }
}

async function* readChunks(
  reader: Reader,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const broken = () =>
    new Failure("cut short: a chunk has no length", {
      code: ExitCode.CutShort,
    });
  while (true) {
    const line = await reader.line(LONGEST_LINE);
    const [, digits] = line.match(/^([\da-f]{1,12})[ \t]*(?:;.*)?$/i) ?? [];
    if (digits === undefined) throw broken();
    const length = parseInt(digits, 16);
    if (length === 0) break;
    yield* readLength(reader, length);
    if (await reader.line(LONGEST_LINE) !== "") throw broken();
  }
  let line = await reader.line(LONGEST_TRAILER);
  for (let left = LONGEST_TRAILER; line !== ""; left -= line.length) {
    line = await reader.line(left);
  }
}

async function* readToEnd(
  reader: Reader,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let part = await reader.some(Infinity);
  for (; part !== null; part = await reader.some(Infinity)) yield part;
}

/**
 * The body that belongs to a head, where there is one. It is refused when nobody could say where it ends: lengths that
 * differ, an encoding that is not chunked.
 */
export function readResponseBody(
  reader: Reader,
  method: string,
  { status, headers }: ResponseHead,
): AsyncGenerator<Uint8Array<ArrayBuffer>> | undefined {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return undefined;
  }
  const coding = headers.get("transfer-encoding");
  if (coding !== null) {
    if (coding.toLowerCase() === "chunked") return readChunks(reader);
    throw new Failure(`cannot decode its transfer-encoding "${coding}"`);
  }
  // the same length twice is one length (RFC 9112, section 6.3)
  const lengths = new Set(
    headers.get("content-length")?.split(",").map((text) => text.trim()),
  );
  const [length] = lengths;
  if (length === undefined) return readToEnd(reader);
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) {
    throw notHttp("content-length");
  }
  return readLength(reader, Number(length));
}
