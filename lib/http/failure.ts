/**
 * What a person hears when an exchange fails: the phase, the cause and the next step.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import { describe, exitCodeOf, nameInstead } from "../cli/reasons.ts";
import { redactUrl } from "../cli/redact.ts";
import { quote } from "../cli/values.ts";
import { formatAddress, hintToListen } from "../net/address.ts";
import { within } from "../net/connection.ts";
import { TLS_STEPS } from "../net/tls/client.ts";
import { addressOfUrl, type HttpRequest } from "./request.ts";

/** The phases before a request is sent, by the exit codes of what can go wrong in them. */
const PHASES: Partial<Record<ExitCode, string>> = {
  [ExitCode.Unresolved]: "resolve",
  [ExitCode.Unreachable]: "connect to",
  [ExitCode.Certificate]: "verify",
};

const NO_TLS = "the peer does not speak TLS";

/** A handshake that fails for another reason than the certificate. */
const HANDSHAKE = new RegExp(
  `^(${NO_TLS}|no TLS version in common|the peer ended TLS)`,
);

const STEPS: readonly (readonly [test: RegExp, step: string])[] = [
  ...TLS_STEPS,
  [/^the proxy refused to/, "what it says is shown with --proxy URL"],
  [/^the proxy (wants|refused)/, "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"],
  [/within [\d.]+ s$/, "to wait longer: --timeout HEAD,IDLE,TOTAL, in seconds"],
  [/^more than \d+ redirects/, "to follow more: --max-redirects N"],
];

async function hintFor(
  { url }: HttpRequest,
  cause: unknown,
): Promise<string | undefined> {
  if (cause instanceof Failure && cause.hint !== undefined) return cause.hint;
  const text = describe(cause);
  const [, step] = STEPS.find(([test]) => test.test(text)) ?? [];
  if (step !== undefined) return step;
  const name = nameInstead(text);
  const code = exitCodeOf(cause);
  if (name !== undefined) {
    const { port } = addressOfUrl(url);
    const address = formatAddress({ host: name, port });
    return /^[\d.]+$|:/.test(name)
      ? `ask for the address that it has: https://${address}/`
      : `ask for the name that it has, with --resolve ${name}:${port}:ADDRESS, or skip the check for this call with -k`;
  }
  if (code === ExitCode.Certificate) {
    return /pinned|this certificate's key|critical ext|BadSignature/.test(text)
      ? undefined
      : "skip the check for this call: -k";
  }
  if (text === NO_TLS) {
    return `this port does not speak TLS, try ${sameOver("http", url)}`;
  }
  const isFar = code === ExitCode.Unreachable || code === ExitCode.Unresolved;
  if (isFar) {
    const isOfFetch = cause instanceof TypeError &&
      cause.message === "fetch failed";
    // no code may read the environment, or see which way fetch went
    if (isOfFetch && await probe(url, () => Promise.resolve(true))) {
      const { host } = addressOfUrl(url);
      return `a proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) may be in the way; NO_PROXY=${host} goes past it`;
    }
    return hintToListen(addressOfUrl(url));
  }
  const isMute = code === ExitCode.CutShort || /is not HTTP/.test(text);
  if (url.protocol !== "http:" || !isMute) return undefined;
  return await speaksTls(url)
    ? `this port speaks TLS, try ${sameOver("https", url)}`
    : undefined;
}

const sameOver = (scheme: string, { href }: URL) =>
  quote(redactUrl(href.replace(/^https?/, scheme)));

function isWorded(cause: unknown): cause is Failure {
  return cause instanceof Failure && cause.message.startsWith("Cannot ");
}

/** Words what ended an exchange, after those before it, without a response; a `Failure` that says it stays as it is. */
export async function failureOf(
  request: HttpRequest,
  cause: unknown,
  before: readonly HttpRequest[] = [],
): Promise<Failure> {
  if (isWorded(cause)) return cause;
  const { method, url: { host, hostname, href } } = request;
  const code = exitCodeOf(cause);
  const phase = HANDSHAKE.test(describe(cause))
    ? "start TLS with"
    : PHASES[code];
  const what = phase === undefined
    ? (method === "GET" ? "get " : `send ${method} to `) + redactUrl(href)
    : `${phase} ${code === ExitCode.Unresolved ? hostname : host}`;
  const hint = await hintFor(request, cause);
  const reached = before.map(({ url }) => formatAddress(addressOfUrl(url)));
  return new Failure(`Cannot ${what}`, { cause, hint, reached });
}

/** How a lost connection shows: to who reads or writes, plain or over TLS, as a stream of HTTP/2, closed by now. */
const LOST =
  /^(cut short|connection (reset|aborted)|the peer closed|(stream|connection) error received(?!: endpoint requires)|BadResource|interrupted)/;

function isLost(error: unknown): boolean {
  return !isWorded(error) && LOST.test(describe(error));
}

/** What an attempt that brought no answer has ended with: of a lost connection the same, however that shows. */
export function verdictOf(error: unknown): unknown {
  return isLost(error)
    ? new Error("closed without an answer", { cause: error })
    : error;
}

/** Words what ended a body before its end: with how many bytes are there, where that says more than the cause. */
export function cutShort(
  url: URL,
  cause: unknown,
  counts?: { readonly at: number; readonly total?: number | undefined },
): Failure {
  const code = isLost(cause) ? ExitCode.CutShort : exitCodeOf(cause);
  const isCounted = counts !== undefined && code === ExitCode.CutShort;
  if (!isCounted && isWorded(cause)) return cause;
  const of = counts?.total === undefined ? "" : ` of ${counts.total}`;
  return new Failure(`Cannot read ${redactUrl(url.href)}`, {
    cause: isCounted
      ? new Failure(`cut short after ${counts.at}${of} bytes`, { code })
      : isLost(cause)
      ? new Failure("cut short", { code })
      : cause,
    hint: cause instanceof Failure ? cause.hint : undefined,
  });
}

/** How long a port has to say something, in ms. */
const PATIENCE_MS = 500;

/** What comes first in a record of TLS (RFC 8446, section 5.1). */
const [ALERT, HANDSHAKE_RECORD] = [21, 22];

/** The shortest hello of a client (RFC 5246, section 7.4.1.2), with zeros for chance: whoever knows TLS answers it. */
const HELLO = Uint8Array.of(
  ...[HANDSHAKE_RECORD, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3],
  ...Array(32).fill(0),
  // no session, one cipher, no compression
  ...[0, 0, 2, 0xc0, 0x2f, 1, 0],
);

/** Asks the host of a URL itself, through no proxy: false where it cannot be connected to, or is late. */
async function probe(
  url: URL,
  ask: (conn: Deno.TcpConn) => Promise<boolean>,
): Promise<boolean> {
  const { host: hostname, port } = addressOfUrl(url);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    using conn = await Deno.connect({ hostname, port, signal });
    return await within(signal, conn, () => ask(conn));
  } catch {
    return false;
  }
}

/** Whether a port speaks TLS: it gets a hello, and no request. */
export function speaksTls(url: URL): Promise<boolean> {
  return probe(url, async (conn) => {
    const response = new Uint8Array(6);
    await conn.write(HELLO);
    await conn.read(response);
    // an echo gives the hello back
    return response[5] !== HELLO[5] &&
      (response[0] === ALERT || response[0] === HANDSHAKE_RECORD);
  });
}
