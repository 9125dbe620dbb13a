/**
 * Rows of the benchmark about whole processes: from start to end with a small response, and with big bodies of HTTP.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { send } from "../../lib/net/connection.ts";
import { makeCertificate } from "../server/tls/certificate.ts";
import config from "../../deno.json" with { type: "json" };
import { sleep, startDaemon } from "../../tests/daemon.ts";
import { run } from "../../tests/program.ts";
import { createHandler } from "../api/handler.ts";
import { serveHttp } from "../api/serve.ts";
import { seed } from "../api/store/seed.ts";
import { openStore } from "../api/store/sqlite.ts";
import { serve, type ServeOptions } from "../server/serve.ts";
import {
  type Bench,
  floor,
  hark,
  nothing,
  type Row,
  row,
} from "./contenders.ts";

const MIB = 2 ** 20;
const encoder = new TextEncoder();

const CLIENT = `import socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
if len(sys.argv) > 2:
    import ssl
    s = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(s, server_hostname="localhost")
print(f"Received from server: {s.recv(1024).decode()}")`;
const GET = `import sys, requests
response = requests.get(sys.argv[1])
print(response.status_code, response.json())`;
const POST = `import sys, requests
response = requests.post(sys.argv[1], json={"title": "foo", "body": "bar", "userId": 1})
print(response.status_code, response.json())`;
const POSTS = `import sys, requests
for post in requests.get(sys.argv[1]).json():
    print(f"Title: {post['title']}")
    print(f"Body: {post['body']}")
    print("-" * 40)`;

/** A server that greets, in this process, at its port. */
async function greeter({ stack }: Bench, tls: Pick<ServeOptions, "tls"> = {}) {
  const hello = encoder.encode("Hello, Client!");
  const handler: ServeOptions["handler"] = (conn) => send(conn, hello);
  const options = { host: "localhost", handler, ...tls };
  return `${stack.use(await serve(options)).port}`;
}

async function tlsGreeter(bench: Bench): Promise<string> {
  const tls = await makeCertificate();
  await Deno.writeTextFile(`${bench.folder}/cert.pem`, tls.cert);
  return await greeter(bench, { tls });
}

/** An API, in this process, at its origin. */
async function api({ stack }: Bench): Promise<string> {
  const handler = createHandler(stack.use(openStore(":memory:", seed)));
  const options = { host: "localhost", port: 0 };
  const { port } = stack.use(await serveHttp(handler, options));
  return `http://localhost:${port}`;
}

/** Writes a file of zeros that takes its room on the disk. */
export async function writeZeros(path: string, bytes: number): Promise<void> {
  const chunk = new Uint8Array(MIB);
  using file = await Deno.create(path);
  for (let done = 0; done < bytes;) done += await file.write(chunk);
}

/** Writes an array of records of some 100 bytes. */
async function writeRecords(path: string, bytes: number): Promise<void> {
  const record = (_: unknown, id: number) =>
    `,{"id":${id},"name":"record ${id}","price":${id}.10,"tags":["a","b"],"nested":{"ok":true,"none":null}}`;
  const records = Array.from({ length: 10_000 }, record).join("");
  using file = await Deno.create(path);
  await file.write(encoder.encode("[0"));
  const chunk = encoder.encode(records);
  for (let done = 0; done < bytes;) done += await file.write(chunk);
  await file.write(encoder.encode("]\n"));
}

const EVENTS = 200;
const PAUSE_MS = 5;

async function* events(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let count = 0; count < EVENTS; count++) {
    await sleep(PAUSE_MS);
    const at = performance.timeOrigin + performance.now();
    yield encoder.encode(`data: {"at":${at}}\n\n`);
  }
}

