import { within } from "../tcp/within.ts";

/** How long a port has to say something, in ms. */
const PATIENCE_MS = 500;

/** What comes first in a record of TLS (RFC 8446, section 5.1). */
const ALERT = 21;
const HANDSHAKE = 22;

/** The shortest hello of a client (RFC 5246, section 7.4.1.2), with zeros for chance: whoever knows TLS answers it. */
const HELLO = Uint8Array.of(
  ...[HANDSHAKE, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3],
  ...Array(32).fill(0),
  // no session, one cipher, no compression
  ...[0, 0, 2, 0xc0, 0x2f, 1, 0],
);

/**
 * Whether a port speaks TLS: it gets a hello, and no request.
 *
 * @param url A URL of the port.
 *
 * @example A port that speaks something else
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response());
 * assertEquals(await speaksTls(new URL(`http://127.0.0.1:${server.addr.port}/`)), false);
 * ```
 */
export async function speaksTls({ hostname, port }: URL): Promise<boolean> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    using conn = await Deno.connect({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || 80,
      signal,
    });
    const answer = new Uint8Array(1);
    await within(signal, conn, async () => {
      await conn.write(HELLO);
      await conn.read(answer);
    });
    return answer[0] === ALERT || answer[0] === HANDSHAKE;
  } catch {
    return false;
  }
}
