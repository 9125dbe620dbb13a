/**
 * Clients of a mixed load: those that behave and hold a server to its word, and those that do not.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { demand } from "./check.ts";

const MIB = 2 ** 20;
const encoder = new TextEncoder();
const noise = new Uint8Array(MIB);
for (let at = 0; at < MIB; at += 65_536) {
  crypto.getRandomValues(noise.subarray(at, at + 65_536));
}

const upTo = (most: number) => Math.floor(Math.random() * most);

/** Some of a megabyte of random bytes. */
function someNoise(most: number): Uint8Array<ArrayBuffer> {
  const begin = upTo(MIB - most);
  return noise.subarray(begin, begin + 1 + upTo(most));
}

const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });

const sleep = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await conn.write(bytes.subarray(done));
  }
}

/** Sends random bytes to an echo, ends, and wants every one of them back. Resolves to their number. */
export async function echoed(port: number): Promise<number> {
  using conn = await connect(port);
  const sent = someNoise(256 * 1024);
  const received = new Uint8Array(sent.length);
  const receive = async () => {
    const buffer = new Uint8Array(65_536);
    let size = 0;
    for (let count; (count = await conn.read(buffer)) !== null; size += count) {
      demand(size + count <= sent.length, "more came back than was sent");
      received.set(buffer.subarray(0, count), size);
    }
    demand(size === sent.length, `${size} of ${sent.length} bytes came back`);
  };
  await Promise.all([
    writeAll(conn, sent).then(() => conn.closeWrite()),
    receive(),
  ]);
  demand(indexOfChange(sent, received) === undefined, "bytes were changed");
  return sent.length;
}

function indexOfChange(one: Uint8Array, other: Uint8Array): number | undefined {
  const at = one.findIndex((byte, at) => byte !== other[at]);
  return at < 0 ? undefined : at;
}

/** Posts a document, reads it back, and resolves to what the api says that it wrote. */
export async function posted(
  origin: string,
  client: Deno.HttpClient,
): Promise<readonly [id: number, title: string]> {
  const title = crypto.randomUUID();
  const response = await fetch(`${origin}/posts`, {
    client,
    method: "POST",
    body: JSON.stringify({ title, userId: 1 + upTo(10) }),
  });
  const written = await response.json();
  demand(response.status === 201, `a POST was answered ${response.status}`);
  const again = await fetch(`${origin}/posts/${written.id}`, { client });
  assertEquals(await again.json(), written);
  return [written.id, title];
}

/** Something that a client does to a connection before it drops it. */
type Rudeness = (conn: Deno.Conn, request: string) => Promise<unknown>;

const RUDENESS: readonly Rudeness[] = [
  async function stall(conn, request) {
    await conn.write(encoder.encode(request.slice(0, request.length / 2)));
    await sleep(500 + upTo(2500));
  },
  // what was not read when a socket is closed makes it a reset
  async function reset(conn, request) {
    await writeAll(conn, encoder.encode(request.repeat(100)));
    await conn.read(new Uint8Array(1));
  },
  async function flood(conn, request) {
    const bytes = encoder.encode(request.repeat(50_000));
    await Promise.race([writeAll(conn, bytes), sleep(300)]);
  },
  async function garble(conn) {
    await writeAll(conn, someNoise(64 * 1024));
    await Promise.race([conn.read(new Uint8Array(65_536)), sleep(300)]);
  },
  async function vanish(conn, request) {
    await conn.write(encoder.encode(request.slice(0, upTo(request.length))));
  },
];

/** Connects, stalls, resets, floods, sends garbage or vanishes, by chance, and drops the connection. */
export async function misbehave(port: number, request: string): Promise<void> {
  const conn = await connect(port);
  const rudeness = RUDENESS[upTo(RUDENESS.length)];
  // it need not be heard to the end
  const done = rudeness?.(conn, request).catch(() => {});
  await Promise.race([done, sleep(5000)]);
  conn.close();
  await done;
}
