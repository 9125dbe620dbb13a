/**
 * A server, a relay to it, a WebSocket, an api and a session under mixed load: whoever misbehaves may hurt only himself.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { writeAll } from "../../lib/net/connection.ts";
import { examine } from "../../tests/api/store/crash.ts";
import {
  connect,
  openFilesOf,
  sleep,
  startListener,
  until,
} from "../../tests/daemon.ts";
import { run } from "../../tests/program.ts";
import { hark } from "../bench/contenders.ts";
import { type Check, demand, mebibytesOf, start } from "./check.ts";

const POLITE = 3;
const RUDE = 6;
const PAUSE_MS = 10;
/** V8 lets garbage lie until there is enough of it, which takes some minutes; a leak goes on growing. */
const GROWTH_MIB = 64;

/** Half of it begins a document that never comes. */
const REQUEST =
  `POST /posts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n{"title":"never to be acknowledged"}    `;
const FLOOD = new TextEncoder().encode(REQUEST.repeat(50_000));

const upTo = (most: number) => Math.floor(Math.random() * most);
const noise = Uint8Array.from({ length: 2 ** 20 }, () => upTo(256));

/** Some of a mebibyte of random bytes. */
function someNoise(most: number): Uint8Array<ArrayBuffer> {
  const begin = upTo(noise.length - most);
  return noise.subarray(begin, begin + 1 + upTo(most));
}

/** Sends random bytes to an echo, ends, and wants every one of them back. Resolves to their number. */
async function echoed(port: number): Promise<number> {
  using conn = await connect(port);
  const sent = someNoise(256 * 1024);
  const send = async () => {
    await writeAll(conn, sent);
    await conn.closeWrite();
  };
  const received = new Response(conn.readable).bytes();
  const [came] = await Promise.all([received, send()]);
  demand(
    came.length === sent.length && came.every((byte, at) => byte === sent[at]),
    `of ${sent.length} bytes ${came.length} came back, or others`,
  );
  return sent.length;
}

/** Posts a document, reads it back, and resolves to what the api wrote. */
async function posted(
  origin: string,
  client: Deno.HttpClient,
): Promise<readonly [id: number, title: string]> {
  const title = crypto.randomUUID();
  const body = JSON.stringify({ title, userId: 1 + upTo(10) });
  const options = { client, method: "POST", body };
  const response = await fetch(`${origin}/posts`, options);
  const written = await response.json();
  demand(response.status === 201, `a POST was answered ${response.status}`);
  const again = await fetch(`${origin}/posts/${written.id}`, { client });
  assertEquals(await again.json(), written);
  return [written.id, title];
}

const MESSAGES = 16;

/** Sends random messages to a WebSocket that echoes, and wants every one of them back. Resolves to their number. */
async function messaged(port: number): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  socket.binaryType = "arraybuffer";
  const closed = new Promise((resolve) => socket.onclose = resolve);
  const sent = Array.from({ length: MESSAGES }, () => someNoise(16 * 1024));
  const came: Uint8Array[] = [];
  socket.onopen = () => sent.forEach((message) => socket.send(message));
  socket.onmessage = ({ data }) => {
    came.push(new Uint8Array(data));
    if (came.length === MESSAGES) socket.close();
  };
  await closed;
  assertEquals(came, sent);
  return MESSAGES;
}

/** What the api is asked through: a request may name a cookie that its response sets. */
const MIDDLEWARE = `export default async (request, next) => {
  const response = await next(request);
  const cookie = request.headers.get("x-set");
  if (cookie) response.headers.set("set-cookie", cookie);
  return response;
};`;

/** So many cookies the session holds: fewer than it may have of one host. */
const COOKIES = 150;

/** Gets a cookie into a session that others write at the same time. Resolves to its name and value. */
async function kept(
  url: string,
  folder: string,
  count: number,
): Promise<readonly [name: string, value: string]> {
  const [name, value] = [`c${count % COOKIES}`, `${count}`];
  const session = ["-q", "--session", `${folder}/session.json`];
  const command = [...hark("get", folder), ...session, url];
  const { code, stderr } = await run([...command, `X-Set:${name}=${value}`]);
  demand(code === 0, stderr);
  return [name, value];
}

/** What clients do to a connection before they drop it. */
const RUDENESS: readonly ((conn: Deno.Conn) => Promise<unknown>)[] = [
  async function stall(conn) {
    await writeAll(conn, FLOOD.subarray(0, REQUEST.length / 2));
    await sleep(500 + upTo(2500));
  },
  // what was not read when a socket is closed makes it a reset
  async function reset(conn) {
    await writeAll(conn, FLOOD.subarray(0, REQUEST.length * 100));
    await conn.read(new Uint8Array(1));
  },
  function flood(conn) {
    return Promise.race([writeAll(conn, FLOOD), sleep(300)]);
  },
  async function garble(conn) {
    await writeAll(conn, someNoise(64 * 1024));
    await Promise.race([conn.read(new Uint8Array(65_536)), sleep(300)]);
  },
  function vanish(conn) {
    return writeAll(conn, FLOOD.subarray(0, upTo(REQUEST.length)));
  },
];

