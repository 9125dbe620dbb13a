/**
 * UDP, by node:dgram: each datagram is one read or one write.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import { requireNet, type TcpAddress } from "./address.ts";
import type { Socket } from "./connection.ts";

/** The most that one holds, over IPv4. */
export const MOST_BYTES = 65_507;

/** What waits to be read may not grow for ever: what is more is lost, as it may be anywhere on the way. */
const MOST_HELD = 16 * 2 ** 20;

export interface Datagrams {
  /** Where they come in. */
  readonly address: TcpAddress;
  readonly send: (bytes: Uint8Array, to: TcpAddress) => Promise<void>;
  readonly close: () => void;
}

/** Takes the datagrams that are sent to an address, until it is closed. */
export async function openDatagrams(
  { host, port }: TcpAddress,
  onDatagram: (bytes: Uint8Array, from: TcpAddress) => void,
): Promise<Datagrams> {
  // Node says of what is denied where nobody can catch it
  await requireNet({ host, port });
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.bind({ address: host, port }, resolve);
  }).catch((error) => {
    socket.close();
    throw /EADDRINUSE/.test(error.message)
      ? new Deno.errors.AddrInUse(error.message)
      : /EACCES/.test(error.message)
      ? new Deno.errors.PermissionDenied(error.message)
      : new Deno.errors.AddrNotAvailable(error.message);
  });
  socket.on(
    "message",
    (bytes, { address, port }) => onDatagram(bytes, { host: address, port }),
  );
  let isOpen = true;
  return {
    address: { host, port: socket.address().port },
    async send(bytes, to) {
      if (!isOpen) throw new Deno.errors.Interrupted();
      const sent = Promise.withResolvers<void>();
      socket.send(
        bytes,
        ...[to.port, to.host] as const,
        (error) => error ? sent.reject(error) : sent.resolve(),
      );
      await sent.promise.catch(async (error) => {
        await requireNet(to, "query");
        throw error;
      });
    },
    close() {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}

/** One peer's datagrams, which `push` brings, as a socket. What all of them hold together is counted in `held`. */
export function createPeer(
  datagrams: Pick<Datagrams, "send">,
  to: TcpAddress,
  onClose: () => void,
  held = { bytes: 0 },
): Socket & { readonly push: (bytes: Uint8Array) => void } {
  const waiting: Uint8Array[] = [];
  let isClosed = false;
  let wake = () => {};
  return {
    message: MOST_BYTES,
    push(bytes) {
      if (isClosed || held.bytes > MOST_HELD) return;
      held.bytes += bytes.length + 1;
      waiting.push(bytes);
      wake();
    },
    async read(into) {
      while (waiting.length === 0 && !isClosed) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      const bytes = waiting.shift();
      if (bytes === undefined) return null;
      held.bytes -= bytes.length + 1;
      into.set(bytes.subarray(0, into.length));
      return Math.min(bytes.length, into.length);
    },
    async write(bytes) {
      const part = bytes.subarray(0, MOST_BYTES);
      await datagrams.send(part, to);
      return part.length;
    },
    closeWrite: () => Promise.resolve(),
    close() {
      if (isClosed) return;
      isClosed = true;
      for (const { length } of waiting.splice(0)) held.bytes -= length + 1;
      wake();
      onClose();
    },
  };
}
