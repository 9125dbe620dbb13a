/**
 * Deadlines of an exchange. fetch has none of its own: these cut a silent TLS handshake, a silent head and a stalled body.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";

/** How long to wait, in ms; what is missing or 0 has no limit. */
export interface Timeouts {
  /** For the head of a response: resolve, connect, handshake, send, wait. */
  readonly head?: number | undefined;
  /** For the next bytes of a body. */
  readonly idle?: number | undefined;
  /** For all of it, redirects and body included. */
  readonly total?: number | undefined;
}

/** How long `get` and `post` wait unless told otherwise: 30 s for a head, 60 s for the next bytes. */
export const DEFAULT_TIMEOUTS = { head: 30_000, idle: 60_000 } as const;

export interface Deadline {
  /** Aborted, with a {@linkcode Failure} of code 28 as its reason, when a limit passes. */
  readonly signal: AbortSignal;
  /** Whether there is time for another attempt: then `signal` is a new one where a limit of a step has aborted it. */
  readonly revive: () => boolean;
  /** Starts the limit of the step anew; with false, suspends it until the next time. */
  readonly renew: (runs: boolean) => void;
  /** Waits for a step of the exchange, and aborts the exchange when it takes longer than `ms`. */
  readonly within: <T>(
    work: Promise<T>,
    ms: number | undefined,
    late: string,
  ) => Promise<T>;
  readonly lift: () => void;
}

export function startDeadline(total?: number, signal?: AbortSignal): Deadline {
  let controller = new AbortController();
  const outer = signal ? [signal] : [];
  const arm = () => AbortSignal.any([...outer, controller.signal]);
  let armed = arm();
  const limitOf = (ms: number | undefined, late: string) =>
    ms ? { due: performance.now() + ms, ms, late } : undefined;
  type Limit = NonNullable<ReturnType<typeof limitOf>>;
  const whole = limitOf(total, "not done");
  let limit: Limit | undefined;
  let alarm = Infinity;
  let timer: AbortSignal | undefined;
  // while somebody listens to a timer, the process goes on
  const unset = () => timer?.removeEventListener("abort", ring);
  const ring = () => {
    alarm = Infinity;
    if (limit === undefined || performance.now() < limit.due) return set(limit);
    abort(limit);
  };
  const abort = ({ late, ms }: Limit) =>
    controller.abort(
      new Failure(`${late} within ${ms / 1000} s`, { code: ExitCode.TimedOut }),
    );
  // one alarm at a time, moved when it rings: a timer per chunk would pile up, and the first setTimeout costs 7 ms
  const set = (next: Limit | undefined) => {
    limit = next;
    if (next === undefined || next.due >= alarm) return;
    alarm = next.due;
    const wait = Math.max(0, Math.ceil(next.due - performance.now()));
    unset();
    timer = AbortSignal.timeout(wait);
    timer.addEventListener("abort", ring);
  };
  let step: { ms: number | undefined; late: string } | undefined;
  const start = () => {
    const own = limitOf(step?.ms, step?.late ?? "");
    set(own && whole && whole.due < own.due ? whole : own ?? whole);
  };
  start();
  return {
    get signal() {
      return armed;
    },
    within: async (work, ms, late) => {
      step = { ms, late };
      start();
      try {
        const done = await work;
        // what comes all the time leaves no turn to a timer
        if (whole && performance.now() >= whole.due) abort(whole);
        controller.signal.throwIfAborted();
        return done;
      } finally {
        step = undefined;
        start();
      }
    },
    renew: (runs) => runs ? start() : set(whole),
    revive: () => {
      const isOver = whole && performance.now() >= whole.due;
      if (signal?.aborted || isOver) return false;
      if (controller.signal.aborted) {
        controller = new AbortController();
        armed = arm();
        start();
      }
      return true;
    },
    lift: () => {
      limit = undefined;
      unset();
    },
  };
}
