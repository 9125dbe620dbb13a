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
import { type Address, formatAddress } from "../../lib/net/address.ts";
import type { Step } from "../../lib/net/connect.ts";
import { type ClientOptions, parsePorts } from "./options.ts";
import { connectPatiently, type PatientOptions } from "./wait.ts";

/** How many are connected to at a time. */
const AT_ONCE = 64;

/** What was found at one address. */
interface Finding {
  readonly address: string;
  readonly open: boolean;
  /** How long it took to know, in ms. */
  readonly ms: number;
  readonly reason?: string;
  /** What is against it although it is open. */
  readonly code?: ExitCode;
  readonly hint?: string | undefined;
}

/** Whether it says something about the command, the host or the proxy, not about one port. */
function isGeneral(error: unknown, step: Step): boolean {
  const why = error instanceof Failure ? error.cause : undefined;
  return exitCodeOf(error) === ExitCode.Usage ||
    reasonOf(error).code === ExitCode.Unresolved ||
    denialOf(error) !== undefined || unloadedOf(error) !== undefined ||
    step === "proxy" ||
    // what the proxy says of the target has a code of its own
    step === "tunnel" && exitCodeOf(why) === ExitCode.Failed ||
    reasonOf(error).message === "too many open files";
}

async function checkOne(
  address: Address,
  options: PatientOptions,
): Promise<Finding> {
  const begun = performance.now();
  const finding = (open: boolean) => ({
    address: formatAddress(address),
    open,
    ms: Math.round(performance.now() - begun),
  });
  const way: { step: Step } = { step: "connect" };
  try {
    const onStep = (next: Step) => way.step = next;
    const looking = { ...options, onStep, probe: true };
    (await connectPatiently(address, looking)).close();
    return finding(true);
  } catch (error) {
    const { step } = way;
    if (isGeneral(error, step)) throw error;
    const why = describe(error instanceof Failure ? error.cause : error);
    const code = exitCodeOf(error);
    const isReset = /^connection reset/.test(reasonOf(error).message);
    const isPassing = isReset ||
      code === ExitCode.CutShort || code === ExitCode.TimedOut;
    // who resets a connection, or fails in TLS, has accepted it; to who waits it must last
    const isOpen = (step === "tls" || step === "connect" && isReset) &&
      (options.wait === undefined || !isPassing);
    if (isOpen) {
      const isRefused = code === ExitCode.Certificate;
      const found = {
        reason: why,
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
  addresses: readonly Address[],
  options: PatientOptions = {},
): AsyncGenerator<Finding> {
  const running: Promise<Finding>[] = [];
  // a proxy that refuses one may refuse all: it is asked once
  let atOnce = options.proxy ? 1 : AT_ONCE;
  const stop = new AbortController();
  const signal = options.signal
    ? AbortSignal.any([options.signal, stop.signal])
    : stop.signal;
  try {
    for (const address of addresses) {
      const finding = checkOne(address, { ...options, signal });
      // it is awaited in its turn
      finding.catch(() => {});
      running.push(finding);
      const [first] = running;
      if (running.length >= atOnce && first) {
        yield await first;
        running.shift();
        atOnce = AT_ONCE;
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
  if (open && reason !== "") return `${address} open, but ${reason}\n`;
  // a proxy that did not try knows nothing of the port
  const isTold = !/^the proxy says(?!.*(refused|unreachable))/.test(reason);
  const found = open ? "open" : `${isTold ? "closed" : "not known"}: ${reason}`;
  return `${address} ${found}\n`;
}

/**
 * Checks the ports of a host and prints what was found.
 *
 * @param address The host, and the port where none is given.
 * @returns 0 when all are open, 7 when one is not or TLS does not start, else 60 when a certificate is refused.
 * @throws {UsageError} When the ports are none.
 */
export async function runCheck(
  address: Address,
  route: PatientOptions,
  { check: text = "", json }: Pick<ClientOptions, "check" | "json">,
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
): Promise<ExitCode> {
  if (text !== "" && "path" in address) {
    throw new UsageError(`Cannot check ports of ${formatAddress(address)}`);
  }
  const addresses = text === "" || "path" in address
    ? [address]
    : parsePorts(text).map((port) => ({ ...address, port }));
  let code: ExitCode = ExitCode.Ok;
  const shown = (finding: Finding) =>
    json ? JSON.stringify(finding) + "\n" : formatFinding(finding);
  try {
    for await (
      const { code: found, hint, ...finding } of check(addresses, route)
    ) {
      if (!finding.open) code = ExitCode.Unreachable;
      else if (found && code !== ExitCode.Unreachable) code = found;
      await printSafe(stdout, shown(finding));
      // a person who asks for one port may want it open
      if (hint && addresses.length === 1 && !json && stderr.isTerminal) {
        await printSafe(stderr, `hint: ${asStarted(hint)}\n`);
      }
    }
  } catch (error) {
    // who reads no more wants no more, but what was found counts
    if (!(error instanceof ClosedOutput)) throw error;
  }
  return code;
}
