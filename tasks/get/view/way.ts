/**
 * The way to a peer in sentences: addresses, proxy and TLS, and what an error on it means.
 *
 * @module
 */

import { ExitCode } from "../../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../../lib/cli/reasons.ts";
import { type Address, formatAddress } from "../../../lib/net/address.ts";
import type { Route } from "../../../lib/net/connect.ts";
import type { TlsClient, TlsFacts } from "../../../lib/net/connection.ts";
import { formatProxy, type Proxy } from "../../../lib/net/proxy.ts";
import type { Say } from "./explain.ts";

/** What the words of an error mean; the first that fits. */
const FAILURES: readonly (readonly [test: RegExp, name: string])[] = [
  [/connection refused/, "refused"],
  [/network is unreachable|no route to host|not have that addr/, "unreachable"],
  [/certificate expired/, "expired"],
  [/is not valid yet/, "early"],
  [/certificate is not for/, "wrong-name"],
  [/unknown issuer/, "unknown-issuer"],
  [/not the pinned one/, "other-pin"],
  [/does not speak TLS/, "no-tls"],
  [/version in common|peer ended TLS|TLS does not fit/, "tls-failed"],
  [/more than \d+ redirects/, "too-many"],
  [/larger than \d+ bytes/, "too-large"],
  [/the answer is not HTTP|it does not speak HTTP/, "not-http"],
  [/the server says \d/, "no-upgrade"],
  [/connection reset/, "reset"],
  [/closed without an answer/, "unanswered"],
  [/cut short/, "cut"],
];

/** Names what an error means; what has no sentence has an error that says it. */
function nameFailure(error: unknown, { certificate }: TlsFacts): string {
  const code = exitCodeOf(error);
  if (code === ExitCode.Unresolved) return "unknown-host";
  const text = describe(error);
  const [, name] = FAILURES.find(([test]) => test.test(text)) ?? [];
  // what is lost before an answer has why it was as a cause
  const isReset = /ConnectionReset|ECONNRESET/.test(Deno.inspect(error));
  if (name === "unanswered" && isReset) return "reset";
  const isOwn = certificate && certificate.issuer === certificate.subject;
  if (name === "unknown-issuer" && isOwn) return "self-signed";
  return name ?? (code === ExitCode.Certificate ? "certificate-refused" : "");
}

/** How a way has gone so far. */
interface WaySoFar {
  /** The address that is asked for. */
  readonly goal: Address;
  /** What is connected to: the address that was tried last. */
  to: string;
  isOpen: boolean;
  /** Whether the peer is the right one, where TLS has to show that. */
  isTrusted: boolean;
  facts: TlsFacts;
  /** What has been said of the addresses that refuse. */
  readonly refused: Set<string>;
}

/** What hears a way, and says each step of it. */
export interface Way extends Required<Pick<Route, "onTry">> {
  readonly onFacts: (facts: TlsFacts) => void;
  /** Begins the way to another address. */
  readonly begin: (goal: Address, isForwarded?: boolean) => void;
  /** Says who stands behind the certificate, once it was not refused. */
  readonly trust: (by: Pick<TlsClient, "ca" | "pin" | "insecure">) => void;
  /** Says what has ended it, where a sentence does. */
  readonly fail: (error: unknown) => void;
  readonly soFar: () => Readonly<WaySoFar>;
}

/** Says each step of the ways to the peers of an exchange, one after the other. */
export function createWay(say: Say, proxy: Proxy | undefined): Way {
  const begin = (goal: Address): WaySoFar => ({
    ...{ goal, to: formatAddress(goal), isOpen: false, isTrusted: false },
    ...{ facts: {}, refused: new Set() },
  });
  let way = begin({ path: "" });
  let known: readonly string[] = [];
  let isOver = false;
  let isRead = false;

  function onTry(ips: readonly string[], why?: unknown): void {
    const { goal } = way;
    const [ip] = ips;
    if (isOver) return;
    if (ip === undefined) {
      way.isOpen = true;
      const name = "path" in goal
        ? "unix"
        : proxy === undefined
        ? "connected"
        : isRead
        ? "proxy-reads"
        : "proxy";
      say(name, { to: way.to, proxy: proxy && formatProxy(proxy) });
      return;
    }
    if ("path" in goal) return;
    way.to = formatAddress({ host: ip, port: goal.port });
    way.isOpen = false;
    if (why !== undefined) {
      const name = nameFailure(why, {});
      if (name !== "refused" && name !== "unreachable") return;
      // what is tried again may say the same again
      if (!way.refused.has(way.to)) say(name, { to: way.to });
      way.refused.add(way.to);
    } else if (known.length === 0) {
      known = ips;
      if (ip === goal.host) return;
      const name = ips.length === 1 ? "address" : "addresses";
      say(name, { host: goal.host, list: ips.join(", ") });
    } else if (ips.length < known.length && !way.refused.has(way.to)) {
      say("next", { to: way.to });
    }
  }

  function onFacts(facts: TlsFacts): void {
    way.facts = facts;
    const { tls = "TLS", cipher, alpn, certificate } = facts;
    const agreed = [tls, cipher, alpn && `ALPN ${alpn}`].filter(Boolean);
    say("tls", { facts: agreed.join(", ") });
    if (certificate === undefined) return;
    const { names, subject, issuer, notAfter } = certificate;
    say("certificate", {
      names: names.slice(0, 5).join(", ") || subject,
      issuer,
      until: notAfter.slice(0, 10),
    });
  }

  return {
    onTry,
    onFacts,
    soFar: () => way,
    begin(goal, isForwarded = false) {
      [way, known, isRead] = [begin(goal), [], isForwarded];
    },
    trust({ ca, pin, insecure }) {
      if (way.isTrusted) return;
      way.isTrusted = true;
      const name = insecure
        ? "unchecked"
        : pin !== undefined
        ? "trusted-pin"
        : ca === undefined
        ? "trusted"
        : "trusted-ca";
      say(name, { to: way.to });
    },
    fail(error) {
      isOver = true;
      const { goal, to, facts, refused, isOpen } = way;
      const name = nameFailure(error, facts);
      if (/^(refused|unreachable)$/.test(name) && refused.size > 0) return;
      const host = "host" in goal ? goal.host : to;
      if (isOpen || proxy === undefined) say(name, { to, host });
      else say("proxy-fails", { to, proxy: formatProxy(proxy) });
    },
  };
}
