import { Failure } from "../cli/errors.ts";
import { reasonOf } from "../cli/reasons.ts";

/** What makes a certificate that can be trusted by itself: one that is no authority and has its names as names. */
const OPENSSL =
  "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -keyout key.pem -out cert.pem " +
  "-subj /CN=localhost -addext basicConstraints=critical,CA:FALSE " +
  "-addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";

/**
 * Says what to do about a TLS connection that was refused.
 *
 * @param error Why it was.
 * @returns One line, where there is something to do.
 *
 * @example Plain text instead of TLS
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(hintForTls(new Error("received corrupt message of type InvalidContentType")), "leave out --tls");
 * ```
 */
export function hintForTls(error: unknown): string | undefined {
  const { says } = reasonOf(error);
  const [, name] = says.match(/^certificate is not for .*, only for ([^,]+)/) ??
    [];
  if (name !== undefined) {
    return `if it is the right server, ask for the name it has: --sni ${name}`;
  }
  switch (says) {
    case "the peer does not speak TLS":
      return "leave out --tls";
    case "certificate of an unknown issuer":
      return "trust its issuer with --ca FILE, or this one certificate with --pin SHA256";
    case "it is a CA certificate, not a server's":
      return `trust it with --pin SHA256, or make one that --ca can trust: ${OPENSSL}`;
    case "the server wants a client certificate":
    case "the server does not know the issuer of the client certificate":
      return "give it one with --cert FILE --key FILE";
  }
}

/**
 * Adds what to do to a failure of a TLS connection: some refusals of the handshake come with the first bytes.
 *
 * @param error What was thrown.
 *
 * @example A server that wants to know its clients
 * ```ts
 * import { assert } from "@std/assert";
 * import { Failure } from "../cli/errors.ts";
 *
 * const cause = new Error("received fatal alert: CertificateRequired");
 * const error = withTlsHint(new Failure("Cannot receive from a peer", { cause }));
 * assert(error instanceof Failure && error.hint === "give it one with --cert FILE --key FILE");
 * ```
 */
export function withTlsHint(error: unknown): unknown {
  if (!(error instanceof Failure) || error.hint !== undefined) return error;
  const { message, cause, code } = error;
  const hint = hintForTls(cause);
  return hint === undefined
    ? error
    : new Failure(message, { cause, code, hint });
}
