import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Direction, send, track } from "../../lib/net/connection.ts";
import { createDumper } from "../../lib/net/hexdump.ts";
import { hasCommand, spawnProgram } from "../support.ts";

interface Chunk {
  readonly direction: Direction;
  readonly peer: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const SOCKET = {
  read: () => Promise.resolve(null),
  write: ({ length }: Uint8Array) => Promise.resolve(length),
  closeWrite: () => Promise.resolve(),
  close() {},
};

/** What a dumper writes of one chunk. */
function dumpOf({ direction, peer, offset, bytes }: Chunk): string {
  let dump = "";
  const connection = track(SOCKET, peer);
  if (direction === "sent") connection.sent = offset;
  else connection.received = offset + bytes.length;
  createDumper((text) => dump += text)(direction, bytes, connection);
  return dump;
}

/** Reads dumps back, by their columns alone. */
function parseHexdump(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  for (const block of text.split(/^(?=\d{4}-)/m)) {
    const [head = "", ...lines] = block.trimEnd().split("\n");
    const [, arrow, peer = ""] =
      head.match(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z ([<>]) (.*) \d+ bytes?$/) ?? [];
    const hex = lines.map((line) => line.slice(9, 59)).join(" ");
    chunks.push({
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
  direction: fc.constantFrom("received", "sent"),
  peer: fc.constantFrom("127.0.0.1:80", "[::1]:12345", "unix:/run/a b.sock"),
  offset: fc.nat(0x7fff_ffff),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }),
});

Deno.test("a hex dump can be read back, for any chunks one after the other", () => {
  fc.assert(fc.property(fc.array(anyChunk, { minLength: 1 }), (chunks) => {
    assertEquals(parseHexdump(chunks.map(dumpOf).join("")), chunks);
  }));
});

Deno.test("a hex dump stays within 80 columns and prints ASCII alone, for any bytes", () => {
  fc.assert(fc.property(anyChunk, (chunk) => {
    for (const line of dumpOf(chunk).trimEnd().split("\n")) {
      assertEquals(/^[\x20-\x7e]{1,80}$/.test(line), true, line);
    }
  }));
});

Deno.test("a hex dump of nothing is a head line alone, with the time", () => {
  const before = Date.now();
  const chunk = { peer: "a", offset: 0, bytes: new Uint8Array() };
  const dump = dumpOf({ ...chunk, direction: "sent" });
  const [, time = ""] = dump.match(/^(\S+Z) > a 0 bytes\n$/) ?? [];
  assert(Date.parse(time) >= before, dump);
  assert(Date.parse(time) <= Date.now(), dump);
});

Deno.test({
  name: "a hex dump shows bytes as hexdump -C does (needs hexdump)",
  ignore: !hasCommand("hexdump"),
  fn: async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => (at * 7) % 256);
    const { stdout } = await spawnProgram("hexdump", ["-C"], { stdin: bytes })
      .result;
    const dump = dumpOf({ direction: "sent", peer: "a", offset: 0, bytes });
    assertEquals(
      dump.split("\n").slice(1, -1),
      stdout.trimEnd().split("\n").slice(0, -1),
    );
  },
});

Deno.test("createDumper() counts the places of each direction by itself", async () => {
  let dump = "";
  const connection = track(
    SOCKET,
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
