/**
 * How a body that was cut off goes on: from its last byte, and only when it is still the same.
 *
 * @module
 */

import { ExitCode, Failure } from "../../../lib/cli/errors.ts";
import type { Io } from "../../../lib/cli/io.ts";
import { describe, exitCodeOf } from "../../../lib/cli/reasons.ts";
import { cutShort } from "../../../lib/http/failure.ts";
import type { HttpRequest } from "../../../lib/http/request.ts";
import { sleep } from "../../../lib/http/retry.ts";
import type { Decodes, HttpResponse } from "../../../lib/http/transport.ts";
import type { ExchangeOptions } from "../options.ts";
import {
  holdToRange,
  isSameBody,
  judge,
  type Known,
  knownOf,
  requestPlain,
  requestRest,
} from "./range.ts";

/** How one more request is sent, where that is not as the first one. */
export interface SendNextOptions {
  readonly decodes?: Decodes;
  readonly retry?: number;
}

/** An exchange that may take more than one request. */
export interface Download {
  /** The request for all of the body. */
  readonly request: HttpRequest;
  readonly options: ExchangeOptions;
  readonly io: Io;
  /** How often it is tried to get one more byte. */
  readonly retry: number;
  /** Sends one more request, in the time that is left. */
  readonly sendNext: (
    request: HttpRequest,
    options?: SendNextOptions,
  ) => Promise<HttpResponse>;
  /** Prints what a person should know, unless nobody wants to. */
  readonly printNote: (text: string) => Promise<void>;
}

/** A server that gives a byte at a time is not asked all the time, in ms. */
export const PAUSE_MS = 20;

/** Whether it is the connection that failed: cut short, late, or lost. */
export function isLost(error: unknown): boolean {
  const code = exitCodeOf(error);
  return code === ExitCode.CutShort || code === ExitCode.TimedOut ||
    /connection (reset|aborted)|closed the connection/.test(describe(error));
}

/**
 * Whether a response's body can go on after an error: nobody changed the request's range, the body can be told from any
 * other, and it is the connection that failed.
 */
export function canResume(
  { method, typed }: HttpRequest,
  { validator, since }: Known,
  error: unknown,
): boolean {
  return method === "GET" && (validator ?? since) !== undefined &&
    !typed.includes("range") && isLost(error);
}

/**
 * Goes on with a body that was cut off, for a reader who cannot give back what was read.
 *
 * @param first The response whose body was cut off.
 * @param at How many bytes of it were read.
 * @param error How it ended; thrown when there is no way to go on.
 */
export async function* resume(
  { request, sendNext, retry, printNote, io }: Download,
  first: HttpResponse,
  at: number,
  error: unknown,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  // the first byte of a part is not that of all
  const known = first.status === 206 ? {} : knownOf(first);
  for (
    let tries = 0;
    tries < retry && canResume(request, known, error);
    tries++
  ) {
    await printNote(`Cut short after ${at} bytes, going on\n`);
    await sleep(PAUSE_MS, io.signal);
    const rest = at > 0
      ? requestRest(request, at, known)
      : requestPlain(request);
    await using response = await sendNext(rest).catch(() => undefined);
    if (response === undefined) break;
    const step = judge(response, at, known);
    if (step === "whole") return;
    const found = knownOf(response);
    const isAll = step === "start" && found.validator === known.validator &&
      found.total === known.total && found.coding === known.coding &&
      isSameBody(response.headers, known);
    if (step !== "append" && !isAll) break;
    const { part, isExact } = isAll
      ? { part: response, isExact: () => true }
      : holdToRange(response);
    // a server without ranges sends all of it again: the same bytes are skipped
    let skip = isAll ? at : 0;
    try {
      for await (const chunk of part.body) {
        const rest = chunk.subarray(skip);
        skip -= chunk.length - rest.length;
        if (rest.length === 0) continue;
        at += rest.length;
        tries = -1;
        yield rest;
      }
    } catch (cause) {
      error = cutShort(request.url, cause, { at, total: known.total });
      continue;
    }
    // what came last cannot be taken back
    if (!isExact()) break;
    if (at === (known.total ?? found.total ?? at)) return;
    const cause = new Failure("it ended early", { code: ExitCode.CutShort });
    error = cutShort(request.url, cause, { at, total: known.total });
  }
  throw error;
}

/** A body to its end, which goes on where it is cut off. */
export async function* resumedBody(
  exchange: Download,
  response: HttpResponse,
): HttpResponse["body"] {
  let at = 0;
  try {
    for await (const chunk of response.body) {
      at += chunk.length;
      yield chunk;
    }
  } catch (error) {
    yield* resume(exchange, response, at, error);
  }
}
