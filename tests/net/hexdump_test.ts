import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { send, track } from "../../lib/net/connection.ts";
import { createDumper, formatHexdump } from "../../lib/net/hexdump.ts";
import { hasCommand, spawnProgram } from "../support.ts";

type Chunk = Parameters<typeof formatHexdump>[0];

/** Reads dumps back, by their columns alone. */
function parseHexdump(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  for (const block of text.split(/^(?=\d{4}-)/m)) {
    const [head = "", ...lines] = block.trimEnd().split("\n");
    const [, time = "", arrow, peer = ""] =
      head.match(/^(\S+) ([<>]) (.*) \d+ bytes?$/) ?? [];
    const hex = lines.map((line) => line.slice(9, 59)).join(" ");
    chunks.push({
      time: Date.parse(time),
      direction: arrow === "<" ? "received" : "sent",
      peer,
      offset: parseInt(lines[0]?.slice(0, 8) ?? "0", 16),
      bytes: Uint8Array.from(
        hex.split(/ +/).filter((pair) => pair !== ""),
        (pair) => parseInt(pair, 16),
      ),
    });
  }
  return chunks;
}

const anyChunk: fc.Arbitrary<Chunk> = fc.record({
  time: fc.nat(4_000_000_000_000),
  direction: fc.constantFrom("received", "sent"),
  peer: fc.constantFrom("127.0.0.1:80", "[::1]:12345", "unix:/run/a b.sock"),
  offset: fc.nat(0x7fff_ffff),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }),
});

Deno.test("formatHexdump() can be read back, for any chunks one after the other", () => {
  fc.assert(fc.property(fc.array(anyChunk, { minLength: 1 }), (chunks) => {
    assertEquals(parseHexdump(chunks.map(formatHexdump).join("")), chunks);
  }));
});

Deno.test("formatHexdump() stays within 80 columns and prints ASCII alone, for any bytes", () => {
  fc.assert(fc.property(anyChunk, (chunk) => {
    for (const line of formatHexdump(chunk).trimEnd().split("\n")) {
      assertEquals(/^[\x20-\x7e]{1,80}$/.test(line), true, line);
    }
  }));
});

Deno.test("formatHexdump() of nothing is a head line alone", () => {
  const chunk = { time: 0, peer: "a", offset: 0, bytes: new Uint8Array() };
  assertEquals(
    formatHexdump({ ...chunk, direction: "sent" }),
    "1970-01-01T00:00:00.000Z > a 0 bytes\n",
  );
});

Deno.test({
  name: "formatHexdump() shows bytes as hexdump -C does (needs hexdump)",
  ignore: !hasCommand("hexdump"),
  fn: async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => (at * 7) % 256);
    const { stdout } = await spawnProgram("hexdump", ["-C"], { stdin: bytes })
      .result;
    const dump = formatHexdump({
      time: 0,
      direction: "sent",
      peer: "a",
      offset: 0,
      bytes,
    });
    assertEquals(
      dump.split("\n").slice(1, -1),
      stdout.trimEnd().split("\n").slice(0, -1),
    );
  },
});

Deno.test("createDumper() counts the places of each direction by itself", async () => {
  let dump = "";
  const socket = {
    read: () => Promise.resolve(null),
    write: ({ length }: Uint8Array) => Promise.resolve(length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const connection = track(
    socket,
    "a",
    createDumper((text) => dump += text),
  );
  await send(connection, new Uint8Array(20));
  await send(connection, new Uint8Array(1));
  connection.received += 3;
  connection.onBytes?.("received", new Uint8Array(3), connection);
  assertEquals(
    parseHexdump(dump).map(({ direction, offset, bytes }) => [
      direction,
      offset,
      bytes.length,
    ]),
    [["sent", 0, 20], ["sent", 20, 1], ["received", 0, 3]],
  );
});
