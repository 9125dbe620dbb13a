import { assertEquals, assertNotMatch } from "@std/assert";
import { createSafeDecoder, escapeControls } from "../../lib/cli/io.ts";
import fc from "fast-check";
import { paint } from "../../tasks/get/view/paint.ts";
import { codePoint } from "../code_point.ts";
import { encode } from "../support.ts";

// all that a terminal may obey or be misled by, but tab and newline
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const ESCAPED: [string, string][] = [
  ["plain, é, 漢字, 👩‍👩‍👧\t\n", "plain, é, 漢字, 👩‍👩‍👧\t\n"],
  ["\u001b[31mred", "\\x1b[31mred"],
  ["\u001b]0;title\u0007", "\\x1b]0;title\\x07"],
  ["\u009b2J", "\\x9b2J"],
  ["a\0b\u007f", "a\\x00b\\x7f"],
  ["a\bb\v\f", "a\\x08b\\x0b\\x0c"],
  ["one\r\ntwo\r\n", "one\ntwo\n"],
  ["fake\rline\r", "fake\\x0dline\\x0d"],
  ["a\r\r\n", "a\\x0d\n"],
  ["abc\u202etxt.exe", "abc\\u202etxt.exe"],
  ["\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"],
];

Deno.test("escapeControls() shows what a terminal would obey", () => {
  for (const [text, safe] of ESCAPED) assertEquals(escapeControls(text), safe);
});

Deno.test("escapeControls() lets no control pass, for any text", () => {
  fc.assert(fc.property(
    fc.string({ unit: codePoint }),
    (text) => assertNotMatch(escapeControls(text), UNSAFE),
  ));
  for (let code = 0; code <= 0xffff; code++) {
    assertNotMatch(escapeControls(String.fromCharCode(code)), UNSAFE);
  }
});

const noise = fc.oneof(
  fc.uint8Array(),
  fc.string({ unit: fc.constantFrom("\r", "\n", "é", "👍", "\x1b", "a") })
    .map(encode),
);

/** What a decoder makes of these chunks. */
function decodeAll(chunks: readonly Uint8Array[]): string {
  const decode = createSafeDecoder();
  return chunks.map((chunk) => decode(chunk)).join("") + decode();
}

Deno.test("createSafeDecoder() gives the same for any bytes in any chunks", () => {
  fc.assert(fc.property(noise, (bytes) => {
    const whole = escapeControls(new TextDecoder().decode(bytes));
    assertNotMatch(whole, UNSAFE);
    for (let at = 0; at <= bytes.length; at++) {
      const halves = [bytes.subarray(0, at), bytes.subarray(at)];
      assertEquals(decodeAll(halves), whole);
    }
    assertEquals(
      decodeAll([...bytes].map((byte) => Uint8Array.of(byte))),
      whole,
    );
  }));
});

Deno.test("createSafeDecoder() shows bytes that are not UTF-8 as U+FFFD", () => {
  const decode = createSafeDecoder();
  assertEquals(decode(new Uint8Array([0x61, 0xff, 0x62])), "a\ufffdb");
  assertEquals(decode(new Uint8Array([0xe2, 0x82])), "");
  assertEquals(decode(), "\ufffd");
});

Deno.test("paint() colours where colours are shown, and only there", () => {
  assertEquals(paint("x", "bold", { color: true }), "\x1b[1mx\x1b[22m");
  assertEquals(paint("x", "cyan", { color: true }), "\x1b[36mx\x1b[39m");
  assertEquals(paint("x", "cyan", { color: false }), "x");
});
