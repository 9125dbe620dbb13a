import { type Io, print } from "../cli/io.ts";

/** Takes a chunk of what was received; `later` asks it not to block the process while its reader is slow. */
export type Show = (
  bytes: Uint8Array,
  later: boolean,
) => Promise<void> | void;

/** Where what is received goes. */
export interface Answer {
  /** Takes a chunk. */
  readonly show: Show;
  /** Hears that the peer has ended. */
  readonly end: () => Promise<void> | void;
  /** Hears that something went wrong. */
  readonly fail?: (error: unknown) => Promise<void> | void;
}

/** What stands around a text. */
export interface Frame {
  /** What comes before it. @default {""} */
  readonly before?: string;
  /** What comes after it. @default {""} */
  readonly after?: string;
}

/**
 * Shows an answer on stdout: safe text on a terminal; a pipe gets the very bytes.
 *
 * @param io The streams.
 * @param frame What stands around it.
 *
 * @example In the tutorial's words
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMemoryIo } from "../cli/memory.ts";
 *
 * const { io, stdout } = createMemoryIo();
 * const answer = await createAnswer(io, { before: "Received: ", after: "\n" });
 * await answer.show(new TextEncoder().encode("Hello"), false);
 * await answer.end();
 * assertEquals(stdout.text, "Received: Hello\n");
 * ```
 */
export async function createAnswer(
  { stdout }: Pick<Io, "stdout">,
  frame: Frame = {},
): Promise<Answer> {
  const { after = "" } = frame;
  let { before = "" } = frame;
  const text = stdout.isTerminal
    ? (await import("../cli/terminal.ts")).createSafeDecoder()
    : undefined;
  const encoder = new TextEncoder();
  const end = () => {
    const rest = before + (text?.flush() ?? "") + after;
    if (rest !== "") return print(stdout, rest);
  };
  return {
    async show(bytes, later) {
      if (before !== "") await print(stdout, before);
      before = "";
      const shown = text ? encoder.encode(text.decode(bytes)) : bytes;
      await (later ? stdout.writeLater(shown) : stdout.write(shown));
    },
    end,
    // what was shown ends its line before the error is said
    fail: () => before === "" ? end() : undefined,
  };
}
