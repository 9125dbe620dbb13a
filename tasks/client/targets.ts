/**
 * What `client --check` looks at, and what a command line of `client` reaches: neither is needed by who only connects.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import type { Permissions } from "../../lib/cli/io.ts";
import type { CommandLine } from "../../lib/cli/options.ts";
import {
  type Address,
  DEFAULT_ADDRESS,
  endsOf,
  formatAddress,
  isLocalhost,
  isLoopback,
  parseHost,
  parsePort,
  permissionsFor,
  type TcpAddress,
} from "../../lib/net/address.ts";
import {
  addressFrom,
  type CLIENT_OPTIONS,
  type ClientOptions,
  familyFor,
  formFor,
  isUdp,
  PORTS,
  refuseNearLocalhost,
  webSocketOf,
} from "./options.ts";

type ClientLine = CommandLine<typeof CLIENT_OPTIONS>;

/** What --check looks at. */
export interface Target {
  readonly address: Address;
  /** Whether over TLS, where that is told: as `https://` and `http://` do. */
  readonly isTls?: boolean;
}

/** Whether a text is a host, or none, with a port. */
export const hasPort = (text: string): boolean =>
  /^[^:]*:\d+$|\]:\d+$/.test(text);

export const isPort = (text: string): boolean => /^\d+$/.test(text);

