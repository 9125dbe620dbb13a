/** Whom a client trusts, and who it is itself. Certificates and keys are PEM. */
export interface TlsClient {
  /** Authorities to trust beside those that Deno knows. */
  readonly ca?: string | undefined;
  /** The SHA-256 of the one certificate to trust, whoever made it, for whatever name and time; 64 hex digits. */
  readonly pin?: string | undefined;
  /** The name to ask for (SNI) and to find in the certificate, where it is not the host's. */
  readonly name?: string | undefined;
  /** The client's own certificate, for servers that want one. */
  readonly cert?: string | undefined;
  /** The key of that certificate. */
  readonly key?: string | undefined;
}
