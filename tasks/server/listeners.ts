/**
 * The sockets that `server` listens on beside those of TCP: TLS, Unix.
 *
 * @module
 */

import { Failure, UsageError } from "../../lib/cli/errors.ts";
import type { Address } from "../../lib/net/address.ts";
import type { Socket } from "../../lib/net/connection.ts";
import { listen, listenFailure } from "../../lib/net/listen.ts";
import {
  abortSocket,
  type Acceptor,
  type Incoming,
  type TlsServer,
} from "./acceptor.ts";

/**
 * Listens for TLS 1.2 and 1.3, on the same addresses as without. A client is accepted before its handshake, so
 * that one that never speaks keeps nobody else waiting.
 *
 * @throws {Failure} `Cannot listen on host:port`, with the cause.
 */
export async function listenTls(
  address: Address,
  tls: TlsServer,
  family?: 4 | 6,
): Promise<Acceptor[]> {
  if ("path" in address) {
    throw new UsageError("Cannot speak TLS on a Unix socket");
  }
  const listeners: Acceptor[] = await listen(address, family);
  // Node takes its time to load: the first client waits for that, not who starts the server
  let handshakes: Handshakes | undefined;
  const load = () =>
    import("./tls/handshake.ts").then(({ createHandshakes }) =>
      createHandshakes(tls)
    );
  return listeners.map((listener) => ({
    addr: listener.addr,
    async accept() {
      const client = await listener.accept();
      return secure(client, handshakes ??= load());
    },
    close: () => listener.close(),
  }));
}

type Handshakes = Promise<
  ReturnType<typeof import("./tls/handshake.ts").createHandshakes>
>;

/** A client that speaks TLS once it has shaken hands. */
function secure(
  client: Incoming,
  handshakes: Handshakes,
): Incoming {
  let socket: Socket = client;
  return {
    remoteAddr: client.remoteAddr,
    localAddr: client.localAddr,
    read: (buffer) => socket.read(buffer),
    write: (bytes) => socket.write(bytes),
    closeWrite: () => socket.closeWrite(),
    close: () => socket.close(),
    abort: () => abortSocket(socket),
    setNoDelay: () => client.setNoDelay?.(),
    setKeepAlive: () => client.setKeepAlive?.(),
    async handshake() {
      const { socket: secured, ...agreed } = await (await handshakes)(client);
      socket = secured;
      return agreed;
    },
  };
}

/**
 * Listens on a Unix socket that only its owner may use. A socket that a killed server left behind is replaced; one
 * that a server listens on, or any other file, is left alone. Closing the listener removes it.
 *
 * @throws {Failure} `Cannot listen on unix:PATH`, with the cause: in use, not a socket, not permitted.
 */
export async function listenUnix(path: string): Promise<Acceptor> {
  const open = async () => {
    const listener = Deno.listen({ transport: "unix", path });
    try {
      const { mode } = await Deno.lstat(path);
      await Deno.chmod(path, 0o600);
      if ((mode ?? 0) & FOR_OTHERS) await dropEarly(listener, path);
      return listener;
    } catch (error) {
      listener.close();
      throw error;
    }
  };
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse) || !await isDead(path)) {
      throw await listenFailure({ path }, error);
    }
    await Deno.remove(path);
    return await open();
  }
}

/** Who may write to a Unix socket may connect to it. */
const FOR_OTHERS = 0o022;

/**
 * Drops whoever connected before the socket was its owner's alone: Deno binds and listens in one, and its umask needs a
 * permission that no command has. They are ahead of a connection of our own, whose write fails when it is dropped too.
 */
async function dropEarly(
  listener: Deno.UnixListener,
  path: string,
): Promise<void> {
  using own = await Deno.connect({ transport: "unix", path });
  for (let isOwn = false; !isOwn;) {
    (await listener.accept()).close();
    isOwn = await own.write(Uint8Array.of(0)).then(() => false, () => true);
  }
}

/** Whether the socket at a path is one that nobody listens on any more. */
async function isDead(path: string): Promise<boolean> {
  if (!(await Deno.lstat(path)).isSocket) {
    throw new Failure(`Cannot listen on unix:${path}: it is not a socket`, {
      hint: "remove it, or listen on another path",
    });
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}
