import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ClosedOutput, type Io, print } from "../../lib/cli/io.ts";
import {
  Capture,
  createMemoryIo,
  run,
  start,
} from "../../tasks/demo/memory.ts";

/** Copies stdin to stdout by pieces of this many bytes, and counts the reads on stderr. */
function copy(size: number) {
  return async (_: readonly string[], io: Io) => {
    const buffer = new Uint8Array(size);
    for (let read; (read = await io.stdin.read(buffer)) !== null;) {
      await io.stdout.writeLater(buffer.subarray(0, read));
      await print(io.stderr, ".");
    }
    return 0;
  };
}

Deno.test("run() passes stdin through a command, for any pieces and any buffer", async () => {
  const pieces = fc.array(
    fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array()),
  );
  await fc.assert(
    fc.asyncProperty(
      pieces,
      fc.integer({ min: 1, max: 9 }),
      async (stdin, size) => {
        const { stdoutBytes } = await run(copy(size), [], { stdin });
        const expected = await new Blob(
          stdin.map((piece) =>
            typeof piece === "string" ? piece : new Uint8Array(piece)
          ),
        ).bytes();
        assertEquals(stdoutBytes, expected);
      },
    ),
  );
});

Deno.test("run() reads each piece by itself, and nothing where there is none", async () => {
  const { stderr } = await run(copy(100), [], { stdin: ["a", "", "bc"] });
  assertEquals(stderr, "..");
  assertEquals((await run(copy(100), [])).stderr, "");
  assertEquals((await run(copy(100), [], { stdin: "abc" })).stdout, "abc");
});

Deno.test("waitFor() resolves when the text is there and fails when it can come no more", async () => {
  const capture = new Capture();
  const waiting = capture.waitFor(/b+c/);
  for (const text of ["a", "b", "bc", "d"]) {
    capture.add(new TextEncoder().encode(text));
  }
  assertEquals(await waiting, "abbc");
  const never = assertRejects(
    () => capture.waitFor("e"),
    Error,
    'Cannot find "e" in "abbcd"',
  );
  capture.end();
  await never;
  assertEquals(await capture.waitFor("d"), "abbcd");
});

Deno.test("start() ends the output with the command", async () => {
  const { stdout, result } = start(copy(1), [], { stdin: "ab" });
  await assertRejects(() => stdout.waitFor("c"), Error, "Cannot find");
  assertEquals((await result).stdout, "ab");
});

Deno.test("an output with a limit takes what fits and is closed from then on", async () => {
  const { io, stdout } = createMemoryIo({ closedStdout: 3 });
  await print(io.stdout, "abc");
  assertThrows(() => print(io.stdout, "d"), ClosedOutput);
  await assertRejects(
    () => io.stdout.writeLater(new Uint8Array(1)),
    ClosedOutput,
  );
  assertEquals(stdout.text, "abc");
});

Deno.test("createMemoryIo() makes terminals of the streams that are asked for", () => {
  const facts = (terminal?: boolean | { stdout: true }) => {
    const { io } = createMemoryIo(terminal === undefined ? {} : { terminal });
    return [
      io.stdin.isTerminal,
      io.stdout.isTerminal,
      io.stdout.color,
      io.stderr.isTerminal,
    ];
  };
  assertEquals(facts(), [false, false, false, false]);
  assertEquals(facts(true), [true, true, true, true]);
  assertEquals(facts({ stdout: true }), [false, true, true, false]);
});

Deno.test("interrupt() aborts the signal with the code of the signal that was sent", () => {
  const { io, interrupt, drains } = createMemoryIo();
  assert(!drains());
  io.drain();
  interrupt(143);
  assert(drains());
  assertEquals(io.signal.reason, 143);
});
