// deno-coverage-ignore-file
/**
 * Certificates of openssl's making, with an authority of their own.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { hasCommand, spawnProgram } from "../support.ts";

const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
const LOCAL = "DNS:localhost,IP:127.0.0.1";

/** What certificates are for: the names in them, and for how many days they hold. */
const LEAVES: Readonly<Record<string, readonly [names: string, days: string]>> =
  {
    good: [LOCAL, "2"],
    other: ["DNS:b.example", "2"],
    expired: [LOCAL, "-1"],
    client: ["DNS:client.example", "2"],
  };

/** Where the certificates are: NAME.pem and NAME.key for each, `ca` signed the others, `self` signed itself. */
export async function makeCertificates(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const openssl = async (line: string, ...more: string[]) => {
    const args = [...line.split(" "), ...more];
    const { code, stderr } = await spawnProgram("openssl", args, {
      cwd: folder,
    }).result;
    assertEquals(code, 0, stderr);
  };
  const own = (name: string, isAuthority: "TRUE" | "FALSE") =>
    openssl(
      `req -x509 ${NEW_KEY} -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.pem`,
      ...["-addext", `basicConstraints=critical,CA:${isAuthority}`],
      ...["-addext", `subjectAltName=${LOCAL}`],
    );
  await own("ca", "TRUE");
  await own("self", "FALSE");
  for (const [name, [names, days]] of Object.entries(LEAVES)) {
    await openssl(
      `req ${NEW_KEY} -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`,
    );
    await Deno.writeTextFile(
      `${folder}/${name}.ext`,
      `basicConstraints=CA:FALSE\nsubjectAltName=${names}\n`,
    );
    await openssl(
      `x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -in ${name}.csr -extfile ${name}.ext -days ${days} -out ${name}.pem`,
    );
  }
  return folder;
}

/** The certificates of one test file, removed at its end; empty where openssl is not installed. */
export async function certificates(): Promise<string> {
  if (!hasCommand("openssl")) return "";
  const folder = await makeCertificates();
  globalThis.addEventListener(
    "unload",
    () => Deno.removeSync(folder, { recursive: true }),
  );
  return folder;
}
