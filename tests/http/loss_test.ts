import { assertEquals, assertMatch } from "@std/assert";
import { createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { withFiles } from "../get/support.ts";
import { certificates } from "../net/openssl.ts";
import { run } from "../support.ts";
import { listenFreely, type TestServer } from "./server.ts";

const FOLDER = await certificates();
const CA = ["--ca", `${FOLDER}/ca.pem`];

/** How a server leaves: it ends the connection, resets it, or over TLS says before that it ends it. */
type End = "fin" | "rst" | "notify";

/** What a server does with each request in turn, the last of it from then on. */
interface Leaving {
  /** What it says before it leaves. */
  readonly says: string;
  readonly end: End;
  /** Of how many bytes it leaves. @default {1} */
  readonly after?: number;
}

/** Leaves each client as it is told to, the last way for all after it; counts the requests. */
async function serveLeaving(
  ways: readonly Leaving[],
  secure = false,
): Promise<TestServer & { readonly count: () => number }> {
  let count = 0;
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (raw) => {
    let way: Leaving | undefined;
    open.add(raw);
    raw.on("error", () => {});
    const socket: Socket = secure
      ? new TLSSocket(raw, {
        isServer: true,
        cert: Deno.readTextFileSync(`${FOLDER}/good.pem`),
        key: Deno.readTextFileSync(`${FOLDER}/good.key`),
      })
      : raw;
    socket.on("error", () => {});
    let [head, received] = ["", 0];
    const leave = () => {
      socket.off("data", take);
      if (way?.end === "rst") raw.resetAndDestroy();
      else if (way?.end === "fin") raw.end();
      else socket.end();
    };
    const take = (bytes: Uint8Array) => {
      received += bytes.length;
      head = (head + new TextDecoder().decode(bytes)).slice(0, 4096);
      // who looks whether this is TLS sends no request
      if (!head.includes("\r\n\r\n")) return;
      way ??= ways[Math.min(count++, ways.length - 1)];
      if (way === undefined || received < (way.after ?? 1)) return;
      socket.off("data", take);
      if (way.says === "") leave();
      else socket.write(way.says, leave);
    };
    socket.on("data", take);
  });
  const port = await listenFreely(server);
  return {
    url: `http${secure ? "s" : ""}://localhost:${port}`,
    count: () => count,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const raw of open) raw.destroy();
      }),
  };
}

const OK = "HTTP/1.1 200 OK\r\n";

/** Where a connection is lost, and what is said of it. */
const PLACES: readonly (readonly [place: string, says: string, RegExp])[] = [
  ["before a head", "", /: closed without an answer$/],
  ["in a head", `${OK}A: b\r\n`, /: closed without an answer$/],
  [
    "in a body",
    `${OK}Content-Length: 100\r\n\r\nonly nine`,
    /: cut short after 9 of 100 bytes$/,
  ],
  [
    "in a chunk",
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo`,
    /: cut short$/,
  ],
];

for (const secure of [false, true]) {
  for (
    const end of secure
      ? ["fin", "rst", "notify"] as const
      : ["fin", "rst"] as const
  ) {
    for (const [place, says, expected] of PLACES) {
      Deno.test(`a connection that is lost ${place} has one verdict (${end}${secure ? " over TLS" : ""})`, () =>
        withFiles({ large: new Uint8Array(8_000_000) }, async (folder) => {
          await using server = await serveLeaving([{ says, end }], secure);
          await using late = await serveLeaving(
            [{ says, end, after: 300_000 }],
            secure,
          );
          const trust = secure ? CA : [];
          const calls = [
            run(get, [...trust, "--retry", "0", server.url]),
            run(get, [...trust, "--retry", "0", "-4", server.url]),
            run(post, [...trust, server.url, "a=1"]),
            run(post, [...trust, server.url, `@${folder}/large`]),
            run(post, [...trust, late.url, `@${folder}/large`]),
            ...secure ? [run(get, ["-k", "--retry", "0", server.url])] : [],
          ];
          for (const { code, stderr } of await Promise.all(calls)) {
            const [line = ""] = stderr.match(/^(get|post): .*/m) ?? [];
            assertMatch(line, expected);
            assertEquals(code, 18);
          }
        }));
    }
  }
}

Deno.test("a GET that is closed without an answer is tried again, whichever way it goes", async () => {
  const hi = `${OK}Content-Length: 2\r\nConnection: close\r\n\r\nhi`;
  for (const secure of [false, true]) {
    for (const end of ["fin", "rst"] as const) {
      for (const way of [[], ["-4"]]) {
        await using server = await serveLeaving([
          { says: "", end },
          { says: hi, end: "notify" },
        ], secure);
        const trust = secure ? CA : [];
        const { code, stdout } = await run(get, [...trust, ...way, server.url]);
        assertEquals([code, stdout, server.count()], [0, "hi", 2]);
      }
    }
  }
});

Deno.test("an upload that is lost is tried again where it may be sent twice", () =>
  withFiles({ large: new Uint8Array(8_000_000) }, async (folder) => {
    const hi = `${OK}Content-Length: 2\r\nConnection: close\r\n\r\nhi`;
    const ways = [
      { says: "", end: "fin", after: 300_000 },
      { says: hi, end: "notify", after: 8_000_000 },
    ] as const;
    const body = `@${folder}/large`;
    await using put = await serveLeaving(ways);
    const sent = await run(post, ["-X", "PUT", "--retry", "1", put.url, body]);
    assertEquals([sent.code, sent.stdout, put.count()], [0, "hi", 2]);
    await using once = await serveLeaving(ways);
    const { code, stderr } = await run(post, [once.url, body]);
    assertEquals([code, once.count()], [18, 1]);
    assertMatch(stderr, /: closed without an answer\n$/);
  }));

Deno.test("an answer that comes before the end of an upload is shown, however the connection ends", () =>
  withFiles({ large: new Uint8Array(8_000_000) }, async (folder) => {
    const no = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
    for (const end of ["fin", "rst"] as const) {
      await using server = await serveLeaving([
        { says: no, end, after: 300_000 },
      ]);
      const { code, stdout } = await run(post, [
        server.url,
        `@${folder}/large`,
      ]);
      assertEquals([code, stdout], [4, "no"]);
    }
  }));