async function misbehave(port: number): Promise<void> {
  const conn = await connect(port);
  // it need not be heard to the end
  const done = RUDENESS[upTo(RUDENESS.length)]?.(conn).catch(() => {});
  await Promise.race([done, sleep(5000)]);
  conn.close();
  await done;
}

async function mix(folder: string, minutes: number): Promise<string> {
  const path = `${folder}/a.db`;
  await using echo = await start("server", "echo");
  await using relay = await start("server", "relay", `127.0.0.1:${echo.port}`);
  await using sockets = await start("server", "--ws", "echo");
  await Deno.writeTextFile(`${folder}/middleware.js`, MIDDLEWARE);
  const middleware = ["--with", `${folder}/middleware.js`];
  await using api = await startListener(
    [...hark("api", folder), path, "--port", "PORT", ...middleware],
  );
  const origin = `http://127.0.0.1:${api.port}`;
  const written = new Map<number, string>();
  const cookies = new Map<string, string>();
  let [bytes, rude, messages, calls] = [0, 0, 0, 0];

  /** So many ms of everything at once. */
  async function load(ms: number): Promise<void> {
    const end = performance.now() + ms;
    using client = Deno.createHttpClient({});
    const repeat = (count: number, act: () => Promise<unknown>) =>
      Array.from({ length: count }, async () => {
        for (; performance.now() < end; await sleep(PAUSE_MS)) await act();
      });
    await Promise.all([
      ...[echo, relay].flatMap(({ port }) =>
        repeat(POLITE, async () => {
          const count = await echoed(port);
          bytes += count;
        })
      ),
      ...repeat(POLITE, async () => {
        const count = await messaged(sockets.port);
        messages += count;
      }),
      ...repeat(POLITE, async () => {
        cookies.set(...await kept(`${origin}/posts/1`, folder, calls++));
      }),
      ...[echo, relay, sockets, api].flatMap(({ port }) =>
        repeat(RUDE, async () => {
          await misbehave(port);
          rude++;
        })
      ),
      ...repeat(POLITE, async () => {
        written.set(...await posted(origin, client));
      }),
    ]);
  }

  const all = Object.entries({ server: echo, relay, ws: sockets, api });
  const idle = await Promise.all(all.map(([, { pid }]) => openFilesOf(pid)));
  /** Waits until every program has closed what it opened under load. Resolves to their memory in MiB. */
  const rest = () =>
    Promise.all(all.map(async ([name, { pid }], at) => {
      const closed = async () => await openFilesOf(pid) <= (idle[at] ?? 0);
      await until(`${name} to close its sockets`, closed);
      return await mebibytesOf(pid);
    }));
  const work = async () => {
    await load(minutes * 20_000);
    const before = await rest();
    await load(minutes * 40_000);
    const after = await rest();
    return all.map(([name], at) => {
      const [from = NaN, to = NaN] = [before[at], after[at]];
      const text = `${name} ${from.toFixed(0)} -> ${to.toFixed(0)} MiB`;
      demand(to - from < GROWTH_MIB, `memory grew: ${text}`);
      return text;
    });
  };
  // none of them may end meanwhile
  const ends = all.map(async ([name, { ended }]): Promise<never> => {
    throw new Error(`${name} ended: ${JSON.stringify(await ended)}`);
  });
  const facts = await Promise.race([work(), ...ends]);
  await api[Symbol.asyncDispose]();
  const { acknowledged, lost, integrity } = examine(path, written);
  const counts = [bytes, messages, calls, acknowledged, rude];
  demand(counts.every((count) => count > 0), "no load came");
  const session = JSON.parse(await Deno.readTextFile(`${folder}/session.json`));
  const read = session.cookies.map((
    { name, value }: Record<string, string>,
  ) => [name, value]);
  assertEquals(new Map(read), cookies);
  demand(lost === 0, `${lost} of ${acknowledged} acknowledged writes are lost`);
  demand(integrity === "ok", integrity);
  return [
    `${(bytes / 2 ** 20).toFixed(0)} MiB echoed`,
    `${messages} messages`,
    `${acknowledged} writes and ${calls} cookies, none lost`,
    `${rude} rude clients`,
    "no file left open",
    ...facts,
  ].join(", ");
}

/** The mixed load. */
export const MIXED_CHECKS: readonly Check[] = [{
  name: "mixed load",
  run: mix,
}];
