/**
 * What a TLS connection is: its version and cipher, and the certificate that the peer has shown.
 *
 * @module
 */

import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { escapeControls } from "../../cli/io.ts";
import { formatList } from "../../cli/values.ts";
import type { CertificateFacts, Issued, TlsFacts } from "../connection.ts";

const DAY_MS = 86_400_000;

/** A peer may show many. */
const MOST_ISSUERS = 16;
const LONGEST = 200;

const iso = (date: string) => {
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? date : new Date(ms).toISOString();
};

/** A distinguished name as in RFC 4514, the most telling part first. */
function formatName(name: object): string {
  const parts = Object.entries(name).flatMap(([key, values]) =>
    [values].flat().map((value) =>
      `${key}=${String(value).replace(/[,+"\\<>;]/g, "\\$&")}`
    )
  );
  return parts.sort((a, b) =>
    Number(b.startsWith("CN=")) - Number(a.startsWith("CN="))
  ).join(", ");
}

function issuedOf(shown: DetailedPeerCertificate): Issued {
  return {
    subject: formatName(shown.subject ?? {}),
    notAfter: iso(shown.valid_to),
    sha256: (shown.fingerprint256 ?? "").replaceAll(":", "").toLowerCase(),
  };
}

function certificateOf(stream: TLSSocket): CertificateFacts | undefined {
  const shown = stream.getPeerCertificate(true);
  if (!shown?.raw) return undefined;
  const own = issuedOf(shown);
  const chain = new Map<string, Issued>();
  let { issuerCertificate: next } = shown;
  for (let count = 0; next && count < MOST_ISSUERS; count++) {
    const issued = issuedOf(next);
    if (issued.sha256 !== own.sha256) chain.set(issued.sha256, issued);
    next = next.issuerCertificate;
  }
  const { bits, nistCurve, modulus, subjectaltname = "" } = shown;
  const named = subjectaltname
    .split(
      /, (?=(?:DNS|IP Address|email|URI|DirName|othername|Registered ID):)/,
    )
    .map((name) => name.replace(/^(DNS|IP Address):/, ""));
  return {
    ...own,
    names: subjectaltname === "" ? [] : named,
    issuer: formatName(shown.issuer ?? {}),
    notBefore: iso(shown.valid_from),
    days: Math.floor((Date.parse(shown.valid_to) - Date.now()) / DAY_MS),
    key: modulus ? `RSA ${bits}` : nistCurve ??
      stream.getPeerX509Certificate()?.publicKey.asymmetricKeyType ?? "",
    // without its first zero it would be of half a byte
    serial: shown.serialNumber.replace(/^(?=(..)*.$)/, "0"),
    chain: [...chain.values()],
  };
}

/** Reads what is known of a connection of Node's TLS. */
export function factsOf(stream: TLSSocket): TlsFacts {
  let certificate: CertificateFacts | undefined;
  try {
    certificate = certificateOf(stream);
  } catch {
    // one that cannot be read
  }
  const cipher = stream.getCipher()?.standardName;
  return {
    tls: stream.getProtocol() ?? "TLS",
    ...cipher && { cipher },
    ...stream.alpnProtocol && { alpn: stream.alpnProtocol },
    ...certificate && { certificate },
  };
}

/** Another's words in one line, whether a terminal shows them or not. */
export function formatWords(text: string): string {
  const line = escapeControls(text).replaceAll("\n", "\\n");
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
}

/** How long a certificate is still valid, in words. */
export function formatRest(
  { notBefore, days }: Pick<CertificateFacts, "notBefore" | "days">,
): string {
  // of one that expired a moment ago it is -1
  const count = days < 0 ? -days - 1 : days;
  const rest = `${count} day${count === 1 ? "" : "s"}`;
  if (days < 0) return `expired ${count === 0 ? "today" : `${rest} ago`}`;
  return Date.parse(notBefore) > Date.now() ? "not valid yet" : `${rest} left`;
}

const formatTime = (time: string) =>
  formatWords(time).slice(0, 16).replace("T", " ");

/** The facts as lines of a name and a value, for a person. */
export function formatFacts(
  { tls = "TLS", cipher, alpn, certificate }: TlsFacts,
): string[] {
  const agreed = [
    ...tls === "TLS" ? [] : [tls],
    ...cipher ? [cipher] : [],
    alpn ? `ALPN ${formatWords(alpn)}` : "no ALPN",
  ].join(", ");
  const lines = [["TLS", agreed]];
  if (certificate) {
    const { subject, names, issuer, notBefore, notAfter, key, chain, sha256 } =
      certificate;
    const dates = `${formatTime(notBefore)} to ${formatTime(notAfter)} UTC`;
    const issuers = chain.map(({ subject, notAfter }) =>
      `${formatWords(subject)} until ${formatTime(notAfter).slice(0, 10)}`
    );
    lines.unshift(
      ["subject", formatWords(subject) || "none"],
      ["names", formatList(names.map(formatWords)) || "none"],
      ["issuer", issuer === subject ? "itself" : formatWords(issuer)],
      ["valid", `${dates}, ${formatRest(certificate)}`],
      ["key", formatWords(key)],
      ["chain", issuers.join("; ") || "nothing else came"],
    );
    lines.push(["SHA-256", sha256]);
  }
  return lines.map(([name = "", value]) => `${name.padEnd(8)}${value}`);
}
