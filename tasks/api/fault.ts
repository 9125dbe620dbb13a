/**
 * Faults on request: `Prefer: delay=200-800, status=503, rate=0.3, seed=7` (RFC 7240).
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import { pause } from "../../lib/net/pause.ts";
import { Problem } from "./store/problem.ts";

/** What is to go wrong with a response. */
interface Fault {
  /** How long the response waits, in ms. */
  readonly delay: readonly [from: number, to: number];
  /** The status instead of a response. */
  readonly status: number | undefined;
  /** How often the status comes, from 0 to 1. */
  readonly rate: number;
  /** Names a row of random numbers that is the same each time; nothing leaves it to chance. */
  readonly seed: string | undefined;
  /** What Retry-After says, in seconds. */
  readonly retryAfter: number;
}

/** Gives a number from 0 to below 1; those of one seed are the same row each time. */
export type Random = (seed: string | undefined) => number;

const maxDelay = 60_000;
const maxSeeds = 1000;
const delayForm = /^\d+(\.\d+)?(-\d+(\.\d+)?)?$/;
const delayExpected =
  `ms as 200, or from less to more as 200-800, at most ${maxDelay}`;

/** Reads how long responses wait, in ms: `200`, or from and to as `200-800`. */
export function parseDelay(text: string): readonly [from: number, to: number] {
  const [from = 0, to = from] = text.split("-").map(Number);
  if (delayForm.test(text) && from <= to && to <= maxDelay) return [from, to];
  throw new UsageError(`Cannot wait "${text}": expected ${delayExpected}`);
}

/**
 * Reads what is to go wrong from a Prefer header and a query, where the names begin with `_`:
 * `?_delay=200&_status=503`. Preferences of other names are left to others.
 *
 * @returns Nothing when no fault is asked for.
 * @throws {Problem} 400 when a value is not what its name wants.
 */
export function parseFault(
  prefer: string,
  params: URLSearchParams,
): Fault | undefined {
  if (prefer === "" && params.size === 0) return;
  const wanted = new Map<string, { text: string; typed: string }>();
  for (const preference of prefer.split(/[,;]/)) {
    const [name = "", value = ""] = preference.split("=", 2)
      .map((part) => part.trim());
    const text = value.replace(/^"(.*)"$/, "$1");
    const typed = `Prefer: ${name}=${text}`;
    wanted.set(name.toLowerCase(), { text, typed });
  }
  for (const [key, value] of params) {
    if (!key.startsWith("_")) continue;
    wanted.set(key.slice(1), { text: value, typed: `?${key}=${value}` });
  }
  function read(name: string, form: RegExp, expected: string, max: number) {
    const asked = wanted.get(name);
    if (asked === undefined) return;
    const { text, typed } = asked;
    const numbers = form.test(text) ? text.split("-").map(Number) : [];
    const [from = Infinity, to = from] = numbers;
    if (from <= to && to <= max) return numbers;
    throw new Problem(400, `Cannot use "${typed}": expected ${expected}`);
  }
  const delay = read("delay", delayForm, delayExpected, maxDelay);
  const status = read("status", /^[45]\d\d$/, "a status from 400 to 599", 599);
  const rate = read("rate", /^(\d*\.)?\d+$/, "a number from 0 to 1", 1);
  const retry = read("retry-after", /^\d+$/, "seconds", maxDelay);
  if (!delay && !status && !rate) return;
  const [from = 0, to = from] = delay ?? [];
  return {
    delay: [from, to],
    status: status?.[0] ?? (rate && 503),
    rate: rate?.[0] ?? 1,
    seed: wanted.get("seed")?.text,
    retryAfter: retry?.[0] ?? 1,
  };
}

/**
 * Lets a fault happen: waits, then fails as often as was asked for.
 *
 * @param signal Ends the wait.
 * @throws {Problem} Of the fault's status; 429 and 503 have a Retry-After.
 */
export async function applyFault(
  fault: Fault,
  random: Random,
  signal?: AbortSignal,
): Promise<void> {
  const { delay: [from, to], status, rate, seed, retryAfter } = fault;
  const ms = from + random(seed) * (to - from);
  // Drawn before it waits: responses that overtake each other must not change the row.
  const fails = random(seed) < rate;
  if (ms > 0) await pause(ms, signal);
  if (status === undefined || !fails) return;
  const mayRetry = status === 429 || status === 503;
  throw new Problem(status, `The status ${status} was asked for`, {
    headers: mayRetry ? { "Retry-After": `${retryAfter}` } : {},
  });
}

/** Creates the random numbers of faults: each seed has a row of its own, that starts here. */
export function createRandom(): Random {
  const states = new Map<string, number>();
  return (seed) => {
    if (seed === undefined) return Math.random();
    const state = (states.get(seed) ?? hash(seed)) + 0x9e3779b9 | 0;
    states.delete(seed);
    states.set(seed, state);
    if (states.size > maxSeeds) states.delete(states.keys().next().value ?? "");
    return mix(state) / 2 ** 32;
  };
}

function hash(text: string): number {
  return Array.from(text, (letter) => letter.codePointAt(0) ?? 0)
    .reduce((state, code) => mix(state ^ code), 0);
}

/** Spreads each bit over all 32, as murmur3's last step does. */
function mix(state: number): number {
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
