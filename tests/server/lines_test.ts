import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createLineSplitter } from "../../tasks/server/chat.ts";

const NEWLINE = 10;

/** Bytes of which every fourth or so is a newline. */
const bytes = fc.array(fc.oneof(fc.constant(NEWLINE), fc.nat(255), fc.nat(255)))
  .map((values) => Uint8Array.from(values));

const joined = (pieces: Uint8Array[]) =>
  Uint8Array.from(pieces.flatMap((piece) => [...piece]));

Deno.test("createLineSplitter() loses and adds nothing, and gives whole lines, for any chunks", () => {
  fc.assert(fc.property(fc.array(bytes), (chunks) => {
    const { push, flush } = createLineSplitter();
    const pieces = chunks.flatMap((chunk) => push(chunk) ?? []);
    for (const piece of pieces) assertEquals(piece.at(-1), NEWLINE);
    const last = flush();
    assert(!last?.includes(NEWLINE));
    assertEquals(joined(last ? [...pieces, last] : pieces), joined(chunks));
    assertEquals(flush(), undefined);
  }));
});

Deno.test("createLineSplitter() holds back no more than it may, for any chunks", () => {
  fc.assert(fc.property(fc.array(bytes), fc.nat(9), (chunks, longest) => {
    const { push, flush } = createLineSplitter(longest);
    const pieces: Uint8Array[] = [];
    let [given, taken] = [0, 0];
    for (const chunk of chunks) {
      const piece = push(chunk);
      given += chunk.length;
      taken += piece?.length ?? 0;
      if (piece) pieces.push(piece);
      assert(given - taken <= longest, `${given - taken} held`);
    }
    assertEquals(
      joined([...pieces, flush() ?? new Uint8Array()]),
      joined(chunks),
    );
  }));
});

Deno.test("createLineSplitter() gives pieces that do not change with the chunk's buffer", () => {
  const chunk = Uint8Array.of(65, NEWLINE, 66);
  const { push, flush } = createLineSplitter();
  const piece = push(chunk);
  chunk.fill(0);
  assertEquals([piece, flush()], [
    Uint8Array.of(65, NEWLINE),
    Uint8Array.of(66),
  ]);
});
