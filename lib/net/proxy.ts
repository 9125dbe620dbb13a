/**
 * A proxy: where it is, what it speaks, and who asks it.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { UsageError } from "../cli/errors.ts";
import { percentDecode } from "../cli/values.ts";
import {
  formatAddress,
  parseHost,
  parsePort,
  type TcpAddress,
} from "./address.ts";

/** A proxy, and who asks it. */
export interface Proxy {
  /** What it speaks. */
  readonly protocol: "socks5" | "http";
  /** Where it is. */
  readonly address: TcpAddress;
  /** Who asks; nobody in particular where it is empty. */
  readonly username: string;
  /** The secret that goes with the name. */
  readonly password: string;
}

const DEFAULT_PORTS = { socks5: "1080", http: "80" } as const;

/** Anything before an @ may be a secret. */
function redact(text: string): string {
  return text.replace(/^(\w+:\/\/)?.*@/s, "$1***@");
}

/**
 * Reads a proxy: `socks5://HOST:PORT` or `http://HOST:PORT`, with `USER:PASSWORD@` before the host where it wants one.
 * Names are resolved by the proxy; `socks5h://` is the same.
 *
 * @throws {UsageError} On anything else, without the secrets in it.
 */
export function parseProxy(text: string): Proxy {
  const [, scheme, username = "", password = "", host, port] = text.match(
    /^(socks5|http)h?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\[[^\]]*\]|[^:@/]+)(?::(\d+))?\/?$/,
  ) ?? [];
  const protocol = scheme === "socks5" || scheme === "http"
    ? scheme
    : undefined;
  if (protocol === undefined || host === undefined) {
    throw new UsageError(
      `Cannot parse proxy "${
        redact(text)
      }": expected socks5://HOST:PORT or http://HOST:PORT`,
    );
  }
  return {
    protocol,
    address: {
      host: parseHost(host),
      port: parsePort(port ?? DEFAULT_PORTS[protocol]),
    },
    username: decode(username),
    password: decode(password),
  };
}

function decode(part: string): string {
  const text = percentDecode(part);
  // RFC 1929 has one byte for the length
  if (text !== undefined && new TextEncoder().encode(text).length <= 255) {
    return text;
  }
  throw new UsageError("Cannot parse the proxy's user or password");
}

/** A user and a password as HTTP's Basic scheme sends them, in UTF-8 (RFC 7617). */
export function formatBasic(user: string, password: string): string {
  return `Basic ${encodeBase64(`${user}:${password}`)}`;
}

/** Formats a proxy for people: without its secrets. */
export function formatProxy({ protocol, address }: Proxy): string {
  return `${protocol}://${formatAddress(address)}`;
}
