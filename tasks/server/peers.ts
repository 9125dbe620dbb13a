/**
 * Datagrams for a server: who sends a first one is a client, like one that has connected.
 *
 * @module
 */

import { formatAddress, type TcpAddress } from "../../lib/net/address.ts";
import {
  createPeer,
  type Datagrams,
  openDatagrams,
} from "../../lib/net/datagrams.ts";
import { hostsOf, listenFailure } from "../../lib/net/listen.ts";
import type { Acceptor, Incoming } from "./acceptor.ts";

/** How many new peers may wait to be accepted: the datagrams of others are lost. */
const MOST_NEW = 1000;

/**
 * Takes datagrams on all addresses of a host, both loopbacks for `localhost`, on one port.
 *
 * @throws {Failure} `Cannot listen on host:port`, with the cause.
 */
export async function listenUdp(
  address: TcpAddress,
  family?: 4 | 6,
): Promise<Acceptor[]> {
  const acceptors: Acceptor[] = [];
  let { port } = address;
  let missing: unknown;
  try {
    for (const host of await hostsOf(address, family)) {
      try {
        const acceptor = await openAcceptor({ host, port });
        acceptors.push(acceptor);
        if ("port" in acceptor.addr) port = acceptor.addr.port;
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrNotAvailable)) throw error;
        missing = error;
      }
    }
    if (acceptors.length === 0) throw missing;
    return acceptors;
  } catch (error) {
    for (const acceptor of acceptors) acceptor.close();
    throw await listenFailure(address, error);
  }
}

const addrOf = ({ host, port }: TcpAddress): Deno.NetAddr => ({
  transport: "udp",
  hostname: host,
  port,
});

async function openAcceptor(own: TcpAddress): Promise<Acceptor> {
  const peers = new Map<string, ReturnType<typeof createPeer>>();
  const fresh: Incoming[] = [];
  const held = { bytes: 0 };
  let isClosed = false;
  let wake = () => {};
  const datagrams: Datagrams = await openDatagrams(own, (bytes, from) => {
    const name = formatAddress(from);
    const peer = peers.get(name) ?? add(name, from);
    peer?.push(bytes);
  });
  const addr = addrOf(datagrams.address);

  function add(name: string, from: TcpAddress) {
    if (isClosed || fresh.length >= MOST_NEW) return;
    const peer = createPeer(datagrams, from, () => {
      peers.delete(name);
      if (isClosed && peers.size === 0) datagrams.close();
    }, held);
    peers.set(name, peer);
    fresh.push({ ...peer, remoteAddr: addrOf(from), localAddr: addr });
    wake();
    return peer;
  }

  return {
    addr,
    async accept() {
      while (fresh.length === 0 && !isClosed) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      const client = fresh.shift();
      if (client && !isClosed) return client;
      throw new Deno.errors.BadResource();
    },
    close() {
      isClosed = true;
      for (const client of fresh.splice(0)) client.close();
      if (peers.size === 0) datagrams.close();
      wake();
    },
  };
}
