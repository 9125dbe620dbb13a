import { assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/cli/errors.ts";
import { readPair, readPem } from "../../lib/net/tls/trust.ts";
import { run, testWith, withFolder } from "../support.ts";
import { main as get } from "../../tasks/get.ts";
import { makeIdentity } from "./identity.ts";
import { openssl } from "./openssl.ts";

const encoder = new TextEncoder();

/** What else a file of PEM may be, made of it. */
const FORMS: readonly (readonly [
  name: string,
  make: (pem: string) => string | Uint8Array,
])[] = [
  ["as it is", (pem) => pem],
  ["with a BOM", (pem) => `\ufeff${pem}`],
  ["with CRLF", (pem) => pem.replaceAll("\n", "\r\n")],
  ["with CR", (pem) => pem.replaceAll("\n", "\r")],
  ["with a BOM and CRLF", (pem) => `\ufeff${pem.replaceAll("\n", "\r\n")}`],
  [
    "in UTF-16",
    (pem) =>
      Uint8Array.from(`\ufeff${pem}`, (sign) => sign.charCodeAt(0) & 0xff)
        .reduce((bytes, byte, at) => {
          bytes[at * 2] = byte;
          return bytes;
        }, new Uint8Array(pem.length * 2 + 2)).fill(0xfe, 1, 2),
  ],
  ["with text before it", (pem) => `Bag Attributes\n  a: b\n${pem}`],
  [
    "of X509",
    (pem) => pem.replaceAll(" CERTIFICATE", " X509 CERTIFICATE"),
  ],
];

async function write(path: string, data: string | Uint8Array): Promise<void> {
  await Deno.writeFile(
    path,
    typeof data === "string" ? encoder.encode(data) : data,
  );
}

testWith(
  "openssl",
  "readPem() gives what Deno reads, however PEM is written",
  () =>
    withFolder(async (folder) => {
      const { cert, key } = await makeIdentity(folder);
      const path = `${folder}/a.pem`;
      const pem = await Deno.readTextFile(cert);
      const expected = await readPem(cert, "CERTIFICATE");
      for (const [name, make] of FORMS) {
        await write(path, make(pem));
        assertEquals(await readPem(path, "CERTIFICATE"), expected, name);
      }
      await openssl(
        folder,
        "x509 -in cert.pem -trustout -addtrust serverAuth -setalias a -out a.pem",
      );
      assertEquals(await readPem(path, "CERTIFICATE"), expected);
      for (const sec1 of ["", "-traditional "]) {
        await openssl(folder, `pkey -in key.pem ${sec1}-out plain.pem`);
        const plain = await Deno.readTextFile(`${folder}/plain.pem`);
        const expected = await readPem(`${folder}/plain.pem`, "PRIVATE KEY");
        for (const [name, make] of FORMS) {
          await write(path, make(plain));
          assertEquals(await readPem(path, "PRIVATE KEY"), expected, name);
        }
      }
      await write(path, `\ufeff${await Deno.readTextFile(key)}`);
      assertEquals(
        await readPem(path, "PRIVATE KEY"),
        await readPem(key, "PRIVATE KEY"),
      );
      await openssl(
        folder,
        "pkey -in key.pem -aes128 -passout pass:x -out e.pem",
      );
      const encrypted = await Deno.readTextFile(`${folder}/e.pem`);
      await write(path, `\ufeff${encrypted}`);
      await assertRejects(
        () => readPem(path, "PRIVATE KEY"),
        Failure,
        `Cannot use "${path}": it is encrypted`,
      );
    }),
);

testWith(
  "openssl",
  "what is no PEM is refused, with the command that makes PEM of it",
  () =>
    withFolder(async (folder) => {
      await makeIdentity(folder);
      const path = `${folder}/my store`;
      for (
        const [line, kind, command] of [
          ["x509 -in cert.pem -outform der", "CERTIFICATE", "x509 -inform der"],
          ["pkey -in key.pem -outform der", "PRIVATE KEY", "pkey -inform der"],
          [
            "pkcs12 -export -in cert.pem -inkey key.pem -passout pass:",
            "CERTIFICATE",
            "pkcs12 -nodes",
          ],
          [
            "crl2pkcs7 -nocrl -certfile cert.pem",
            "CERTIFICATE",
            "pkcs7 -print_certs",
          ],
          [
            "crl2pkcs7 -nocrl -certfile cert.pem -outform der",
            "CERTIFICATE",
            "pkcs7 -inform der -print_certs",
          ],
        ] as const
      ) {
        await openssl(folder, `${line} -out made`);
        await Deno.rename(`${folder}/made`, path);
        const error = await assertRejects(() => readPem(path, kind), Failure);
        assertEquals(
          error.message,
          `Cannot use "${path}": it holds no PEM of a ${kind}`,
        );
        assertEquals(
          error.hint,
          `make PEM of it: openssl ${command} -in '${path}' -out '${path}.pem'`,
        );
      }
      const alone = await assertRejects(
        () => readPair({ cert: `${folder}/cert.pem` }),
        Failure,
        "it holds no PEM of a PRIVATE KEY",
      );
      assertEquals(
        alone.hint,
        "a certificate is --cert FILE, its key --key FILE",
      );
      const pem = await Deno.readTextFile(`${folder}/cert.pem`);
      for (const cut of [pem.slice(0, 200), pem + pem.slice(0, 200)]) {
        await write(path, cut);
        await assertRejects(
          () => readPem(path, "CERTIFICATE"),
          Failure,
          "a certificate in it cannot be read",
        );
      }
      const { code } = await run(get, ["--ca", path, "https://localhost:1/"]);
      assertEquals(code, 1);
    }),
);
