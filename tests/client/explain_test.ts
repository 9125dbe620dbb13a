import { assert, assertEquals } from "@std/assert";
import { createServer } from "node:net";
import { main as client } from "../../tasks/client.ts";
import { main as server } from "../../tasks/server.ts";
import { SENTENCES } from "../../tasks/get/view/explain.ts";
import { namesIn, said } from "../get/view/sentences.ts";
import { closedUrl, listenFreely, serveRaw } from "../http/server.ts";
import { run, start, withFolder } from "../support.ts";

/** Runs client in both languages, of which each says the same facts; gives their names. */
async function explain(...args: string[]): Promise<string[]> {
  const names: string[][] = [];
  for (const language of ["en", "ko"] as const) {
    const { stderr } = await run(client, [`--explain=${language}`, ...args]);
    names.push(namesIn(stderr, language));
  }
  const [english = [], korean] = names;
  assertEquals(korean, english);
  return english;
}

/** Our server on a free port of 127.0.0.1, while a test uses it. */
async function withServer(
  args: readonly string[],
  use: (port: string, said: string) => Promise<void>,
): Promise<void> {
  const { stdout, result, interrupt } = start(server, [
    ...["--host", "127.0.0.1", "--port", "0", "--grace", "1", ...args],
  ]);
  try {
    const said = await stdout.waitFor(/Listening on .*:(\d+)\/?\n/);
    const [, port = ""] = said.match(/Listening on .*:(\d+)/) ?? [];
    await use(port, said);
  } finally {
    interrupt();
    await result;
  }
}

Deno.test("client --explain says who has ended first", async () => {
  await withServer([], async (port) => {
    assertEquals(
      await explain(`127.0.0.1:${port}`),
      ["connected", "server-first"],
    );
  });
  await withServer(["echo"], async (port) => {
    assertEquals(
      await explain("--send", "hi", `localhost:${port}`),
      ["addresses", "connected", "half-close", "client-first"],
    );
  });
});

Deno.test("client --explain leaves stdout as it is, and takes --json and --dump", async () => {
  await withServer([], async (port) => {
    const at = `127.0.0.1:${port}`;
    const { stdout } = await run(client, ["--explain", at]);
    assertEquals(stdout, "Received from server: Hello, Client!\n");
    for (const option of ["--json", "--dump"]) {
      assertEquals(await explain(option, at), ["connected", "server-first"]);
    }
  });
});

Deno.test("client --explain says which addresses refuse, once each", async () => {
  const { port } = new URL(closedUrl());
  const refused = ["addresses", "refused", "next", "refused"];
  assertEquals(await explain(`localhost:${port}`), refused);
  assertEquals(
    (await explain("--wait", "0.3", `localhost:${port}`)).slice(0, 4),
    refused,
  );
});

Deno.test("client --explain says that the peer has reset the connection", async () => {
  const server = createServer((socket) =>
    socket.on("error", () => {}).once("data", () => socket.resetAndDestroy())
  );
  const port = await listenFreely(server);
  const names = await explain("--send", "hi", `127.0.0.1:${port}`);
  assertEquals(names.at(-1), "reset");
  server.close();
});

Deno.test("client --explain says what TLS agrees on, and why a certificate is refused or trusted", async () => {
  await withServer(["--tls", "echo"], async (port, said) => {
    const at = `127.0.0.1:${port}`;
    assertEquals(
      await explain("--tls", at),
      ["connected", "tls", "certificate", "self-signed"],
    );
    const [, pin = ""] = said.match(/([\da-f]{64})/) ?? [];
    assertEquals(
      await explain("--pin", pin, "--send", "hi", at),
      [
        ...["connected", "tls", "certificate", "trusted-pin"],
        ...["half-close", "client-first"],
      ],
    );
  });
  await withServer([], async (port) => {
    const at = `127.0.0.1:${port}`;
    assertEquals(await explain("--tls", at), ["connected", "no-tls"]);
  });
  await using silent = serveRaw(() => [], { hold: true });
  const { host } = new URL(silent.url);
  assertEquals(
    await explain("--tls", "--timeout", "0.2", host),
    ["connected", "late-tls"],
  );
});

Deno.test("client --explain says whether a proxy makes the connection", async () => {
  const proxy = closedUrl();
  assertEquals(
    await explain("--proxy", proxy, "a.test:80"),
    ["proxy-fails"],
  );
  await using silent = serveRaw(() => [], { hold: true });
  assertEquals(
    await explain("--proxy", silent.url, "--timeout", "0.2", "a.test:80"),
    ["late-connect"],
  );
});

Deno.test("client --explain says that a Unix socket is on this machine", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a`;
    using listener = Deno.listen({ transport: "unix", path });
    const served = (async () => {
      for (let count = 0; count < 2; count++) (await listener.accept()).close();
    })();
    assertEquals(await explain(`unix:${path}`), ["unix", "server-first"]);
    await served;
  });
});

Deno.test("client --explain says of UDP that nothing tells whether a datagram arrives", async () => {
  await withServer(["--udp", "echo"], async (port) => {
    assertEquals(
      await explain("--send", "hi", `udp:127.0.0.1:${port}`),
      ["datagram-sent", "datagram-came"],
    );
  });
  const { port } = new URL(closedUrl());
  assertEquals(
    await explain("--timeout", "0.1", `udp:127.0.0.1:${port}`),
    ["datagram-sent"],
  );
});

/** A server of WebSocket that closes with a code, or without one. */
function closing(code?: number) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => socket.close(code);
      return response;
    },
  );
  return {
    url: `ws://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

for (
  const [code, name] of [
    [undefined, "close-1005"],
    [1000, "close-1000"],
    [4000, "close"],
  ] as const
) {
  Deno.test(`client --explain says ${name} of a WebSocket that is closed with ${code}`, async () => {
    await using server = closing(code);
    const names = await explain(server.url);
    assertEquals(names.slice(0, 3), ["connected", "101", name]);
  });
}

Deno.test("client --explain says that a server goes away, or opens no WebSocket", async () => {
  for (const language of ["en", "ko"] as const) {
    await withServer(["--ws", "echo"], async (port) => {
      const args = [`--explain=${language}`, `ws://127.0.0.1:${port}/`];
      const gone = start(client, [...args, "--send", "a", "--keep-open"]);
      await gone.stdout.waitFor(/a\n/);
      ended.push(async () => {
        const { stderr } = await gone.result;
        assert(namesIn(stderr, language).includes("close-1001"), stderr);
      });
    });
    await ended.pop()?.();
  }
  await using server = serveRaw(() => ["HTTP/1.1 404 Not Found\r\n\r\n"]);
  const names = await explain(server.url.replace("http", "ws"));
  assert(names.includes("no-upgrade"), names.join());
});

/** What is looked at when a server has ended. */
const ended: (() => Promise<void>)[] = [];

Deno.test("client --explain does not go with --check", async () => {
  const { code } = await run(client, ["--explain", "--check", "80"]);
  assertEquals(code, 2);
});

Deno.test("every sentence of client's alone was said above, in both languages", () => {
  const OWN =
    /^(half-close|server-first|client-first|datagram-|no-upgrade|close)/;
  for (const language of ["en", "ko"] as const) {
    const unsaid = [...SENTENCES.keys()].filter((name) =>
      OWN.test(name) && !said[language].has(name)
    );
    assertEquals(unsaid, [], language);
  }
});
