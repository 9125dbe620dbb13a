/**
 * A proxy: where it is, who asks it, and how it is asked for a connection to somewhere else.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../cli/errors.ts";
import {
  hideMalformed,
  lengthOf,
  percentDecode,
  refuseLong,
} from "../cli/values.ts";
import {
  formatAddress,
  groupsOf,
  parseHost,
  parsePort,
  type Resolved,
  type TcpAddress,
} from "./address.ts";
import { isGone, type Socket, writeAll } from "./connection.ts";
import { atMost } from "./pause.ts";

export interface Proxy {
  readonly protocol: "socks5" | "http";
  readonly secure: boolean;
  readonly address: TcpAddress;
  /** Who asks; nobody in particular where both are empty. */
  readonly username: string;
  readonly password: string;
}

export interface Way {
  readonly proxy?: Proxy | undefined;
  readonly resolve?: readonly Resolved[] | undefined;
  readonly family?: 4 | 6 | undefined;
  /** Whether it is told how long the name took; it is then resolved apart, where that is permitted. */
  readonly timed?: boolean | undefined;
  /** Hears the addresses that are left before the first of them is tried, what one has against it, and none when there is a way to the target. */
  onTry?(ips: readonly string[], why?: unknown): void;
  /** What a proxy is talked to over, in place of the socket, while it is asked for a connection. */
  readonly watch?: ((socket: Socket) => ReadWriter) | undefined;
}

const DEFAULT_PORTS = { socks5: "1080", http: "80", https: "443" } as const;

const encoder = new TextEncoder();

/** RFC 1928 and 1929 have one byte for the length of a text. */
const LONGEST_TEXT = 255;

function decode(part: string, protocol: Proxy["protocol"]): string {
  const text = percentDecode(part);
  if (text === undefined) {
    throw new UsageError("Cannot parse the proxy's user or password");
  }
  if (protocol === "socks5") {
    refuseLong("use a proxy's user or password", text, LONGEST_TEXT);
  }
  return text;
}

/** Reads a proxy, which resolves names itself; with `https` also one that speaks TLS. A UsageError hides the secrets of anything else. */
export function parseProxy(text: string, https = false): Proxy {
  const secure = https && /^https:/i.test(text);
  const plain = secure ? text.replace(/^https/i, "http") : text;
  const [, scheme, username = "", password = "", host, port] = plain.match(
    /^(socks5|http)h?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\[[^\]]*\]|[^:@/]+)(?::(\d+))?(?:\/.*)?$/,
  ) ?? [];
  const protocol = scheme === "http" ? scheme : "socks5";
  if (scheme === undefined || host === undefined) {
    // without an @, what stands for a port may be a password
    const shown = hideMalformed(text)
      .replace(/(\/\/[^:@/]*:)(?!\d*\/?$)[^@]*$/, "$1***");
    const http = https ? "http(s)" : "http";
    throw new UsageError(
      `Cannot parse proxy "${shown}": expected socks5://HOST:PORT or ${http}://HOST:PORT`,
    );
  }
  if (protocol === "socks5" && username === "" && password !== "") {
    throw new UsageError("Cannot give SOCKS5 a password without a user");
  }
  return {
    protocol,
    secure,
    address: {
      host: parseHost(host),
      port: parsePort(port ?? DEFAULT_PORTS[secure ? "https" : protocol], 1),
    },
    username: decode(username, protocol),
    password: decode(password, protocol),
  };
}

/** Formats a proxy for people: without its secrets. */
export function formatProxy({ protocol, secure, address }: Proxy): string {
  return `${secure ? "https" : protocol}://${formatAddress(address)}`;
}

/** A user and a password as HTTP's Basic scheme sends them, in UTF-8 (RFC 7617). */
export function formatBasic(user: string, password: string): string {
  const bytes = Array.from(encoder.encode(`${user}:${password}`));
  return `Basic ${btoa(bytes.map((b) => String.fromCharCode(b)).join(""))}`;
}

/** What an HTTP proxy is told of who asks; nothing where nobody is named. */
export function formatLogin({ username, password }: Proxy): string | undefined {
  return username + password === ""
    ? undefined
    : formatBasic(username, password);
}

