/**
 * Connecting from an address that was chosen: by Node, as Deno leaves it to the system.
 *
 * @module
 */

import { connect, type Socket as Stream } from "node:net";
import { Failure } from "../../lib/cli/errors.ts";
import {
  formatAddress,
  isLoopback,
  requireNet,
  type TcpAddress,
} from "../../lib/net/address.ts";
import type { Opened } from "../../lib/net/connect.ts";

/** Node's names for what Deno has classes for. */
const ERRORS: Readonly<Record<string, new (message: string) => Error>> = {
  EACCES: Deno.errors.PermissionDenied,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  // of an address of another machine
  EINVAL: Deno.errors.AddrNotAvailable,
  ECONNREFUSED: Deno.errors.ConnectionRefused,
  ECONNRESET: Deno.errors.ConnectionReset,
  EHOSTUNREACH: Deno.errors.NetworkUnreachable,
  ENETUNREACH: Deno.errors.NetworkUnreachable,
  EPIPE: Deno.errors.BrokenPipe,
  ERR_STREAM_PREMATURE_CLOSE: Deno.errors.Interrupted,
  ETIMEDOUT: Deno.errors.TimedOut,
};

function translate(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error)) return error;
  const Known = ERRORS[String(error.code)];
  return Known === undefined ? error : new Known(error.message);
}

/** Makes what connects from an address, or from a port of whatever address where that has no host. */
export function connectFrom(
  { host, port }: TcpAddress,
): (
  hostname: string,
  port: number,
  signal?: AbortSignal,
) => Promise<Opened> {
  return async (remoteHost, remotePort, signal) => {
    const any = remoteHost.includes(":") ? "::" : "0.0.0.0";
    const localAddress = host || (isLoopback(remoteHost) ? remoteHost : any);
    const own = { host: localAddress, port };
    // Node says of what is denied where nobody can catch it
    await requireNet(own);
    await requireNet({ host: remoteHost, port: remotePort });
    const stream = connect({
      ...{ host: remoteHost, port: remotePort, noDelay: true, keepAlive: true },
      ...{ localAddress, localPort: port, allowHalfOpen: true },
    });
    const stop = () => stream.destroy(signal?.reason);
    signal?.addEventListener("abort", stop);
    try {
      await new Promise<void>((resolve, reject) => {
        stream.once("connect", resolve);
        stream.once("error", reject);
        if (signal?.aborted) stop();
      });
    } catch (error) {
      const cause = translate(error);
      const isOwn = error instanceof Error && /^bind /.test(error.message);
      if (!isOwn) throw cause;
      const from = formatAddress(own).replace(/:0$/, "");
      const to = formatAddress({ host: remoteHost, port: remotePort });
      throw new Failure(`Cannot connect to ${to} from ${from}`, { cause });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    return socketOf(stream, remoteHost, remotePort);
  };
}

/** A stream of Node's as a socket of Deno's. */
function socketOf(stream: Stream, hostname: string, port: number): Opened {
  const chunks = stream.iterator({ destroyOnReturn: false });
  let rest: Uint8Array = new Uint8Array();
  const settle = (start: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) =>
      start((error) => error ? reject(translate(error)) : resolve())
    );
  const close = () => void stream.destroy();
  // the iterator and the writes say so too
  stream.on("error", () => {});
  return {
    remoteAddr: { transport: "tcp", hostname, port },
    async read(into) {
      if (rest.length === 0) {
        const { done, value } = await chunks.next().catch((error) => {
          throw translate(error);
        });
        if (done) return null;
        rest = value;
      }
      const part = rest.subarray(0, into.length);
      into.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    async write(bytes) {
      await settle((done) => stream.write(bytes, done));
      return bytes.length;
    },
    async closeWrite() {
      if (!stream.writableEnded) await settle((done) => stream.end(done));
    },
    close,
    [Symbol.dispose]: close,
  };
}
