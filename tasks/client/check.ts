/**
 * Are ports open? Each is connected to, and closed again without a byte.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import { ClosedOutput, type Io, printSafe } from "../../lib/cli/io.ts";
import {
  denialOf,
  describe,
  exitCodeOf,
  reasonOf,
  unloadedOf,
} from "../../lib/cli/reasons.ts";
import { asStarted } from "../../lib/cli/start.ts";
import { quote } from "../../lib/cli/values.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import type { Step } from "../../lib/net/connect.ts";
import { atMost } from "../../lib/net/pause.ts";
import {
  formatFacts,
  formatRest,
  formatWords,
} from "../../lib/net/tls/facts.ts";
import type { CertificateFacts, TlsFacts } from "../../lib/net/connection.ts";
import { type ClientOptions, familyFor } from "./options.ts";
import type { Target } from "./targets.ts";
import { connectPatiently, type PatientOptions } from "./wait.ts";

/** How many are connected to at a time. */
const AT_ONCE = 64;

/** An address, and how it is connected to. */
interface CheckedWay {
  readonly address: Address;
  readonly route: PatientOptions;
}

/** What was found at one address. */
interface Finding extends TlsFacts {
  readonly address: string;
  readonly open: boolean;
  /** How long it took to know, in ms. */
  readonly ms: number;
  readonly reason?: string;
  /** Whether the certificate is one that is trusted. */
  readonly trusted?: boolean;
  /** What is against it although it is open. */
  readonly code?: ExitCode;
  readonly hint?: string | undefined;
}

/** Whether it says something about the command, the host or the proxy, not about one port. */
function isGeneral(error: unknown, step: Step, isSeveral: boolean): boolean {
  const why = error instanceof Failure ? error.cause : undefined;
  return exitCodeOf(error) === ExitCode.Usage ||
    !isSeveral && reasonOf(error).code === ExitCode.Unresolved ||
    denialOf(error) !== undefined || unloadedOf(error) !== undefined ||
    step === "proxy" ||
    // what the proxy says of the target has a code of its own
    step === "tunnel" && exitCodeOf(why) === ExitCode.Failed ||
    reasonOf(error).message === "too many open files";
}

/** What a client offers that may be one of HTTP. */
const HTTP: readonly string[] = ["h2", "http/1.1"];

/** How long a peer has to refuse a client's certificate, or its lack, after the handshake (RFC 8446 section 4.4.2.4), in ms. */
const REFUSAL_MS = { least: 50, most: 500 };

/** How long a certificate is valid, as what is said of it. */
function wordRest(certificate: CertificateFacts): string {
  const rest = formatRest(certificate);
  return `${/^not/.test(rest) ? "is" : "has"} ${rest}`;
}

const isOfOthers = (error: unknown) =>
  error instanceof Failure && /NoApplicationProtocol/i.test(`${error.cause}`);

/** Connects, and closes again; a certificate is looked at, whether it is trusted or not. */
async function look(
  { address, route }: CheckedWay,
  onFacts: (facts: TlsFacts) => void,
  onOpen: () => void,
): Promise<void> {
  const { tls, prepare } = route;
  if (tls === undefined) {
    (await connectPatiently(address, route)).close();
    return onOpen();
  }
  // else its loading would count
  await import("../../lib/net/tls/node.ts");
  const begun = performance.now();
  const shake = (alpn = tls.alpn) =>
    connectPatiently(address, {
      ...route,
      tls: { ...tls, alpn, onFacts },
    });
  const socket = await shake(tls.alpn ?? (prepare ? undefined : HTTP))
    .catch((error) => {
      // who speaks no HTTP may want a protocol of its own, or none
      if (tls.alpn === undefined && isOfOthers(error)) return shake();
      throw error;
    });
  onOpen();
  const { least, most } = REFUSAL_MS;
  // as long as the way there and back takes, or more
  const patience = Math.min(Math.max(least, performance.now() - begun), most);
  const reading = socket.read(new Uint8Array(1));
  try {
    await atMost(patience, reading);
  } catch (error) {
    if (exitCodeOf(error) === ExitCode.Certificate) throw error;
  } finally {
    reading.catch(() => {});
    socket.close();
  }
}