type ReadWriter = Pick<Socket, "read" | "write">;

const closed = () => new Failure("the proxy closed the connection");

const SOCKS = "a SOCKS5 proxy";
const HTTP = "an HTTP proxy";

/** Time does not make a proxy of it. */
const notProxy = (what: string) =>
  new Failure(`it is not ${what}`, { isLasting: true });

/** How long the rest of what came has to be there, in ms. */
const REST_MS = 50;

/** What speaks another protocol is told from its first bytes, and shown as safe text with what came with them. */
async function unlike(
  what: string,
  socket: ReadWriter,
  start: string,
): Promise<Failure> {
  const bytes = new Uint8Array(64);
  const count = await atMost(REST_MS, socket.read(bytes).catch(() => 0)) ?? 0;
  const all = start + String.fromCharCode(...bytes.subarray(0, count));
  const [said = ""] = all.match(/^[ -~]+/) ?? [];
  const how = all.startsWith("\x05")
    ? "speaks SOCKS5"
    : ["\x15\x03", "\x16\x03"].includes(all.slice(0, 2))
    ? "speaks TLS"
    : said && `says ${said}`;
  return notProxy(how === "" ? what : `${what}: it ${how}`);
}

function refused(why: string, isLasting: boolean): Failure {
  const code = ExitCode.Unreachable;
  return new Failure(`the proxy says: ${why}`, { code, isLasting });
}

function refusedLogin(proxy: Proxy): Failure {
  const { protocol, secure } = proxy;
  return new Failure(
    formatLogin(proxy) === undefined
      ? "the proxy wants a user and a password"
      : "the proxy refused the user or the password",
    {
      isLasting: true,
      hint: `--proxy ${secure ? "https" : protocol}://USER:PASSWORD@HOST:PORT`,
    },
  );
}

/** Reads so many bytes and not one more: what follows is the target's. */
async function readExactly(
  socket: ReadWriter,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = await socket.read(bytes.subarray(done));
    if (count === null) throw closed();
    done += count;
  }
  return bytes;
}

/** RFC 1928 section 6. */
const SOCKS_REPLIES =
  "|it failed|its rules do not allow it|network is unreachable|host is unreachable|connection refused|timed out on the way|it cannot connect|it does not know this kind of address"
    .split("|");

/** A text after its length in bytes; one that is longer would be read as what follows it. */
function withLength(text: string): number[] {
  refuseLong("give SOCKS5 a name", text, LONGEST_TEXT);
  return [lengthOf(text), ...encoder.encode(text)];
}

/** A host as SOCKS5 writes it (RFC 1928 section 5): IPv4 or IPv6 in binary, a name as it is. */
function socksHost(host: string): number[] {
  if (/^\d+(\.\d+){3}$/.test(host)) return [1, ...host.split(".").map(Number)];
  if (!host.includes(":")) return [3, ...withLength(host)];
  return [4, ...groupsOf(host).flatMap((group) => [group >> 8, group & 0xff])];
}

/** RFC 1929. */
async function logIn(socket: ReadWriter, proxy: Proxy): Promise<void> {
  const login = [proxy.username, proxy.password].flatMap(withLength);
  await writeAll(socket, Uint8Array.of(1, ...login));
  const [, status] = await readExactly(socket, 2);
  if (status !== 0) throw refusedLogin(proxy);
}

