import { type Address, formatAddress } from "./address.ts";
import { connect, type ConnectOptions } from "./connect.ts";
import { closeSocket, track } from "./connection.ts";
import type { Handler } from "./modes.ts";
import { forward } from "./pump.ts";

/**
 * Connects every client to a target, both ways and with half-closes, until both have ended.
 *
 * @param target Where to.
 * @param options How long the target may take, and whether it speaks TLS.
 *
 * @example To an echo
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { echo } from "./modes.ts";
 * import { serve } from "./serve.ts";
 *
 * await using target = await serve({ handler: echo });
 * await using server = await serve({ handler: relay({ host: "127.0.0.1", port: target.port }) });
 * using conn = await Deno.connect({ port: server.port });
 * await conn.write(new TextEncoder().encode("hello"));
 * assertEquals(await conn.read(new Uint8Array(9)), 5);
 * ```
 */
export function relay(target: Address, options: ConnectOptions = {}): Handler {
  const peer = formatAddress(target);
  return async (connection) => {
    const socket = await connect(target, options);
    const other = track(socket, peer);
    try {
      await Promise.all([
        forward(connection, other),
        forward(other, connection),
      ]);
    } finally {
      closeSocket(socket);
    }
  };
}
