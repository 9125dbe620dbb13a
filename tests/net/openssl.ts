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

/** What certificates are for: the names in them, for how many days they hold, and what else they say. */
const LEAVES: Readonly<
  Record<string, readonly [names: string, days: string, more?: string]>
> = {
  good: [LOCAL, "2"],
  other: ["DNS:b.example", "2"],
  wild: ["DNS:*.b.example", "2"],
  address: ["IP:10.0.0.1", "2"],
  expired: [LOCAL, "-1"],
  future: [LOCAL, "2"],
  nameless: ["", "2"],
  purpose: [LOCAL, "2", "extendedKeyUsage=clientAuth"],
  client: ["DNS:client.example", "2"],
};

/** Those that sign themselves: the names in them, and whether they are authorities. */
const ROOTS: Readonly<
  Record<string, readonly [names: string, isAuthority: "TRUE" | "FALSE"]>
> = {
  ca: [LOCAL, "TRUE"],
  self: [LOCAL, "FALSE"],
  stranger: ["DNS:b.example", "FALSE"],
  foreign: ["DNS:b.example", "TRUE"],
};

/** Runs openssl in a folder. */
export async function openssl(folder: string, line: string): Promise<void> {
  const { code, stderr } = await spawnProgram("openssl", line.split(" "), {
    cwd: folder,
  }).result;
  assertEquals(code, 0, stderr);
}

/** Makes NAME.pem and NAME.key for each of {@linkcode ROOTS} and, signed by `ca`, of {@linkcode LEAVES}. */
async function makeCertificates(folder: string): Promise<void> {
  for (const [name, [names, isAuthority]] of Object.entries(ROOTS)) {
    await openssl(
      folder,
      `req -x509 ${NEW_KEY} -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.pem` +
        ` -addext basicConstraints=critical,CA:${isAuthority} -addext subjectAltName=${names}`,
    );
  }
  for (const [name, [names, days, more = ""]] of Object.entries(LEAVES)) {
    await openssl(
      folder,
      `req ${NEW_KEY} -subj /CN=${
        names === "" ? "localhost" : name
      } -keyout ${name}.key -out ${name}.csr`,
    );
    const san = names === "" ? "" : `subjectAltName=${names}\n`;
    await Deno.writeTextFile(
      `${folder}/${name}.ext`,
      `basicConstraints=CA:FALSE\n${san}${more}\n`,
    );
    await openssl(
      folder,
      `x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -in ${name}.csr -extfile ${name}.ext -days ${days} -out ${name}.pem`,
    );
  }
  // only openssl's own authority can date one ahead
  await Deno.writeTextFile(`${folder}/index.txt`, "");
  await Deno.writeTextFile(
    `${folder}/ca.cnf`,
    "[ca]\ndefault_ca=it\n[it]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\npolicy=any\n[any]\ncommonName=optional\n",
  );
  await openssl(
    folder,
    "ca -batch -config ca.cnf -md sha256 -create_serial -cert ca.pem -keyfile ca.key -in future.csr" +
      " -extfile future.ext -startdate 20990101000000Z -enddate 20991231000000Z -out future.pem -notext",
  );
}

/** The certificates of one test file, removed at its end; empty where openssl is not installed. */
export async function certificates(): Promise<string> {
  if (!hasCommand("openssl")) return "";
  const folder = await Deno.makeTempDir();
  await makeCertificates(folder);
  globalThis.addEventListener(
    "unload",
    () => Deno.removeSync(folder, { recursive: true }),
  );
  return folder;
}
