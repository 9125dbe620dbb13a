/**
 * One exchange: a request out, its redirects followed, an answer whose body is read under a deadline.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import { attempt } from "./attempt.ts";
import { DEFAULT_TIMEOUTS, startDeadline, type Timeouts } from "./deadline.ts";
import type { Follow, Hop } from "./redirect.ts";
import type { Header, RequestPlan } from "./request.ts";
import { openBody } from "./response_body.ts";
import type { Network, Timings, TransportAnswer } from "./transport.ts";

/** How {@linkcode send} behaves. */
export interface SendOptions {
  /** Ends the exchange. */
  readonly signal?: AbortSignal;
  /** How long to wait; {@linkcode DEFAULT_TIMEOUTS} unless given. */
  readonly timeouts?: Timeouts;
  /** How many redirects are followed, 10 unless given. */
  readonly maxRedirects?: number | undefined;
  /** Which redirects are followed; those that are safe unless given. */
  readonly follow?: Follow | undefined;
  /** How many more attempts there may be for each request; none unless given. */
  readonly retry?: number | undefined;
  /** How many bytes a body may have, decoded. */
  readonly maxSize?: number | undefined;
  /** The way to the server. */
  readonly network?: Network | undefined;
  /** Tells a person about an attempt that comes. */
  readonly notice?: ((text: string) => void) | undefined;
}

/** A redirect that was followed. */
export interface AnsweredHop {
  /** The request. */
  readonly plan: RequestPlan;
  /** The status of its answer. */
  readonly status: number;
  /** Where the answer points. */
  readonly location: string;
}

/** An answer: its head, and its body as it comes. Disposing of it ends the exchange. */
export interface Answer extends AsyncDisposable {
  /** The request that was answered, after redirects. */
  readonly plan: RequestPlan;
  /** The status. */
  readonly status: number;
  /** What the status is called; empty where it has no name. */
  readonly statusText: string;
  /** The headers; the characters of a value stand for its bytes. */
  readonly headers: Headers;
  /** Why a redirect was not followed, if this is one. */
  readonly refused?: string | undefined;
  /** Its header lines as they came, where the transport sees them. */
  readonly wire?: readonly Header[] | undefined;
  /** The version of HTTP, as `1.1`, where the transport sees it. */
  readonly version?: string | undefined;
  /** How long the phases took, where the transport measures them. */
  readonly timings?: Timings | undefined;
  /** The redirects that were followed: each request and what it was answered. */
  readonly hops?: readonly AnsweredHop[];
  /** The encoding that was not decoded, as nobody here knows it. */
  readonly unknownCoding?: string | undefined;
  /** The address that answered, where the transport sees it. */
  readonly remote?: string | undefined;
  /** Aborted when a limit passes or the caller wants an end, with why as its reason: a `pipeTo` then fails with less. */
  readonly signal?: AbortSignal;
  /** The body as fetch's own stream, for `pipeTo`, where it needs no limit but time; to be read instead of {@linkcode Answer.body}. */
  readonly stream?: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** The body in chunks, decoded; throws a {@linkcode Failure} when it is cut short or late. To be read once. */
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

async function redirectOf(
  plan: RequestPlan,
  { status, headers }: TransportAnswer,
  follow: Follow | undefined,
): Promise<Hop | undefined> {
  if (status < 300 || status >= 400) return undefined;
  const { followRedirect } = await import("./redirect.ts");
  const location = headers.get("location");
  return followRedirect(plan, { status, location }, follow);
}

/**
 * Sends a request and follows its redirects as `followRedirect` allows.
 *
 * @param plan The request.
 * @param options Limits and a signal.
 * @returns The answer, whatever its status, as soon as its head is there.
 * @throws {Failure} When there is no answer: code 6 without an address, 7 without a connection, 60 for a certificate,
 * 28 for a deadline, 47 for too many redirects.
 *
 * @example An answer's status and text
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hi"));
 * const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
 * await using answer = await send({ method: "GET", url, headers: [], typed: [] });
 * assertEquals(answer.status, 200);
 * assertEquals(await new Response(ReadableStream.from(answer.body)).text(), "hi");
 * ```
 */
export async function send(
  plan: RequestPlan,
  options: SendOptions = {},
): Promise<Answer> {
  const { maxRedirects = 10, follow, retry, maxSize, notice } = options;
  const { head, idle, total }: Timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
  const deadline = startDeadline(total, options.signal);
  let { network = {} } = options;
  const hops: AnsweredHop[] = [];
  try {
    while (true) {
      const answer = await attempt(plan, {
        deadline,
        head,
        network,
        retry,
        notice,
      });
      const hop = await redirectOf(plan, answer, follow);
      if (hop === undefined || "refused" in hop) {
        const { status, statusText, headers, wire, version } = answer;
        const { timings, remote } = answer;
        const reading = { plan, deadline, idle, maxSize };
        const { drop, ...incoming } = await openBody(answer, reading);
        return {
          plan,
          status,
          statusText,
          headers,
          refused: hop?.refused,
          wire,
          version,
          timings,
          remote,
          hops,
          signal: deadline.signal,
          ...incoming,
          async [Symbol.asyncDispose]() {
            deadline.lift();
            await drop();
          },
        };
      }
      await answer.body?.cancel();
      if (hops.length === maxRedirects) {
        throw new Failure(`more than ${maxRedirects} redirects`, {
          code: ExitCode.TooManyRedirects,
        });
      }
      const location = answer.headers.get("location") ?? "";
      hops.push({ plan, status: answer.status, location });
      // who the client is, and whom it trusts blindly, is for the first origin alone
      if (hop.next.url.origin !== plan.url.origin) {
        network = { ...network, insecure: false, cert: undefined };
      }
      plan = hop.next;
    }
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    deadline.lift();
    const { failureOf } = await import("./failure.ts");
    throw await failureOf(plan, cause);
  }
}