async function checkOne(
  way: CheckedWay,
  isSeveral: boolean,
  minDays?: number,
): Promise<Finding> {
  const { address, route } = way;
  const begun = performance.now();
  let facts: TlsFacts = {};
  let known: number | undefined;
  const finding = (open: boolean) => ({
    address: formatAddress(address),
    open,
    ms: Math.round((known ?? performance.now()) - begun),
  });
  const at: { step: Step } = { step: "connect" };
  try {
    const onStep = (next: Step) => at.step = next;
    const looking = { address, route: { ...route, onStep, probe: true } };
    const onFacts = (found: TlsFacts) => facts = found;
    await look(looking, onFacts, () => known = performance.now());
    const { certificate } = facts;
    const trusted = route.tls && { trusted: true };
    const found = { ...finding(true), ...facts, ...trusted };
    if (minDays === undefined || !route.tls) return found;
    // of one whose end is not known nothing is sure
    if (certificate && certificate.days >= minDays) return found;
    const rest = certificate ? wordRest(certificate) : "has no known end";
    const reason = `its certificate ${rest}, ${minDays} are wanted`;
    return { ...found, reason, code: ExitCode.Certificate };
  } catch (error) {
    const { step } = at;
    if (isGeneral(error, step, isSeveral)) throw error;
    const why = describe(error instanceof Failure ? error.cause : error);
    const code = exitCodeOf(error);
    const isReset = /^connection reset/.test(reasonOf(error).message);
    const isPassing = isReset ||
      code === ExitCode.CutShort || code === ExitCode.TimedOut;
    // who resets a connection, or fails in TLS, has accepted it; to who waits it must last
    const isOpen = (step === "tls" || step === "connect" && isReset) &&
      (route.wait === undefined || !isPassing);
    if (isOpen) {
      const isRefused = code === ExitCode.Certificate;
      const found = {
        ...facts,
        reason: why,
        // after the certificate its peer may still refuse, or agree on nothing
        ...facts.certificate &&
          { trusted: known !== undefined || !isRefused },
        code: isRefused ? code : ExitCode.Unreachable,
      };
      return { ...finding(true), ...step === "tls" && found };
    }
    const isSilent = step === "tunnel" && !why.startsWith("the proxy says");
    const reason = isSilent ? `the proxy says nothing: ${why}` : why;
    const hint = error instanceof Failure ? error.hint : undefined;
    return { ...finding(false), reason, hint };
  }
}

/**
 * Checks addresses, many at a time, and gives what was found in their order, each as soon as it is known.
 *
 * @throws {Failure} Where it is not a port that is at fault: an unknown host, a missing permission.
 */
export async function* check(
  ways: readonly CheckedWay[],
  { check = "", minDays }: Partial<Pick<ClientOptions, "check" | "minDays">> =
    {},
): AsyncGenerator<Finding> {
  const running: Promise<Finding>[] = [];
  // ports are all of one host, and may be many
  const isSeveral = check === "" && ways.length > 1;
  const most = isSeveral ? ways.length : AT_ONCE;
  // a proxy that refuses one may refuse all: it is asked once
  let atOnce = ways[0]?.route.proxy ? 1 : most;
  let isLate = false;
  const stop = new AbortController();
  const end = performance.now() + (ways[0]?.route.wait ?? 0);
  try {
    for (const { address, route } of ways) {
      const signal = route.signal
        ? AbortSignal.any([route.signal, stop.signal])
        : stop.signal;
      // all wait together; those whose turn comes later are tried once
      const left = end - performance.now();
      const wait = isLate ? left > 0 ? left : undefined : route.wait;
      const way = { address, route: { ...route, signal, wait } };
      const finding = checkOne(way, isSeveral, minDays);
      // it is awaited in its turn
      finding.catch(() => {});
      running.push(finding);
      const [first] = running;
      if (running.length >= atOnce && first) {
        yield await first;
        running.shift();
        atOnce = most;
        isLate = true;
      }
    }
    for (const finding of running) yield await finding;
  } finally {
    // where nobody wants the rest
    stop.abort();
    await Promise.allSettled(running);
  }
}

