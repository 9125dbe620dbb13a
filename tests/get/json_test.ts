import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { createJsonView } from "../../tasks/get/view/json.ts";
import { createJsonFormatter } from "../../tasks/get/view/json_format.ts";

const encoder = new TextEncoder();

/** Cuts bytes at any places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

function join(chunks: Iterable<Uint8Array>): Uint8Array {
  return Uint8Array.from(
    Array.from(chunks, (chunk) => [...chunk]).flat(),
  );
}

/** Formats chunks; the state after them. */
function format(chunks: readonly Uint8Array[], options = {}) {
  const formatter = createJsonFormatter(options);
  const out = join(chunks.map((chunk) => formatter.format(chunk).slice()));
  return {
    bytes: join([out, formatter.end()]),
    state: formatter.state(),
  };
}

function formatText(text: string, options = {}): string {
  return new TextDecoder().decode(
    format([encoder.encode(text)], options).bytes,
  );
}

/** The bytes that are not space outside of strings. */
function tokensOf(text: string): string {
  return text.replace(/("(?:\\.|[^"\\])*"?)|[ \n\r\t]+/gs, "$1");
}

const places = fc.array(fc.nat(), { maxLength: 8 });
const jsonish = fc.array(
  fc.constantFrom(
    ...'{}[],:"\\ \n-+.0123eEtruefalsn',
    "true",
    "null",
    '"a"',
    "\\u00e9",
    "\u001b",
    "é",
  ),
  { maxLength: 40 },
).map((parts) => parts.join(""));

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("JSON is formatted without a change in any token", () => {
  assertEquals(
    formatText(
      '{"10":1,"2":2,"id":12345678901234567890,"f":1.10,"e":1e400,"dup":1,"dup":-0E+05,"s":"\\u00e9\\/\\"é","l":[[],{},[true,false,null]]}',
    ),
    `{
  "10": 1,
  "2": 2,
  "id": 12345678901234567890,
  "f": 1.10,
  "e": 1e400,
  "dup": 1,
  "dup": -0E+05,
  "s": "\\u00e9\\/\\"é",
  "l": [
    [],
    {},
    [
      true,
      false,
      null
    ]
  ]
}`,
  );
  assertEquals(formatText(" [ ] "), "[]");
  assertEquals(formatText(" 1 "), "1");
});

Deno.test("JSON is formatted as JSON.stringify does for any value, in any chunks", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom(undefined, 1, "\t"),
      places,
      (value, indent, places) => {
        const text = JSON.stringify(value, null, indent);
        const { bytes, state } = format(cut(encoder.encode(text), places));
        assertEquals(
          new TextDecoder().decode(bytes),
          JSON.stringify(JSON.parse(text), null, 2),
        );
        assertEquals(state, "whole");
      },
    ),
  );
});

Deno.test("the formatter takes for JSON what JSON.parse does, for any text", () => {
  fc.assert(
    fc.property(jsonish, (text) => {
      const { state } = format([encoder.encode(text)]);
      assertEquals(state === "whole", isJson(text), text);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("tokens stay for any bytes in any chunks, and the chunks do not matter", () => {
  const bytes = fc.oneof(
    jsonish.map((text) => encoder.encode(text)),
    fc.uint8Array(),
  );
  fc.assert(fc.property(bytes, places, (bytes, places) => {
    const whole = format([bytes]);
    assertEquals(format(cut(bytes, places)), whole);
    const latin1 = new TextDecoder("latin1");
    assertEquals(
      tokensOf(latin1.decode(whole.bytes)),
      tokensOf(latin1.decode(bytes)),
    );
  }));
});

Deno.test("colours surround tokens and are the only difference, for any text", () => {
  fc.assert(fc.property(jsonish, places, (text, places) => {
    const bytes = encoder.encode(text.replaceAll("\u001b", ""));
    const plain = new TextDecoder().decode(format([bytes]).bytes);
    const colored = new TextDecoder().decode(
      format(cut(bytes, places), { color: true }).bytes,
    );
    const codes = colored.split("\x1b[");
    assertEquals(
      codes.map((part, at) => at === 0 ? part : part.replace(/^\d+m/, "")).join(
        "",
      ),
      plain,
    );
    assertEquals(
      codes.filter((part) => /^3[0-8]m/.test(part)).length,
      codes.filter((part) => part.startsWith("39m")).length,
    );
  }));
  assertEquals(
    formatText('{"a":"b","c":[-1,true]}', { color: true }),
    '{\n  \x1b[34m"a"\x1b[39m: \x1b[32m"b"\x1b[39m,\n  \x1b[34m"c"\x1b[39m: [\n    \x1b[36m-1\x1b[39m,\n    \x1b[35mtrue\x1b[39m\n  ]\n}',
  );
});

Deno.test("escaped controls are escapes where they were escaped", () => {
  const text = '["a\\x9bb"]';
  assertEquals(
    format([encoder.encode(text)], { escaped: true }).state,
    "whole",
  );
  assertEquals(format([encoder.encode(text)]).state, "broken");
});

Deno.test("a document that is too deep stays as it came from there on", () => {
  const deep = "[".repeat(1_000_000);
  const { bytes, state } = format([encoder.encode(deep)]);
  assertEquals(state, "broken");
  assertLess(bytes.length, 3_000_000);
  assertEquals(tokensOf(new TextDecoder().decode(bytes)), deep);
});

function view(text: string, places: readonly number[] = []): string {
  const { show, end } = createJsonView();
  const chunks = cut(encoder.encode(text), places);
  return new TextDecoder().decode(
    join([
      ...chunks.flatMap((chunk) =>
        [...show(chunk)].map((part) => part.slice())
      ),
      ...end(),
    ]),
  );
}

Deno.test("a small body that is not JSON is shown as it came, in any chunks", () => {
  for (
    const text of [
      "",
      " ",
      "hello",
      '{"a": 1,}',
      '{"a": [1',
      "1 2",
      '"a',
      "[1.]",
    ]
  ) {
    assertEquals(view(text), text);
  }
  fc.assert(
    fc.property(
      jsonish.filter((text) => !isJson(text)),
      places,
      (text, places) => {
        assertEquals(view(text, places), text);
      },
    ),
  );
});

Deno.test("a JSON body ends with a newline", () => {
  assertEquals(view('{"a":1}'), '{\n  "a": 1\n}\n');
});

Deno.test("a large body is formatted before it ends, and what is wrong later stays", () => {
  const { show, end } = createJsonView();
  const list = encoder.encode("[" + "1, ".repeat(30_000));
  const first = join(Array.from(show(list), (part) => part.slice()));
  assert(first.length > list.length);
  const rest = [...show(encoder.encode("x  y")), ...end()];
  assertEquals(new TextDecoder().decode(join(rest)), "x  y");
});
