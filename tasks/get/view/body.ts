/**
 * What came in as what is shown: bytes for a pipe, safe and readable text for a terminal.
 *
 * @module
 */

import { type Io, type Output, print } from "../../../lib/cli/io.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";

/** What of a response is shown, and how. */
export interface RenderOptions {
  /** The status line and the headers, before the body on the same output. */
  readonly include?: boolean;
  /** The body alone: no status line. */
  readonly body?: boolean;
  /** Nothing but the result and errors: no status line. */
  readonly quiet?: boolean;
  /** The bytes as they are, on a terminal too. */
  readonly raw?: boolean;
  /** The view of a terminal in a pipe too. */
  readonly pretty?: boolean;
  /** The head of the response on stderr, in place of the status line. */
  readonly verbose?: boolean;
  /** Whether secrets are shown there. */
  readonly showSecrets?: boolean;
  /** Goes on with a body that was cut off after some bytes, or throws the error. */
  readonly resume?: (
    error: unknown,
    received: number,
  ) => Promise<HttpResponse["body"]>;
}

const NEWLINE = 0x0a;

/** The number, and its name where it has one. */
function formatStatus({ status, statusText }: HttpResponse): string {
  return `${status} ${statusText}`.trimEnd();
}

/** The status line, in a colour of its class. */
async function formatLine(
  response: HttpResponse,
  stderr: Output,
): Promise<string> {
  const line = formatStatus(response);
  if (!stderr.isTerminal) return line;
  const { status } = response;
  const { escapeControls, paint } = await import(
    "../../../lib/cli/terminal.ts"
  );
  const color = status < 300 ? "green" : status < 400 ? "yellow" : "red";
  return paint(escapeControls(line), color, stderr);
}

/** What a person should know besides the status. */
async function formatNotes(
  { refused, unknownCoding }: HttpResponse,
  { isTerminal }: Output,
): Promise<string> {
  const notes = (refused === undefined ? "" : `Not followed: ${refused}\n`) +
    (unknownCoding === undefined ? "" : `Not decoded: ${unknownCoding}\n`);
  if (notes === "" || !isTerminal) return notes;
  return (await import("../../../lib/cli/terminal.ts")).escapeControls(notes);
}

async function showStatus(
  response: HttpResponse,
  stderr: Output,
  { verbose, showSecrets = false }: RenderOptions,
): Promise<void> {
  let line = "";
  if (verbose) {
    const { printResponse } = await import("./head.ts");
    await printResponse(response, stderr, { showSecrets });
  } else {
    line = `${await formatLine(response, stderr)}\n`;
  }
  await print(stderr, line + await formatNotes(response, stderr));
}

/** Shows the head of a response: its status on stderr, with `include` all of it on stdout. */
export async function printHead(
  response: HttpResponse,
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
  options: RenderOptions = {},
): Promise<void> {
  const { quiet, body, include } = options;
  if (!quiet && !body) await showStatus(response, stderr, options);
  if (!include) return;
  const { printResponseHead } = await import("./head.ts");
  await printResponseHead(response, stdout);
}

/**
 * Shows a response: its head as {@linkcode printHead} does, its body on stdout as it comes in.
 *
 * @param response The response.
 * @param io Where it is shown.
 * @param options What is shown, and how.
 * @throws {Failure} When the body is cut short or late: after what came of it was shown.
 * @throws {ClosedOutput} When nobody reads the output any more.
 */
export async function render(
  response: HttpResponse,
  io: Pick<Io, "stdout" | "stderr">,
  options: RenderOptions = {},
): Promise<void> {
  const { stdout } = io;
  await printHead(response, io, options);
  const view = !options.raw && (stdout.isTerminal || options.pretty)
    ? await (await import("./view.ts")).createView(
      response.headers,
      stdout,
      options,
    )
    : undefined;
  let last = NEWLINE;
  let received = 0;
  const write = async (bytes: Uint8Array) => {
    last = bytes.at(-1) ?? last;
    await stdout.write(bytes);
  };
  const show = async (body: HttpResponse["body"]) => {
    for await (const chunk of body) {
      received += chunk.length;
      for (const part of view?.show(chunk) ?? [chunk]) await write(part);
    }
  };
  try {
    await show(response.body).catch(async (error) => {
      if (options.resume === undefined) throw error;
      await show(await options.resume(error, received));
    });
  } finally {
    for (const part of view?.end() ?? []) await write(part);
    if (stdout.isTerminal && !options.raw && last !== NEWLINE) {
      await write(new Uint8Array([NEWLINE]));
    }
  }
}
