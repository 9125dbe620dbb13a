/**
 * What came in as what is shown: bytes for a pipe, safe and readable text for a terminal.
 *
 * @module
 */

import { type Io, type Output, print } from "../cli/io.ts";
import type { BodyView } from "./json_view.ts";
import type { Answer } from "./send.ts";

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
}

const encoder = new TextEncoder();

const NEWLINE = 0x0a;

/** The number, and its name where it has one. */
function formatStatus({ status, statusText }: Answer): string {
  return `${status} ${statusText}`.trimEnd();
}

async function showStatus(answer: Answer, stderr: Output): Promise<void> {
  const { status, refused } = answer;
  let line = formatStatus(answer);
  if (stderr.isTerminal) {
    const { escapeControls, paint } = await import("../cli/terminal.ts");
    const color = status < 300 ? "green" : status < 400 ? "yellow" : "red";
    line = paint(escapeControls(line), color, stderr);
  }
  const why = refused === undefined ? "" : `Not followed: ${refused}\n`;
  await print(stderr, `${line}\n${why}`);
}

/** A view that lets through only what no terminal obeys; the view behind it makes that readable. */
async function createSafeView(behind?: BodyView): Promise<BodyView> {
  const { createSafeDecoder } = await import("../cli/terminal.ts");
  const { decode, flush } = createSafeDecoder();
  const pass = (text: string) => {
    const bytes = encoder.encode(text);
    return behind?.show(bytes) ?? [bytes];
  };
  return {
    show: (chunk) => pass(decode(chunk)),
    end: function* () {
      yield* pass(flush());
      yield* behind?.end() ?? [];
    },
  };
}

async function viewOf(
  { headers }: Answer,
  stdout: Output,
  { raw, pretty }: RenderOptions,
): Promise<BodyView | undefined> {
  if (raw || !stdout.isTerminal && !pretty) return undefined;
  const type = headers.get("content-type") ?? "";
  if (!pretty && !/^[^;]*[/+]json\s*(;|$)/i.test(type)) return createSafeView();
  const { createJsonView } = await import("./json_view.ts");
  const { color, isTerminal } = stdout;
  const json = createJsonView({ color, escaped: isTerminal });
  return isTerminal ? createSafeView(json) : json;
}

/**
 * Shows an answer: its status on stderr, its body on stdout as it comes in.
 *
 * @param answer The answer.
 * @param io Where it is shown.
 * @param options What is shown, and how.
 * @throws {Failure} When the body is cut short or late: after what came of it was shown.
 * @throws {ClosedOutput} When nobody reads the output any more.
 *
 * @example In a pipe
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMemoryIo } from "../cli/memory.ts";
 *
 * const { io, stdout, stderr } = createMemoryIo();
 * await render({
 *   plan: { method: "GET", url: new URL("http://localhost/"), headers: [] },
 *   status: 200,
 *   statusText: "OK",
 *   headers: new Headers(),
 *   body: ReadableStream.from([new Uint8Array([104, 105])]),
 *   [Symbol.asyncDispose]: () => Promise.resolve(),
 * }, io);
 * assertEquals([stdout.text, stderr.text], ["hi", "200 OK\n"]);
 * ```
 */
export async function render(
  answer: Answer,
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
  options: RenderOptions = {},
): Promise<void> {
  if (!options.quiet && !options.body) await showStatus(answer, stderr);
  const view = await viewOf(answer, stdout, options);
  let last = NEWLINE;
  // not at once: a reader who stops reading must not keep a signal waiting
  const write = async (bytes: Uint8Array) => {
    last = bytes.at(-1) ?? last;
    await stdout.writeLater(bytes);
  };
  if (options.include) await write(await formatHead(answer, stdout));
  try {
    for await (const chunk of answer.body) {
      for (const part of view?.show(chunk) ?? [chunk]) await write(part);
    }
  } finally {
    for (const part of view?.end() ?? []) await write(part);
    if (stdout.isTerminal && !options.raw && last !== NEWLINE) {
      await write(new Uint8Array([NEWLINE]));
    }
  }
}

/** The status line and the headers as Deno tells them: lower-cased and sorted. */
async function formatHead(
  answer: Answer,
  { isTerminal }: Output,
): Promise<Uint8Array> {
  const headers = [...answer.headers].map(([name, value]) =>
    `${name}: ${value}\n`
  );
  // the characters of a header stand for its bytes
  const bytes = Uint8Array.from(
    `${formatStatus(answer)}\n${headers.join("")}\n`,
    (char) => char.charCodeAt(0),
  );
  if (!isTerminal) return bytes;
  const { escapeControls } = await import("../cli/terminal.ts");
  return encoder.encode(escapeControls(new TextDecoder().decode(bytes)));
}
