/**
 * Whether and when a request is sent again: what may pass by itself, after a pause that spreads a crowd.
 *
 * @module
 */

import { ExitCode } from "../cli/errors.ts";
import { exitCodeOf, reasonOf } from "../cli/reasons.ts";
import { pause } from "../net/pause.ts";
import { type HttpRequest, onceOf, parseDate } from "./request.ts";

/** The first pause is up to half a second, each further one up to twice as long, none longer than 30 s. */
const FIRST_MS = 500;
export const LONGEST_MS = 30_000;

const IDEMPOTENT = /^(GET|HEAD|OPTIONS|PUT|DELETE|TRACE)$/;

const PASSING = [408, 429, 502, 503, 504];

type Outcome =
  | { readonly status: number; readonly headers: Headers }
  | { readonly error: unknown };

/** Whether a request may be sent twice: it is idempotent (RFC 9110, section 9.2.2) or has a key, and its body comes again. */
export function isRepeatable({ method, headers, body }: HttpRequest): boolean {
  return body?.again !== false && (IDEMPOTENT.test(method) ||
    headers.some(([name]) => /^idempotency-key$/i.test(name)));
}

/** Retry-After in ms (RFC 9110, section 10.2.3): seconds, or a date. */
function retryAfter(headers: Headers): number | undefined {
  const text = onceOf(headers, "retry-after") ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = parseDate(text);
  return date === undefined ? undefined : Math.max(0, date - Date.now());
}

/** Why an attempt may be repeated, in words; undefined where another would end the same way. */
function passingReason(outcome: Outcome): string | undefined {
  if ("status" in outcome) {
    return PASSING.includes(outcome.status) ? `${outcome.status}` : undefined;
  }
  const codes: readonly ExitCode[] = [ExitCode.Unreachable, ExitCode.TimedOut];
  const { message } = reasonOf(outcome.error);
  // too many of them may lock an account
  if (/the proxy (wants|refused)|is not an? \w+ proxy/.test(message)) {
    return undefined;
  }
  const passes = codes.includes(exitCodeOf(outcome.error)) ||
    /^connection (reset|aborted)|closed (the connection|without)/.test(message);
  return passes ? message : undefined;
}

/** Whether there is to be another attempt: after full jitter, up to 30 s, or when the server says, which may be longer. */
export function pauseAfter(
  outcome: Outcome,
  attempt: number,
  random: () => number = Math.random,
): { readonly ms: number; readonly why: string } | undefined {
  const why = passingReason(outcome);
  if (why === undefined) return undefined;
  const told = "headers" in outcome ? retryAfter(outcome.headers) : undefined;
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return { ms: told ?? random() * longest, why };
}

/** Waits, in ms; the reason of the signal is thrown when it is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return pause(ms, signal).then(() => signal.throwIfAborted());
}
