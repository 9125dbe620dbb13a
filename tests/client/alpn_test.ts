import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../tasks/client.ts";
import { makeIdentity } from "../net/identity.ts";
import { openssl } from "../net/openssl.ts";
import { run, spawnProgram, testWith, withFolder } from "../support.ts";

/** Lends a TLS server that takes some protocols, and the two ways to trust it: by Deno's TLS, and by Node's. */
function withServer(
  alpnProtocols: string[],
  use: (
    address: string,
    ways: readonly (readonly string[])[],
  ) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const paths = await makeIdentity(folder);
    const [cert, key] = await Promise.all(
      [paths.cert, paths.key].map((path) => Deno.readTextFile(path)),
    );
    if (cert === undefined || key === undefined) throw new Error("no pair");
    await openssl(folder, "x509 -in cert.pem -outform der -out cert.der");
    const { stdout } = await spawnProgram("sha256sum", ["cert.der"], {
      cwd: folder,
    }).result;
    const pin = stdout.slice(0, 64);
    const listener = Deno.listenTls({
      ...{ hostname: "127.0.0.1", port: 0, cert, key },
      ...alpnProtocols.length > 0 && { alpnProtocols },
    });
    const served = (async () => {
      for await (const conn of listener) {
        await conn.handshake().catch(() => {});
        await conn.write(new TextEncoder().encode("hi")).catch(() => {});
        conn.close();
      }
    })();
    const { port } = listener.addr;
    try {
      await use(`localhost:${port}`, [["--ca", paths.cert], ["--pin", pin]]);
    } finally {
      listener.close();
      await served;
    }
  });
}

testWith(
  "openssl",
  "client --alpn offers protocols, and says which was agreed on",
  () =>
    withServer(["foo", "h2"], async (address, ways) => {
      for (const way of ways) {
        const args = ["--alpn", "h2,http/1.1", ...way, address];
        const json = await run(main, ["--json", ...args]);
        assertEquals(json.code, 0, json.stderr);
        assertMatch(
          json.stdout,
          /^{"event":"open",.*"tls":"TLSv1.3",.*"alpn":"h2","certificate":{/,
        );
        const dump = await run(main, ["--dump", ...args]);
        assertMatch(dump.stderr, /^\S+Z = localhost:\d+ ALPN h2\n/);
        const told = await run(main, args, {
          terminal: { stdin: true, stderr: true },
          stdin: new Uint8Array(),
        });
        assertStringIncludes(told.stderr, ", the protocol is h2\n");
      }
    }),
);

for (const takes of [["foo"], []]) {
  testWith(
    "openssl",
    `client --alpn is an error where the server takes ${takes[0] ?? "none"}`,
    () =>
      withServer(takes, async (address, ways) => {
        for (const way of ways) {
          const args = ["--alpn", "h2,http/1.1", ...way, address];
          const why = "no protocol in common: it takes none of h2,http/1.1";
          const failed = await run(main, args);
          assertEquals([failed.code, failed.stdout, failed.stderr], [
            1,
            "",
            `client: Cannot start TLS with ${address}: ${why}\nhint: see what it does without --alpn\n`,
          ]);
          const checked = await run(main, ["--check", ...args]);
          assertEquals(checked.code, 7);
          const [first, ...facts] = checked.stdout.split("\n");
          assertEquals(first, `${address} open, but ${why}`);
          // a server that refuses by itself shows no certificate
          assertEquals(
            facts.includes("  trusted yes"),
            takes.length === 0,
            checked.stdout,
          );
        }
      }),
  );
}

Deno.test("client --alpn takes names of protocols alone", async () => {
  for (const list of ["", "h2,", "h 2", "é", "x".repeat(256)]) {
    const { code, stderr } = await run(main, ["--alpn", list, "localhost:1"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `Cannot parse protocols "${list}"`);
  }
});
