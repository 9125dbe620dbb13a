import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  fingerprintOf,
  makeCertificate,
} from "../../tasks/server/tls/certificate.ts";
import { spawnProgram, testWith } from "../support.ts";

async function openssl(stdin: string, ...args: string[]): Promise<string> {
  const result = await spawnProgram("openssl", args, { stdin }).result;
  assertEquals(result.code, 0, result.stderr);
  return result.stdout;
}

for (const host of ["localhost", "127.0.0.1", "::1"]) {
  Deno.test(`makeCertificate() is accepted for ${host} by a client that trusts it alone`, async () => {
    const { cert, key } = await makeCertificate();
    using listener = Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert,
      key,
    });
    const { port } = listener.addr;
    const serving = listener.accept().then(async (conn) => {
      await conn.handshake();
      conn.close();
    });
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    using conn = await Deno.startTls(tcp, { hostname: host, caCerts: [cert] });
    await conn.handshake();
    await serving;
  });
}

testWith(
  "openssl",
  "makeCertificate() is what openssl takes for a server's, and no CA",
  async () => {
    const { cert } = await makeCertificate();
    const shown = await openssl(cert, "x509", "-noout", "-text");
    assertMatch(shown, /CA:FALSE/);
    assertMatch(
      shown,
      /DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/,
    );
    assertMatch(shown, /TLS Web Server Authentication/);
    const purpose = await openssl(cert, "x509", "-noout", "-purpose");
    assertMatch(purpose, /SSL server : Yes/);
    assertMatch(purpose, /SSL server CA : No/);
  },
);

testWith(
  "openssl",
  "makeCertificate() has a serial number, a signature and a key of its own, each well-formed, 20 times",
  async () => {
    const seen = new Set<string>();
    for (let count = 0; count < 20; count++) {
      const { cert, key } = await makeCertificate();
      // re-encoding finds an integer with needless zeros or without its sign
      const der = await openssl(cert, "x509", "-outform", "PEM");
      assertEquals(der, cert);
      await openssl(key, "pkey", "-check", "-noout");
      seen.add(cert);
    }
    assertEquals(seen.size, 20);
  },
);

testWith("openssl", "fingerprintOf() is openssl's", async () => {
  const { cert } = await makeCertificate();
  const shown = await openssl(
    cert,
    "x509",
    "-noout",
    "-fingerprint",
    "-sha256",
  );
  const [, hex = ""] = shown.trim().split("=");
  assertEquals(
    await fingerprintOf(`a comment\n${cert}${cert}`),
    hex.replaceAll(":", "").toLowerCase(),
  );
});

Deno.test("fingerprintOf() refuses what is no certificate", async () => {
  const { key } = await makeCertificate();
  for (const text of ["", key]) {
    await assertRejects(
      () => fingerprintOf(text),
      Error,
      "Cannot read the certificate: it is not PEM",
    );
  }
});
