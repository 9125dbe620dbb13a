import { Failure, UsageError } from "../cli/errors.ts";
import type { Options, OptionTable } from "../cli/options.ts";
import { parseSeconds } from "../cli/value.ts";
import { parseHost } from "./address.ts";
import type { ConnectOptions } from "./connect.ts";
import type { PemKind, TlsClient } from "./trust.ts";

const TLS_OPTIONS = ["tls", "ca", "pin", "sni", "cert", "key"] as const;

/**
 * Reads the SHA-256 of a certificate: 64 hex digits, with or without colons, or the line of
 * `openssl x509 -fingerprint -sha256`.
 *
 * @returns The digits alone, in lower case.
 * @throws {UsageError} On anything else.
 *
 * @example As openssl writes it
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parsePin("sha256 Fingerprint=" + "AB:".repeat(31) + "CD"), "ab".repeat(31) + "cd");
 * ```
 */
export function parsePin(text: string): string {
  const digits = text.replace(/^sha256( fingerprint=|:)/i, "")
    .replaceAll(":", "").toLowerCase();
  if (!/^[\da-f]{64}$/.test(digits)) {
    throw new UsageError(
      `Cannot parse pin "${text}": expected a certificate's SHA-256, 64 hex digits`,
    );
  }
  return digits;
}

async function read(
  path: string | undefined,
  kind: PemKind,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const { readPem } = await import("./trust.ts");
  return await readPem(path, kind);
}

/** Whether certificate and key belong together is something that only a client of HTTP is told before it connects. */
function checkPair({ cert, key }: TlsClient): void {
  if (cert === undefined || key === undefined) return;
  try {
    Deno.createHttpClient({ cert, key }).close();
  } catch (cause) {
    throw new Failure("Cannot use --cert with --key", { cause });
  }
}

async function findTrust(options: Partial<ClientOptions>): Promise<TlsClient> {
  const { ca, pin, sni, cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("Cannot use --cert or --key alone: expected both");
  }
  const pair = {
    cert: await read(cert, "CERTIFICATE"),
    key: await read(key, "PRIVATE KEY"),
  };
  checkPair(pair);
  return {
    name: sni === undefined ? undefined : parseHost(sni),
    pin: pin === undefined ? undefined : parsePin(pin),
    ca: await read(ca, "CERTIFICATE"),
    ...pair,
  };
}

/**
 * Finds the way to a server: how long it may take, through what, and whom to trust at its end. Everything is read and
 * checked before anything is connected; an option of TLS asks for TLS.
 *
 * @param options The options of the command line.
 * @throws {UsageError} When a value is none, or only one of certificate and key was named.
 * @throws {Failure} When a file cannot be read, or holds something else.
 *
 * @example A name to verify
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { tls, wait } = await findRoute({ sni: "a.example", wait: 2 });
 * assertEquals([tls?.name, wait], ["a.example", 2000]);
 * ```
 */
export async function findRoute(
  options: Partial<ClientOptions>,
): Promise<ConnectOptions> {
  const { timeout, wait, proxy } = options;
  return {
    timeout: timeout === undefined ? undefined : timeout * 1000,
    wait: wait === undefined ? undefined : wait * 1000,
    proxy: proxy === undefined
      ? undefined
      : (await import("./proxy.ts")).parseProxy(proxy),
    tls: TLS_OPTIONS.some((name) => options[name])
      ? await findTrust(options)
      : undefined,
  };
}

/** The options of `client`. */
export const CLIENT_OPTIONS = {
  pipe: { help: "Join stdin and stdout to the server, as nc does" },
  send: { value: "TEXT", parse: String, help: "Send this first" },
  crlf: { help: "End the lines that are sent with CRLF" },
  timeout: {
    short: "t",
    value: "SECONDS",
    parse: parseSeconds,
    default: 10,
    help: "For resolving, connecting and TLS",
  },
  idleTimeout: {
    value: "SECONDS",
    parse: parseSeconds,
    help: "Give up when nothing comes or goes",
  },
  wait: {
    value: "SECONDS",
    parse: parseSeconds,
    help: "Keep trying until it accepts",
  },
  check: {
    value: "PORTS",
    parse: String,
    implied: { text: "", accepts: /^\d[\d,-]*$/ },
    help: "Are they open? As 80 or 20-25,443",
  },
  tls: { help: "Speak TLS; the server is always verified" },
  ca: { value: "FILE", parse: String, help: "Trust this authority too" },
  pin: {
    value: "SHA256",
    parse: String,
    help: "Trust this one certificate",
  },
  sni: { value: "NAME", parse: String, help: "The name in the certificate" },
  cert: { value: "FILE", parse: String, help: "Own certificate and key" },
  key: { value: "FILE", parse: String },
  proxy: {
    value: "URL",
    parse: String,
    help: "Go through socks5:// or http://HOST:PORT",
  },
  dump: { help: "Show all bytes in hex on stderr" },
  json: { help: "Print one JSON object per event" },
} satisfies OptionTable;

/** The options of `client` as they were given. */
export type ClientOptions = Options<typeof CLIENT_OPTIONS>;
