// deno-coverage-ignore-file
/**
 * Certificates for localhost in files: of openssl's making, for peers that are not ours, and of our own.
 *
 * @module
 */

import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { run } from "../program.ts";

/** Where a certificate for localhost and its key are. */
export interface Identity {
  /** The certificate, in PEM. */
  readonly cert: string;
  /** Its private key, in PEM. */
  readonly key: string;
}

/** Makes a certificate for localhost that is no authority, in a folder. */
export async function makeIdentity(folder: string): Promise<Identity> {
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  const { code, stderr } = await run([
    ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
      .split(" "),
    ..."-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
      .split(" "),
    ...["-keyout", key, "-out", cert],
  ]);
  if (code !== 0) throw new Error(stderr);
  return { cert, key };
}

/** Writes a certificate of our own making to a folder. */
export async function writeIdentity(folder: string): Promise<Identity> {
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  const made = await makeCertificate();
  await Deno.writeTextFile(cert, made.cert);
  await Deno.writeTextFile(key, made.key);
  return { cert, key };
}