/** How late the events of a stream are on the stdout of a program: 99 of 100 are not later. */
async function lagOf(command: readonly string[]): Promise<number> {
  await using daemon = startDaemon(command, "lines");
  const lags: number[] = [];
  for (let line; (line = await daemon.line()) !== undefined;) {
    const at = line.match(/"at":\s*([\d.]+)/)?.[1];
    const now = performance.timeOrigin + performance.now();
    if (at !== undefined) lags.push(now - Number(at));
  }
  if (lags.length !== EVENTS) {
    throw new Error(`Cannot measure ${lags.length} events of ${EVENTS}`);
  }
  return lags.toSorted((a, b) => a - b)[Math.ceil(EVENTS * 0.99) - 1] ?? NaN;
}

/** A server in this process, at its origin, that sends a file, counts what is posted, and sends events. */
function serveBody({ stack, folder }: Bench): string {
  const respond = async (request: Request) => {
    if (request.url.endsWith("/events")) {
      const headers = { "content-type": "text/event-stream" };
      return new Response(ReadableStream.from(events()), { headers });
    }
    const { size } = await Deno.stat(`${folder}/body`);
    if (request.method === "GET") {
      const { readable } = await Deno.open(`${folder}/body`);
      const type = request.url.endsWith("/json") ? "json" : "octet-stream";
      const headers = {
        "content-type": `application/${type}`,
        "content-length": `${size}`,
      };
      return new Response(readable, { headers });
    }
    let received = 0;
    for await (const chunk of request.body ?? []) received += chunk.length;
    return Response.json({}, { status: received < size ? 400 : 201 });
  };
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const { addr } = stack.use(Deno.serve(options, respond));
  return `http://127.0.0.1:${addr.port}`;
}

async function gibibyte(bench: Bench): Promise<string> {
  await writeZeros(`${bench.folder}/body`, (bench.quick ? 64 : 1024) * MIB);
  return serveBody(bench);
}

async function records(bench: Bench): Promise<string> {
  await writeRecords(`${bench.folder}/body`, bench.quick ? 2e6 : 50e6);
  return serveBody(bench);
}

/** How long a server takes until it prints where it listens, in ms. */
async function bootOf(command: readonly string[]): Promise<number> {
  const begun = performance.now();
  await using server = startDaemon(command, "lines");
  for (;;) {
    const line = await server.line();
    if (line === undefined) throw new Error("Cannot start a server");
    if (line.startsWith("Listening")) return performance.now() - begun;
  }
}

/** The npm package as npm installs it, by the path of its launcher. */
async function packed({ folder }: Bench): Promise<string> {
  await run([Deno.execPath(), "task", "-q", "pack", "--out", folder]);
  const path = `${folder}/hark-${config.version}.tgz`;
  await run(["npm", "install", "--silent", "--prefix", folder, path]);
  return `${folder}/node_modules/.bin/hark`;
}

/** A row of big bodies. */
const large = (name: string, unit: string, start = gibibyte) =>
  row(name, start, { unit, rounds: 4 });

const TRUSTING = hark("client", "FOLDER");
const SAVING = [...hark("get", "FOLDER"), "-q", "-o", "FOLDER/saved"];
const BINARY = fileURLToPath(new URL("../../dist/get", import.meta.url));

