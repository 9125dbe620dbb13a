/**
 * What Deno's own TLS cannot do and Node's can: pins, certificates of clients, a server that gives up a silent client.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { ExitCode, Failure } from "../../cli/errors.ts";
import {
  closeSocket,
  type Socket,
  type TlsClient,
  writeAll,
} from "../connection.ts";
import { factsOf } from "./facts.ts";

/** Node complains of what it was not asked to verify only where the handshake's signature does not fit the key, or Deno cannot use it. */
const UNASKED = /^(CERT_|DEPTH_|SELF_|UNABLE_|INVALID_)/;

const unproven = () =>
  new Failure(
    "Deno's TLS cannot verify that the peer has this certificate's key: it has not, or Deno cannot read the certificate",
    { code: ExitCode.Certificate },
  );

/** In DER, that a certificate is of version 3: one of an older version begins with its serial number. */
const VERSION_3 = /^30([0-7].|81..|82....)30([0-7].|81..|82....)a003020102/;

/** Node takes every signature for right where the certificate is of another version, or its DER is broken. */
function isSignatureVerified(raw: Uint8Array): boolean {
  if (!VERSION_3.test(Buffer.from(raw).toString("hex"))) return false;
  const base64 = Buffer.from(raw).toString("base64");
  const pem =
    `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  try {
    Deno.createHttpClient({ caCerts: [pem] }).close();
    return true;
  } catch {
    return false;
  }
}

/** Whether the certificate is the pinned one, and the handshake has proven that the peer has its key. */
function checkPin(stream: TLSSocket, pin: string): void {
  const { fingerprint256 = "", raw } = stream.getPeerCertificate();
  const found = fingerprint256.replaceAll(":", "").toLowerCase();
  if (found !== pin) {
    const why = `certificate is not the pinned one, its SHA-256 is ${found}`;
    throw new Failure(why, { code: ExitCode.Certificate });
  }
  if (!isSignatureVerified(raw)) throw unproven();
}

/** In DER, that a certificate says what it is for, and that it is for servers (RFC 5280 section 4.2.1.12). */
const PURPOSES = "0603551d25";
const SERVERS = "06082b06010505070301";

/** Whether Node trusts the certificate for the name, in its names (RFC 9525 section 2); what is wrong is said in the order and words of Deno's TLS. */
function checkTrust(stream: TLSSocket, name: string, ca = ""): void {
  const shown = stream.getPeerCertificate();
  const { valid_from, valid_to, ca: isCa, subjectaltname = "" } = shown;
  const raw = Buffer.from(shown.raw);
  // an authority that is trusted may show itself, as `openssl req -x509` makes it
  const isOwn = ca.replace(/\s/g, "").includes(raw.toString("base64"));
  const names = [...subjectaltname.matchAll(/(DNS|IP Address):([^,]+)/g)];
  const kind = isIP(name) ? "IP Address" : "DNS";
  const unix = (ms: number) => Math.floor(ms / 1000);
  const now = unix(Date.now());
  const end = unix(Date.parse(valid_to));
  const der = raw.toString("hex");
  const isIssued = stream.authorized ||
    /ALTNAME/.test(String(stream.authorizationError));
  const why = now > end
    ? `certificate expired: verification time ${now} (UNIX), but certificate is not valid after ${end}`
    : now < unix(Date.parse(valid_from))
    ? "certificate not valid yet"
    : isCa && !isOwn
    ? "CaUsedAsEndEntity"
    : der.includes(PURPOSES) && !der.includes(SERVERS)
    ? "certificate does not allow extended key usage for server authentication"
    : !isIssued
    ? "UnknownIssuer"
    : !stream.authorized || names.every(([, its]) => its !== kind)
    ? `certificate not valid for name "${name}"; certificate is only valid for ${
      names.map(([, , its]) => `Name("${its}")`).join(" or ")
    }`
    : undefined;
  if (why !== undefined) throw new Error(why);
}

/** Starts TLS with Node's implementation. With a pin and no `ca` the pin alone decides; `insecure` takes any certificate. */
export async function startNodeTls(
  socket: Socket,
  tls: TlsClient & { readonly name: string },
): Promise<Socket & Disposable> {
  const { name, ca, pin, cert, key, alpn, insecure = false } = tls;
  const { stream, ...secure } = await shakeHands(
    socket,
    (duplex, done, fail) => {
      const stream = connect({
        socket: duplex,
        host: name,
        // an address is verified, but not asked for (RFC 6066 section 3)
        ...!isIP(name) && { servername: name },
        // it is verified below: nothing is sent or taken before that
        rejectUnauthorized: false,
        // alone: to read the authorities that everybody trusts takes a permission (sys) that no command has
        ...ca !== undefined && { ca },
        ...cert !== undefined && { cert },
        ...key !== undefined && { key },
        ...alpn && { ALPNProtocols: [...alpn] },
      });
      stream.on(
        "error",
        (error: Error & { readonly code?: string }) =>
          fail(UNASKED.test(error.code ?? "") ? unproven() : error),
      );
      stream.on("close", () => fail(new Deno.errors.Interrupted()));
      stream.on("secureConnect", () => done(stream));
    },
  );
  try {
    tls.onFacts?.(factsOf(stream));
    if (!insecure && (pin === undefined || ca !== undefined)) {
      checkTrust(stream, name, ca);
    }
    if (pin !== undefined) checkPin(stream, pin);
    if (tls.mustAgree && !stream.alpnProtocol) {
      throw new Error("NoApplicationProtocol");
    }
  } catch (error) {
    stream.destroy();
    throw error;
  }
  return { ...secure, [Symbol.dispose]: secure.close };
}

/** A read takes so many bytes at first, and so many when there is more to take. */
const FIRST_BYTES = 4 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** The last record of what is written: of a longer one ncat 7.93 reads so much, and the rest when another record comes. */
const LAST_BYTES = 8 * 1024;

/** In so many turns without a write all has been handed on. */
const TURNS = 4;

/** Speaks TLS over a socket of its own, and closes it. The socket's end before TLS's own is an error, after what came; `begin` begins the handshake. */
export async function shakeHands(
  socket: Socket,
  begin: (
    duplex: Duplex,
    done: (stream: TLSSocket) => void,
    fail: (error: unknown) => void,
  ) => void,
): Promise<Socket & { readonly stream: TLSSocket }> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  // Node would take the end of the socket for TLS's own
  let over: { readonly why: unknown } | undefined;
  let failure: unknown;
  let wake = () => {};
  const unflushed: (() => void)[] = [];
  let writes = 0;
  let writing: Promise<void> | undefined;
  let isClosed = false;
  /** Whether Node would read, and whether somebody waits for that: before, Deno's part would take on without a bound, and lose TLS's end in it. */
  let isWanted = false;
  let isAwaited = true;
  let buffer = new Uint8Array(FIRST_BYTES);

  function end(why?: unknown): void {
    over = { why };
    wake();
    reject(why ?? new Deno.errors.UnexpectedEof("tls handshake eof"));
  }

  function flush(): void {
    for (const resolve of unflushed.splice(0)) resolve();
  }

  function receive(): void {
    if (!isWanted || !isAwaited) return;
    isWanted = false;
    socket.read(buffer).then((count) => {
      if (count === null) return end();
      duplex.push(buffer.subarray(0, count));
      // what is left there for later must not be written over
      if (
        duplex.readableLength > 0 ||
        count === buffer.length && count < CHUNK_BYTES
      ) buffer = new Uint8Array(CHUNK_BYTES);
      // what Node makes of it may throw too
    }).catch(end);
  }

  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      isWanted = true;
      receive();
    },
    write(chunk: Uint8Array, _encoding, done) {
      writes++;
      const written = writeAll(socket, chunk);
      writing = written.catch((error) => void (failure ??= error)).then(() => {
        writing = undefined;
        done();
        if (duplex.writableLength === 0) flush();
      });
    },
    destroy(error, done) {
      const close = () => {
        closeSocket(socket);
        flush();
        done(error);
      };
      // Node is done when both ways are over: its last word may be on its way still
      if (writing && !error && !isClosed) writing.then(close);
      else close();
    },
  });
  begin(duplex, resolve, reject);
  const stream = await promise.catch((error) => {
    duplex.destroy();
    throw error;
  });
  isAwaited = false;
  let broken: unknown;
  stream.on("error", (error) => broken ??= error);
  for (const event of ["readable", "end", "error", "close"]) {
    stream.on(event, () => wake());
  }
  let rest: Uint8Array = new Uint8Array();

  async function next(): Promise<Uint8Array | null> {
    for (let turns = 0;;) {
      const chunk: Uint8Array | null = stream.read();
      if (chunk !== null) return chunk;
      if (broken !== undefined) throw broken;
      if (stream.readableEnded) return null;
      if (stream.destroyed) throw new Deno.errors.Interrupted();
      if (over === undefined) {
        isAwaited = true;
        receive();
        await new Promise<void>((resolve) => wake = resolve);
        isAwaited = false;
        continue;
      }
      // Node decrypts at once what it is given, and says that TLS has ended before the next turn
      if (turns++ > 0) {
        throw over.why ??
          new Deno.errors.UnexpectedEof(
            "closed without sending TLS close_notify",
          );
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** Node says at once that TLS's end is written, which may stand behind what the peer has not taken: that is waited for. */
  async function settle(
    start: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      start((error) => error ? reject(error) : resolve())
    );
    if (duplex.writableLength > 0 && !duplex.destroyed) {
      await new Promise<void>((resolve) => unflushed.push(resolve));
    }
    if (failure !== undefined) throw failure;
  }

  /** Ends TLS. Node says that its end is written before it has handed it on, and closes meanwhile where the peer has ended. */
  async function finish(): Promise<void> {
    await settle((done) => stream.end(done));
    for (let seen = -1; seen !== writes && !isClosed;) {
      seen = writes;
      for (let turn = 0; turn < TURNS; turn++) await setImmediate();
      await writing;
    }
  }

  function close(): void {
    isClosed = true;
    stream.destroy();
    closeSocket(socket);
  }

  return {
    stream,
    async read(into) {
      if (rest.length === 0) {
        const chunk = await next();
        if (chunk === null) return null;
        rest = chunk;
      }
      const part = rest.subarray(0, into.length);
      into.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    async write(bytes) {
      const at = Math.max(0, bytes.length - LAST_BYTES);
      await settle((done) => {
        if (at > 0) stream.write(bytes.subarray(0, at));
        stream.write(bytes.subarray(at), done);
      });
      return bytes.length;
    },
    async closeWrite() {
      if (!stream.writableEnded) await finish();
    },
    abort: close,
    close() {
      // what waits for a peer that does not read would wait for ever
      if (stream.writableFinished || duplex.writableLength > 0) close();
      else {
        settle((done) => stream.end(done)).catch(() => {})
          .then(() => stream.destroy());
      }
    },
  };
}