/** Reads one of several targets: `HOST:PORT`, a port, `unix:PATH`, or a URL, whose path does not count. */
function parseChecked(text: string): Target {
  const [scheme] = text.match(/^(https?|wss?)(?=:\/\/)/i) ?? [];
  if (scheme === undefined) {
    const isWhole = hasPort(text) || isPort(text) || text.startsWith("unix:");
    // what is no URL here may hold a password: it has its own error, as a bad port has
    if (isWhole || text.includes(":")) {
      const address = addressFrom([text]);
      if (isWhole) return { address };
    }
    throw new UsageError(`Cannot check "${text}": expected HOST:PORT`);
  }
  if (!URL.canParse(text) || /^[^/]*\/\/[^/?#]*@/.test(text)) {
    throw new UsageError("Cannot check a URL that is not as https://HOST:PORT");
  }
  const { hostname, port } = new URL(text);
  const isTls = /^(https|wss)$/i.test(scheme);
  const host = parseHost(hostname);
  return {
    address: {
      host,
      port: port === "" ? isTls ? 443 : 80 : parsePort(port, 1),
    },
    isTls,
  };
}

/**
 * What --check looks at: one host where its PORTS are told, or where the operands are an address; else each operand.
 *
 * @throws {UsageError} When it is neither, or could be both.
 */
export function targetsFrom(
  operands: readonly string[],
  { check = "" }: Pick<ClientOptions, "check">,
): readonly Target[] {
  const datagrams = operands.find((text) => isUdp([text]));
  if (datagrams !== undefined) {
    throw new UsageError(
      `Cannot check "${datagrams}": UDP does not say whether anybody listens`,
    );
  }
  const [first = "", second = ""] = operands;
  const list = operands.length === 1 ? first.split(/[,\s]+/) : [];
  if (list.length > 1 && list.every(hasPort)) {
    throw new UsageError(`Cannot check "${first}": expected HOST:PORT`, {
      hint: `hark client --check ${list.join(" ")}`,
    });
  }
  if (check === "") {
    const isPair = operands.length === 2 && !hasPort(first) &&
      !second.includes(":");
    const isUrl = operands.length === 1 && /^(https?|wss?):\/\//i.test(first);
    return operands.length > 1 && !isPair || isUrl
      ? operands.map(parseChecked)
      : [{ address: addressFrom(operands) }];
  }
  const ports = [check, ...operands.filter((text) => PORTS.test(text))];
  const hosts = operands.filter((text) => !PORTS.test(text));
  if (ports.length > 1 && hosts.length < 2) {
    throw new UsageError(`Cannot check ports "${ports.join(" ")}"`, {
      hint: `hark client ${["--check", ports.join(), ...hosts].join(" ")}`,
    });
  }
  if (operands.some(hasPort)) {
    const all = [isPort(check) ? `:${check}` : check, ...operands].join(" ");
    throw new UsageError(
      `Cannot check ports ${check} of "${operands.join(" ")}": it has a port`,
      { hint: isPort(check) ? `hark client --check ${all}` : undefined },
    );
  }
  if (webSocketOf(operands)) {
    throw new UsageError("Cannot check ports of a URL: expected HOST");
  }
  const address = addressFrom(operands);
  if ("path" in address) {
    throw new UsageError(`Cannot check ports of ${formatAddress(address)}`);
  }
  return parsePorts(check).map((port) => ({ address: { ...address, port } }));
}

/** Where a connection comes from, as permissions name it: a port alone is one of the same loopback, or of any address. */
function originsOf(bind: TcpAddress, target: TcpAddress): TcpAddress[] {
  const { host, port } = bind;
  if (host !== "") return [bind];
  const isLocal = isLoopback(target.host) || isLocalhost(target.host);
  const hosts = isLocal ? [target.host] : ["0.0.0.0", "::"];
  return hosts.map((host) => ({ host, port }));
}

/**
 * Reads ports: one, or more with commas between them, each a number or a range as `20-25`.
 *
 * @throws {UsageError} On anything else.
 */
export function parsePorts(text: string): number[] {
  const ports = new Set<number>();
  for (const part of text.split(",")) {
    const [first = "", last = first, ...more] = part.split("-");
    const [from, to] = [parsePort(first, 1), parsePort(last, 1)];
    if (more.length > 0 || from > to) {
      throw new UsageError(
        `Cannot parse ports "${text}": expected ports like 80 or 20-25,443`,
      );
    }
    for (let port = from; port <= to; port++) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}

/** A host, or none, and ports behind a colon. */
const WITH_PORTS = /^(\[[^\]]*\]|[^:]*):(\d[\d,-]*)$/;

/**
 * Ports that other options or blanks stand before, and those of an address, are the value of --check all the same:
 * `3000 3001`, `:3000 :3001`, `3000 localhost:3001`.
 */
export function withPorts(line: ClientLine): ClientLine {
  const { options, operands } = line;
  const { check } = options;
  if (check === undefined) return line;
  const words = operands.map((word) =>
    PORTS.test(word) ? ["", word] : word.match(WITH_PORTS)?.slice(1) ?? [word]
  );
  const [host, ...others] = new Set(words.flatMap(([host]) => host || []));
  const ports = words.flatMap(([, ports]) => ports ?? []);
  // a port with a host of its own is a target; one of localhost means the same either way
  const isTarget = words.some(([host, ports]) =>
    host && host !== DEFAULT_ADDRESS.host && ports
  );
  // one address alone is whole; a host and its port apart are an address, too
  const isAddress = check === "" && host !== undefined &&
    (words.length === 1 || words.some((word) => word.length === 1));
  if (ports.length === 0 || others.length > 0 || isAddress || isTarget) {
    const [first = "", ...rest] = operands;
    return check === "" && PORTS.test(first)
      ? { options: { ...options, check: first }, operands: rest }
      : line;
  }
  const all = [check, ...ports].map((text) => text.replace(/,+$/, ""))
    .filter((text) => text !== "").join();
  return {
    options: { ...options, check: all },
    operands: host === undefined ? [] : [host],
  };
}

/** More ports than these are granted as all ports of their host. */
const MOST_PORTS = 64;

/** The hosts and files that a command line of `client` needs. */
export async function clientPermissions(
  line: ClientLine,
): Promise<Permissions> {
  const { options, operands } = withPorts(line);
  const { proxy, ca, cert, key, check = "" } = options;
  const { unix } = options;
  const bind = options.bind ??
    (isUdp(operands) ? { host: "", port: 0 } : undefined);
  const targets = options.check !== undefined
    ? targetsFrom(operands, options).map(({ address }) => address)
    : [unix === undefined ? addressFrom(operands) : { path: unix }];
  for (const address of targets) {
    await refuseNearLocalhost(
      address,
      options.check === undefined ? formFor(operands) : formatAddress,
    );
  }
  // ports are all of one host
  const addresses = check === "" ? targets : targets.slice(0, 1);
  const families = addresses.map((address) => familyFor(address, options));
  const goals = proxy === undefined
    ? addresses
    : [(await import("../../lib/net/proxy.ts")).parseProxy(proxy).address];
  const ends: Address[] = [];
  const origins: TcpAddress[] = [];
  for (const [at, goal] of goals.entries()) {
    const isOdd = (families[at] ?? bind) && "host" in goal;
    ends.push(...isOdd ? await endsOf(goal, families[at]) : [goal]);
    if (bind && "host" in goal) origins.push(...originsOf(bind, goal));
  }
  const ports = check === "" || proxy !== undefined ? [] : parsePorts(check);
  const shown = ports.length > MOST_PORTS ? [0] : ports;
  const each = (end: Address) =>
    "path" in end || end.port === 0 || ports.length === 0
      ? [end]
      : shown.map((port) => ({ ...end, port }));
  return permissionsFor([...ends.flatMap(each), ...origins], [ca, cert, key]);
}