/** Asks a SOCKS5 proxy for a connection to somewhere else (RFC 1928). A name is the proxy's to resolve. */
export async function askSocks(
  socket: ReadWriter,
  proxy: Proxy,
  { host, port }: TcpAddress,
): Promise<void> {
  const to = [...socksHost(host), port >> 8, port & 0xff];
  const goal = Uint8Array.of(5, 1, 0, ...to);
  const methods = proxy.username === "" ? [0] : [0, 2];
  await writeAll(socket, Uint8Array.of(5, methods.length, ...methods));
  const [version, method = 0xff] = await readExactly(socket, 2);
  if (version !== 5) {
    const start = String.fromCharCode(version ?? 0, method);
    throw await unlike(SOCKS, socket, start);
  }
  if (!methods.includes(method)) throw refusedLogin(proxy);
  if (method === 2) await logIn(socket, proxy);
  await writeAll(socket, goal);
  const [again, reply = 1, , kind = 0] = await readExactly(socket, 4)
    .catch(() => {
      throw refused("nothing, as ssh -D of a target that refuses", false);
    });
  if (again !== 5 || reply === 0 && ![1, 3, 4].includes(kind)) {
    throw notProxy(SOCKS);
  }
  if (reply !== 0) {
    throw refused(SOCKS_REPLIES[reply] ?? `error ${reply}`, reply === 2);
  }
  // the address that the proxy sends from is of no use, but it has to be read
  const [named = 0] = kind === 3 ? await readExactly(socket, 1) : [];
  await readExactly(socket, (kind === 1 ? 4 : kind === 4 ? 16 : named) + 2);
}

const LONGEST_HEAD = 16 * 1024;

const HTTP_1 = "HTTP/1.";
async function readStatus(
  socket: ReadWriter,
): Promise<[status: string, text: string, head: string]> {
  let head = "";
  // byte by byte: what follows the head is the target's; a line may end with LF alone (RFC 9112 section 2.2)
  while (!/\n\r?\n$/.test(head.slice(-3))) {
    head += String.fromCharCode(...await readExactly(socket, 1));
    if (!HTTP_1.startsWith(head.slice(0, HTTP_1.length))) {
      throw await unlike(HTTP, socket, head);
    }
    if (head.length > LONGEST_HEAD) throw notProxy(HTTP);
  }
  const [, status, text = ""] =
    head.match(/^HTTP\/1\.\d (\d{3})(?: ([^\r\n]*))?\r?\n/) ?? [];
  if (status === undefined) throw notProxy(HTTP);
  // the one that counts is yet to come
  return status.startsWith("1") ? readStatus(socket) : [status, text, head];
}

/** The schemes of the challenges to who asks (RFC 9110 section 11.6.1), each once. */
export function schemesOf(challenges: string): string[] {
  const parts = challenges.replace(/"(?:[^"\\]|\\.)*"?/g, '""').split(",");
  const names = parts.flatMap((part) =>
    part.trim().match(/^[\w-]+(?=$|[ \t]+[^= \t])/) ?? []
  );
  return [...new Set(names)];
}

/** The same of an HTTP proxy, with CONNECT (RFC 9110 section 9.3.6). */
async function askHttp(
  socket: ReadWriter,
  proxy: Proxy,
  target: TcpAddress,
): Promise<void> {
  const host = formatAddress(target);
  const login = formatLogin(proxy);
  const lines = [
    `CONNECT ${host} HTTP/1.1`,
    `Host: ${host}`,
    ...login === undefined ? [] : [`Proxy-Authorization: ${login}`],
  ];
  await writeAll(socket, encoder.encode(lines.join("\r\n") + "\r\n\r\n"));
  const [status, text, head] = await readStatus(socket);
  // some say 401 to a wrong password
  if (status === "407" || status === "401") {
    const asks = head.matchAll(/^(?:proxy|www)-authenticate:(.*)$/gim);
    const schemes = schemesOf([...asks].map(([, ask]) => ask).join());
    if (schemes.length === 0 || schemes.some((name) => /^basic$/i.test(name))) {
      throw refusedLogin(proxy);
    }
    const why = `the proxy wants ${schemes.join(" or ")}; hark speaks Basic`;
    throw new Failure(why, { isLasting: true });
  }
  if (!status.startsWith("2")) {
    throw refused(`${status} ${text}`.trimEnd(), status === "403");
  }
}

/** Asks a proxy for a connection to somewhere else, which the socket is after that; throws what the proxy has against it. */
export async function askProxy(
  socket: ReadWriter,
  proxy: Proxy,
  target: TcpAddress,
): Promise<void> {
  const ask = proxy.protocol === "socks5" ? askSocks : askHttp;
  try {
    await ask(socket, proxy, target);
  } catch (error) {
    throw isGone(error) ? closed() : error;
  }
}
