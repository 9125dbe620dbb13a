/**
 * What `send_test.ts` runs with `--expose-gc`: a body that stalls, whose response nobody else keeps, has still its limit.
 *
 * @module
 */

import { send } from "../../lib/http/send.ts";

using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const request = {
  method: "GET",
  url: new URL(`http://127.0.0.1:${listener.addr.port}/`),
  headers: [],
  typed: [],
};

async function stall(): Promise<Deno.Conn> {
  const conn = await listener.accept();
  await conn.read(new Uint8Array(4096));
  await conn.write(
    new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
  );
  return conn;
}

/** The body alone: the response is garbage from now on. */
async function bodyOf(): Promise<AsyncIterable<Uint8Array>> {
  return (await send(request, { timeouts: { idle: 200 } })).body;
}

const [conn, body] = await Promise.all([stall(), bodyOf()]);
for await (const chunk of body) {
  await Deno.stdout.write(new TextEncoder().encode(`${chunk.length}\n`));
  Reflect.get(globalThis, "gc")();
}
conn.close();
