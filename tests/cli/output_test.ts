import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Failure } from "../../lib/cli/errors.ts";
import { ClosedOutput } from "../../lib/cli/io.ts";
import { createOutput, type Stream } from "../../lib/cli/process.ts";

const NEWLINE = 10;

/** Rust's buffer in front of a pipe that does not block: what it took, and what it keeps, when it says that it is full. */
function createPipe(capacity: number) {
  const taken: number[] = [];
  let kept: number[] = [];
  let room = capacity;

  function raw(bytes: readonly number[]): number {
    if (bytes.length > room && (bytes.length <= 4096 || room === 0)) {
      room = capacity;
      throw new Deno.errors.WouldBlock("full");
    }
    const part = bytes.slice(0, room);
    room -= part.length;
    for (const byte of part) taken.push(byte);
    return part.length;
  }

  function flush(): void {
    while (kept.length > 0) kept = kept.slice(raw(kept));
  }

  function keep(bytes: readonly number[]): number {
    const part = bytes.slice(0, 1024 - kept.length);
    kept = [...kept, ...part];
    return part.length;
  }

  function write(bytes: readonly number[]): number {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      if (kept.length + bytes.length > 1024) flush();
      return bytes.length >= 1024 ? raw(bytes) : keep(bytes);
    }
    flush();
    const count = raw(bytes.slice(0, end));
    return count + keep(bytes.slice(count, count >= end ? undefined : end));
  }

  const writeSync = (bytes: Uint8Array) => {
    const count = write([...bytes]);
    flush();
    return count;
  };
  const stream: Stream = {
    isTerminal: () => false,
    writeSync,
    write: (bytes) => Promise.resolve(bytes).then(writeSync),
  };
  return { stream, taken };
}

const chunks = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 9000 }),
    fc.integer({ min: 1, max: 3000 }),
  ),
  { maxLength: 4 },
).map((sizes) =>
  sizes.map(([size, line]) =>
    Uint8Array.from(
      { length: size },
      (_, at) => at % line === line - 1 ? NEWLINE : at % 251,
    )
  )
);

for (const way of ["write", "writeLater"] as const) {
  Deno.test(`createOutput() loses and repeats nothing in a pipe that is full, for any bytes (${way})`, async () => {
    const capacity = fc.integer({ min: 4096, max: 20_000 });
    await fc.assert(
      fc.asyncProperty(chunks, capacity, async (chunks, capacity) => {
        const { stream, taken } = createPipe(capacity);
        const output = createOutput("stdout", stream);
        for (const chunk of chunks) await output[way](chunk);
        assertEquals(taken, chunks.flatMap((chunk) => [...chunk]));
      }),
      { numRuns: 40 },
    );
  });

  Deno.test(`createOutput() fails rather than to lose count in a pipe that is full for the first time after 64 MiB (${way})`, async () => {
    let room = 64 * 2 ** 20;
    const writeSync = ({ length }: Uint8Array) => {
      if (room === 0) throw new Deno.errors.WouldBlock("full");
      room -= length;
      return length;
    };
    const output = createOutput("stdout", {
      isTerminal: () => false,
      writeSync,
      write: (bytes) => Promise.resolve(bytes).then(writeSync),
    });
    const lines = new Uint8Array(2 ** 20).fill(NEWLINE);
    while (room > 0) await output[way](lines);
    const more = async () => await output[way](lines);
    const error = await assertRejects(more, Failure);
    assertEquals(
      error.message,
      "Cannot write to stdout: it is full and does not block",
    );
  });
}

Deno.test("createOutput() tells a closed stream from one that fails", () => {
  const failing = (error: Error) =>
    createOutput("stdout", {
      isTerminal: () => false,
      write: () => Promise.reject(error),
      writeSync: () => {
        throw error;
      },
    });
  const byte = new Uint8Array(1);
  assertThrows(
    () => failing(new Deno.errors.BrokenPipe()).write(byte),
    ClosedOutput,
  );
  assertThrows(() => failing(new Error("no space")).write(byte), Failure);
});