/** Formats a finding as a line for a person: `localhost:22 open`. */
function formatFinding({ address, open, reason = "" }: Finding): string {
  const why = formatWords(reason);
  if (open && why !== "") return `${address} open, but ${why}`;
  // a proxy that did not try knows nothing of the port
  const isTold = !/^the proxy says(?!.*(refused|unreachable))/.test(why);
  const found = open ? "open" : `${isTold ? "closed" : "not known"}: ${why}`;
  return `${address} ${found}`;
}

/** All that is known of one address, and how to trust its certificate alone. */
function formatReport(
  finding: Finding,
  { starttls, proxy }: Pick<ClientOptions, "starttls" | "proxy">,
): string {
  const { certificate, trusted, address } = finding;
  const lines = [formatFinding(finding)];
  if (certificate) {
    const tls = starttls ? `--starttls ${starttls}` : "--tls";
    const pin = `--pin ${certificate.sha256}`;
    lines.push(
      ...formatFacts(finding),
      `trusted ${trusted ? "yes" : "no"}`,
      // what goes through a proxy does so with words that may be secret
      "pin     " +
        (proxy
          ? pin
          : asStarted(`hark client ${tls} ${pin} ${quote(address)}`)),
    );
  }
  return lines.join("\n  ") + "\n";
}

/** A line for one of many addresses, with how long its certificate holds. */
function formatLine(finding: Finding): string {
  const { certificate, reason } = finding;
  const rest = certificate && reason === undefined
    ? `, its certificate ${wordRest(certificate)}`
    : "";
  return `${formatFinding(finding)}${rest}\n`;
}

/**
 * Finds how each target is connected to: where URLs say so for themselves, options that only imply TLS are for those.
 *
 * @throws {UsageError} When an option does not fit.
 */
export async function waysTo(
  targets: readonly Target[],
  options: ClientOptions,
  findRoute: (options: ClientOptions) => Promise<PatientOptions>,
): Promise<readonly CheckedWay[]> {
  const { tls, starttls, minDays } = options;
  const families = targets.map(({ address }) => familyFor(address, options));
  const isUrl = targets.some(({ isTls }) => isTls);
  const others = tls || starttls !== undefined || !isUrl;
  const route = await findRoute({ ...options, tls: tls || isUrl });
  const ways = targets.map(({ address, isTls }, at) => ({
    address,
    route: {
      ...route,
      family: families[at],
      tls: isTls ?? others ? route.tls : undefined,
      prepare: isTls === undefined ? route.prepare : undefined,
    },
  }));
  if (minDays !== undefined && ways.every(({ route }) => !route.tls)) {
    throw new UsageError("Cannot use --min-days: nothing here has TLS");
  }
  if (route.proxy && ways.some(({ address }) => "path" in address)) {
    throw new UsageError("Cannot connect to a Unix socket through a proxy");
  }
  return ways;
}

/**
 * Checks targets and prints what was found.
 *
 * @returns 0 when all are open, 7 when one is not or TLS does not start, else 60 when a certificate is refused.
 */
export async function runCheck(
  ways: readonly CheckedWay[],
  options: ClientOptions,
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
): Promise<ExitCode> {
  let code: ExitCode = ExitCode.Ok;
  const format = (finding: Finding) =>
    options.json
      ? JSON.stringify(finding) + "\n"
      : ways.length === 1
      ? formatReport(finding, options)
      : formatLine(finding);
  try {
    for await (
      const { code: found, hint, ...finding } of check(ways, options)
    ) {
      if (!finding.open) code = ExitCode.Unreachable;
      else if (found && code !== ExitCode.Unreachable) code = found;
      await printSafe(stdout, format(finding));
      // a person who asks for one port may want it open
      if (hint && ways.length === 1 && !options.json && stderr.isTerminal) {
        await printSafe(stderr, `hint: ${asStarted(hint)}\n`);
      }
    }
  } catch (error) {
    // who reads no more wants no more, but what was found counts
    if (!(error instanceof ClosedOutput)) throw error;
  }
  return code;
}
