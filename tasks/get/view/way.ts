/**
 * The way to a peer in sentences: addresses, a proxy, TLS, and what has ended it.
 *
 * @module
 */

import { ExitCode } from "../../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../../lib/cli/reasons.ts";
import { type Address, formatAddress } from "../../../lib/net/address.ts";
import type { TlsClient, TlsFacts } from "../../../lib/net/connection.ts";
import { formatProxy, type Proxy } from "../../../lib/net/proxy.ts";
import { findSentence, type Say } from "./explain.ts";

/** Names what an error means; what has no sentence has an error that says it. */
function nameFailure(error: unknown, { certificate }: TlsFacts): string {
  const code = exitCodeOf(error);
  if (code === ExitCode.Unresolved) return "unknown-host";
  const [name] = findSentence(describe(error));
  // what is lost before an answer has why it was as a cause
  const isReset = /ConnectionReset|ECONNRESET/.test(Deno.inspect(error));
  if (name === "unanswered" && isReset) return "reset";
  const isOwn = certificate && certificate.issuer === certificate.subject;
  if (name === "unknown-issuer" && isOwn) return "self-signed";
  return name || (code === ExitCode.Certificate ? "certificate-refused" : "");
}

/** What hears a way, and says each step of it: addresses, proxy, TLS, errors. */
export interface Way {
  readonly soFar: () => { readonly isOpen: boolean; readonly facts: TlsFacts };
  /** Begins the way to another address; a proxy may be asked to read what is sent there. */
  readonly begin: (next: Address, isRead?: boolean) => void;
  readonly onTry: (ips: readonly string[], why?: unknown) => void;
  readonly onFacts: (facts: TlsFacts) => void;
  /** Says why the certificate is trusted, once it was not refused. */
  readonly trust: (by: Pick<TlsClient, "pin" | "insecure">) => void;
  /** Says what has ended it, where a sentence does; `late` is that of time that is over once there is a connection. */
  readonly fail: (error: unknown, late?: string) => void;
}

/** Hears the ways to the peers of an exchange, one after the other. */
export function createWay(say: Say, proxy: Proxy | undefined): Way {
  let goal: Address = { path: "" };
  let to = "";
  let facts: TlsFacts = {};
  let known: readonly string[] = [];
  let [isOpen, isTrusted, isForwarded, isOver] = [false, false, false, false];
  const refused = new Set<string>();

  return {
    soFar: () => ({ isOpen, facts }),
    begin(next, isAsked = false) {
      [goal, to, facts, known] = [next, formatAddress(next), {}, []];
      [isOpen, isTrusted, isForwarded] = [false, false, isAsked];
    },
    onTry(ips, why) {
      const [ip] = ips;
      if (isOver) return;
      if (ip === undefined) {
        isOpen = true;
        const through = isForwarded ? "proxy-reads" : "proxy";
        const name = "path" in goal ? "unix" : proxy ? through : "connected";
        say(name, { to, proxy: proxy && formatProxy(proxy) });
        return;
      }
      if ("path" in goal) return;
      to = formatAddress({ host: ip, port: goal.port });
      isOpen = false;
      if (why !== undefined) {
        const name = nameFailure(why, {});
        if (!/^(refused|unreachable)$/.test(name)) return;
        // what is tried again may say the same again
        if (!refused.has(to)) say(name, { to });
        refused.add(to);
      } else if (known.length === 0) {
        known = ips;
        if (ip === goal.host) return;
        const name = ips.length === 1 ? "address" : "addresses";
        say(name, { host: goal.host, list: ips.join(", ") });
      } else if (ips.length < known.length && !refused.has(to)) {
        say("next", { to });
      }
    },
    onFacts(told) {
      facts = told;
      const { tls = "TLS", cipher, alpn, certificate } = told;
      const agreed = [tls, cipher, alpn && `ALPN ${alpn}`].filter(Boolean);
      say("tls", { facts: agreed.join(", ") });
      if (certificate === undefined) return;
      const { names, subject, issuer, notAfter } = certificate;
      const shown = names.slice(0, 5).join(", ") || subject;
      const until = notAfter.slice(0, 10);
      say("certificate", { names: shown, issuer, until });
    },
    trust({ pin, insecure }) {
      if (isTrusted) return;
      isTrusted = true;
      const name = pin === undefined ? "trusted" : "trusted-pin";
      say(insecure ? "unchecked" : name, { host: formatAddress(goal) });
    },
    fail(error, late = "") {
      isOver = true;
      const host = "host" in goal ? goal.host : to;
      const code = exitCodeOf(error);
      if (code === ExitCode.TimedOut) say(isOpen ? late : "late-connect");
      else if (!isOpen && proxy && code !== ExitCode.Failed) {
        say("proxy-fails", { to, proxy: formatProxy(proxy) });
      } else if (!refused.has(to) || isOpen) {
        say(nameFailure(error, facts), { to, host });
      }
    },
  };
}