/** Rows of whole processes: the commands beside those who do the same, what TLS adds, big bodies, and events. */
export const COMMAND_ROWS: readonly Row[] = [
  row("binary", nothing, { unit: "ms to tell its version", needs: [BINARY] })`
    hark get, a binary: ${BINARY} --version
    hark get: ${hark("get")} --version
    deno, an empty script: ${floor("empty")}`,
  row("launcher", packed, { unit: "ms to tell its version", needs: ["npm"] })`
    hark get, of the npm package: PLACE get --version
    hark get: ${hark("get")} --version
    deno, an empty script: ${floor("empty")}`,
  row("client", greeter)`
    hark client: ${hark("client")} localhost:PLACE
    deno, a three-line client: ${floor("client")} PLACE
    deno, an empty script: ${floor("empty")}
    python: python3 -c ${CLIENT} PLACE
    nc: nc -d localhost PLACE
    ncat: ncat --recv-only localhost PLACE`,
  row("client-tls", tlsGreeter)`
    hark client --tls: ${TRUSTING} --tls --ca FOLDER/cert.pem localhost:PLACE
    deno, a three-line TLS client: ${floor("client")} PLACE FOLDER/cert.pem
    deno, an empty script: ${floor("empty")}
    python: python3 -c ${CLIENT} PLACE FOLDER/cert.pem
    ncat: ncat --recv-only --ssl-verify --ssl-trustfile FOLDER/cert.pem localhost PLACE`,
  row("handshake", tlsGreeter, { unit: "ms to verify a certificate" })`
    hark client --check --tls: ${TRUSTING} --check --tls --ca FOLDER/cert.pem localhost:PLACE
    openssl s_client: openssl s_client -brief -verify_return_error -verify_hostname localhost -CAfile FOLDER/cert.pem -connect localhost:PLACE
    deno, an empty script: ${floor("empty")}`,
  row("get", api)`
    hark get: ${hark("get")} PLACE/posts/1
    deno, a three-line fetch: ${floor("fetch")} PLACE/posts/1
    deno, an empty script: ${floor("empty")}
    curl: curl -sS PLACE/posts/1
    python requests: python3 -c ${GET} PLACE/posts/1
    HTTPie: http --ignore-stdin PLACE/posts/1`,
  row("post", api)`
    hark post: ${hark("post")} PLACE/posts title=foo body=bar userId:=1
    deno, a short fetch: ${floor("post")} PLACE/posts
    deno, an empty script: ${floor("empty")}
    curl: curl -sS --json ${'{"title":"foo","body":"bar","userId":1}'} PLACE/posts
    python requests: python3 -c ${POST} PLACE/posts
    HTTPie: http --ignore-stdin PLACE/posts title=foo body=bar userId:=1`,
  row("posts", api)`
    hark posts: ${hark("posts")} --url PLACE
    deno, a three-line script: ${floor("posts")} PLACE/posts
    deno, an empty script: ${floor("empty")}
    python requests: python3 -c ${POSTS} PLACE/posts
    HTTPie: http --ignore-stdin PLACE/posts`,
  row("server", nothing, { unit: "ms until it listens", figureOf: bootOf })`
    hark server --tls: ${hark("server")} --port 0 --tls
    hark server: ${hark("server")} --port 0`,
  large("download", "ms for 1 GiB into a file; cpu in ms")`
    hark get --proxy '' -o, over our own socket: ${SAVING} --proxy= PLACE
    hark get -o: ${SAVING} PLACE
    deno, pipeTo: ${floor("save")} PLACE FOLDER/saved
    curl -o: curl -s -o FOLDER/saved PLACE`,
  large("upload", "ms for 1 GiB with its length; cpu in ms")`
    hark post @FILE: ${hark("post", "FOLDER")} PLACE @FOLDER/body
    curl -T: curl -sf -X POST -T FOLDER/body PLACE
    HTTPie: http --ignore-stdin PLACE @FOLDER/body`,
  large("multipart", "ms for a form with a file of 1 GiB; cpu in ms")`
    hark post -f: ${hark("post", "FOLDER")} -f PLACE file@FOLDER/body
    curl -F: curl -sf -F file=@FOLDER/body PLACE
    HTTPie: http --ignore-stdin -f PLACE file@FOLDER/body`,
  large("json", "ms to colour 50 MB of JSON; cpu in ms", records)`
    hark get --pretty --color: ${hark("get")} --pretty --color PLACE/json
    curl | jq: sh -c ${"curl -s PLACE/json | jq -C ."}`,
  large("pick", "ms to pick from 50 MB of JSON; cpu in ms", records)`
    hark get --pick: ${hark("get")} PLACE/json --pick [].id
    curl | jq: sh -c ${"curl -s PLACE/json | jq -r '.[1:][].id'"}`,
  row("events", serveBody, {
    unit: `ms of lag of 99 of 100 events, one each ${PAUSE_MS} ms`,
    rounds: 5,
    figureOf: lagOf,
  })`
    hark get: ${hark("get")} PLACE/events
    hark get --pretty: ${hark("get")} --pretty PLACE/events
    curl -N: curl -sN PLACE/events`,
];
