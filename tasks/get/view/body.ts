/**
 * What came in as what is printed: bytes for a pipe, safe and readable text for a terminal.
 *
 * @module
 */

import {
  ClosedOutput,
  escapeControls,
  type Io,
  type Output,
  print,
  printSafe,
} from "../../../lib/cli/io.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import { fromByteString } from "./charset.ts";
import type { ExchangeOptions } from "../options.ts";

const NEWLINE = 0x0a;

/** Prints the status line, in a colour of its class. */
async function printStatus(
  { status, statusText }: HttpResponse,
  stderr: Output,
): Promise<void> {
  const line = `${status} ${fromByteString(statusText)}`.trimEnd();
  if (!stderr.isTerminal) return await print(stderr, `${line}\n`);
  const { paint } = await import("./paint.ts");
  const color = status < 300 ? "green" : status < 400 ? "yellow" : "red";
  await print(stderr, `${paint(escapeControls(line), color, stderr)}\n`);
}

/** The headers in which hark's api says why. */
const REASONS = ["x-reason", "x-ignored-query"];

/** Whether a body is a problem (RFC 9457) that says why, and nothing has said it yet. */
export function tellsWhy(
  headers: Headers,
  { quiet, body }: Pick<Partial<ExchangeOptions>, "quiet" | "body">,
): boolean {
  return !quiet && !body && !headers.has("x-reason") &&
    /^application\/problem\+json\s*(;|$)/i.test(
      headers.get("content-type") ?? "",
    );
}

/** Prints the head of a response: its status on stderr, or with `include` all of it on stdout. */
export async function printHead(
  response: HttpResponse,
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
  options: Partial<ExchangeOptions>,
): Promise<void> {
  const { refused, unknownCoding } = response;
  if (!options.quiet && !options.body) {
    // -v has said it already
    if (!options.verbose && !options.include) {
      await printStatus(response, stderr);
    }
    // after a 303 that is meant; after these it is how old clients made them (RFC 9110 section 15.4)
    const turned = response.hops?.find(({ status, request }) =>
      (status === 301 || status === 302) && request.body !== undefined
    );
    if (turned && response.request.body === undefined) {
      const { status } = turned;
      await printSafe(stderr, `Followed ${status} as GET, without the body\n`);
    }
    if (refused !== undefined) {
      await printSafe(stderr, `Not followed: ${refused}\n`);
    }
    if (unknownCoding !== undefined) {
      await printSafe(stderr, `Not decoded: ${unknownCoding}\n`);
    }
    if (REASONS.some((name) => response.headers.has(name))) {
      const { linesOfHead } = await import("./reason.ts");
      // with -v or -i the header itself is shown
      const isShown = options.verbose || options.include;
      if (!isShown) await printSafe(stderr, linesOfHead(response.headers));
    }
    if (response.status === 401 || response.status === 407) {
      const { loginHint } = await import("./head.ts");
      const hint = loginHint(response, options);
      if (hint !== undefined) await printSafe(stderr, `hint: ${hint}\n`);
    }
  }
  if (!options.include) return;
  const { printResponseHead } = await import("./head.ts");
  const isSaved = options.output !== undefined || options.remoteName;
  await printResponseHead(response, stdout).catch((error) => {
    // the file is what was asked for
    if (!isSaved || !(error instanceof ClosedOutput)) throw error;
  });
}

/** Says why a body is not shown, and what to do with it. */
async function printBinary(
  { headers, unknownCoding }: HttpResponse,
  stderr: Output,
): Promise<void> {
  const isDecoded = headers.has("content-encoding") &&
    unknownCoding === undefined;
  const length = isDecoded ? null : headers.get("content-length");
  const size = /^\d+$/.test(length ?? "") ? `, ${length} bytes` : "";
  await print(stderr, `binary${size}: -o FILE saves it, --raw shows it\n`);
}

/**
 * Prints a body as it comes in. Where a person reads it, of one that is no text nothing is shown, and the rest is not
 * asked for.
 *
 * @param resume Goes on with a body that was cut off after some bytes, or throws the error.
 * @throws {Failure} When the body is cut short or late: after what came of it was printed.
 * @throws {ClosedOutput} When nobody reads the output any more.
 */
export async function printBody(
  response: HttpResponse,
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
  options: Pick<
    Partial<ExchangeOptions>,
    "pretty" | "raw" | "quiet" | "body"
  >,
  resume?: (error: unknown, received: number) => Promise<HttpResponse["body"]>,
): Promise<void> {
  const { headers, body, unknownCoding } = response;
  const isCoded = unknownCoding !== undefined;
  const view = !options.raw && (stdout.isTerminal || options.pretty)
    ? await (await import("./view.ts"))
      .createView(headers, stdout, options, isCoded)
    : undefined;
  const problem = tellsWhy(headers, options)
    ? (await import("./reason.ts")).createProblemReader()
    : undefined;
  let last = NEWLINE;
  let received = 0;
  const write = async (bytes: Uint8Array) => {
    last = bytes.at(-1) ?? last;
    await stdout.write(bytes);
  };
  const writeAll = async (body: HttpResponse["body"]) => {
    for await (const chunk of body) {
      received += chunk.length;
      problem?.add(chunk);
      for (const bytes of view?.format(chunk) ?? [chunk]) await write(bytes);
      if (view?.isBinary()) return;
    }
  };
  try {
    await writeAll(body).catch(async (error) => {
      if (resume === undefined) throw error;
      await writeAll(await resume(error, received));
    });
  } finally {
    for (const bytes of view?.end() ?? []) await write(bytes);
    if (stdout.isTerminal && !options.raw && last !== NEWLINE) {
      await write(new Uint8Array([NEWLINE]));
    }
    if (view?.isBinary()) await printBinary(response, stderr);
    if (problem) await printSafe(stderr, problem.line());
  }
}
