/**
 * What came in as what is shown: bytes for a pipe, safe and readable text for a terminal.
 *
 * @module
 */

import { type Io, type Output, print } from "../../../lib/cli/io.ts";
import type { Answer } from "../../../lib/http/send.ts";

/** What of an answer is shown, and how. */
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
  /** The head of the answer on stderr, in place of the status line. */
  readonly verbose?: boolean;
  /** Whether secrets are shown there. */
  readonly showSecrets?: boolean;
  /** Goes on with a body that was cut off after some bytes, or throws the error. */
  readonly goOn?: (
    error: unknown,
    received: number,
  ) => Promise<Answer["body"]>;
}

const NEWLINE = 0x0a;

/** The number, and its name where it has one. */
function formatStatus({ status, statusText }: Answer): string {
  return `${status} ${statusText}`.trimEnd();
}

/** The status line, in a colour of its class. */
async function formatLine(answer: Answer, stderr: Output): Promise<string> {
  const line = formatStatus(answer);
  if (!stderr.isTerminal) return line;
  const { status } = answer;
  const { escapeControls, paint } = await import(
    "../../../lib/cli/terminal.ts"
  );
  const color = status < 300 ? "green" : status < 400 ? "yellow" : "red";
  return paint(escapeControls(line), color, stderr);
}

/** What a person should know besides the status. */
async function formatNotes(
  { refused, unknownCoding }: Answer,
  { isTerminal }: Output,
): Promise<string> {
  const notes = (refused === undefined ? "" : `Not followed: ${refused}\n`) +
    (unknownCoding === undefined ? "" : `Not decoded: ${unknownCoding}\n`);
  if (notes === "" || !isTerminal) return notes;
  return (await import("../../../lib/cli/terminal.ts")).escapeControls(notes);
}

async function showStatus(
  answer: Answer,
  stderr: Output,
  { verbose, showSecrets = false }: RenderOptions,
): Promise<void> {
  let line = "";
  if (verbose) {
    const { sayAnswer } = await import("./head.ts");
    await sayAnswer(answer, stderr, { showSecrets });
  } else {
    line = `${await formatLine(answer, stderr)}\n`;
  }
  await print(stderr, line + await formatNotes(answer, stderr));
}

/** Shows the head of an answer: its status on stderr, with `include` all of it on stdout. */
export async function showHead(
  answer: Answer,
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
  options: RenderOptions = {},
): Promise<void> {
  const { quiet, body, include } = options;
  if (!quiet && !body) await showStatus(answer, stderr, options);
  if (!include) return;
  const { showAnswerHead } = await import("./head.ts");
  await showAnswerHead(answer, stdout);
}

/**
 * Shows an answer: its head as {@linkcode showHead} does, its body on stdout as it comes in.
 *
 * @param answer The answer.
 * @param io Where it is shown.
 * @param options What is shown, and how.
 * @throws {Failure} When the body is cut short or late: after what came of it was shown.
 * @throws {ClosedOutput} When nobody reads the output any more.
 */
export async function render(
  answer: Answer,
  io: Pick<Io, "stdout" | "stderr">,
  options: RenderOptions = {},
): Promise<void> {
  const { stdout } = io;
  await showHead(answer, io, options);
  const view = !options.raw && (stdout.isTerminal || options.pretty)
    ? await (await import("./view.ts")).createView(
      answer.headers,
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
  const show = async (body: Answer["body"]) => {
    for await (const chunk of body) {
      received += chunk.length;
      for (const part of view?.show(chunk) ?? [chunk]) await write(part);
    }
  };
  try {
    await show(answer.body).catch(async (error) => {
      if (options.goOn === undefined) throw error;
      await show(await options.goOn(error, received));
    });
  } finally {
    for (const part of view?.end() ?? []) await write(part);
    if (stdout.isTerminal && !options.raw && last !== NEWLINE) {
      await write(new Uint8Array([NEWLINE]));
    }
  }
}
