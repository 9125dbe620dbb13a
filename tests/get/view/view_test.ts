import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { ExitCode, Failure } from "../../../lib/cli/errors.ts";
import type { HttpRequest } from "../../../lib/http/request.ts";
import { main } from "../../../tasks/get.ts";
import {
  charsetOf,
  createTranscoder,
  encodingOf,
} from "../../../tasks/get/view/charset.ts";
import { createEventReader } from "../../../tasks/get/view/events.ts";
import { createJsonView } from "../../../tasks/get/view/json/json.ts";
import { createJsonFormatter } from "../../../tasks/get/view/json/json_format.ts";
import {
  formatJsonValue,
  formatMessages,
} from "../../../tasks/get/view/json/json_output.ts";
import { reconnect } from "../../../tasks/get/view/reconnect.ts";
import { serveHttp, serveRaw } from "../../http/server.ts";
import {
  createMemoryIo,
  type MemoryOptions,
  run,
  start,
} from "../../support.ts";
import { stripColors } from "../support.ts";

const encoder = new TextEncoder();

/** Cuts bytes at any places. */
export function cut(
  bytes: Uint8Array,
  places: readonly number[],
): Uint8Array[] {
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
  const { format, end } = createJsonView();
  const chunks = cut(encoder.encode(text), places);
  return new TextDecoder().decode(
    join([
      ...chunks.flatMap((chunk) =>
        [...format(chunk)].map((part) => part.slice())
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
  const { format, end } = createJsonView();
  const list = encoder.encode("[" + "1, ".repeat(30_000));
  const first = join(Array.from(format(list), (part) => part.slice()));
  assert(first.length > list.length);
  const rest = [...format(encoder.encode("x  y")), ...end()];
  assertEquals(new TextDecoder().decode(join(rest)), "x  y");
});

/** A server that sends a body piece by piece, each when the test says so. */
function serveStream(type: string) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    undefined,
    undefined,
    { highWaterMark: 100 },
  );
  const writer = writable.getWriter();
  const server = serveHttp(() =>
    new Response(readable, { headers: { "content-type": type } })
  );
  return {
    url: server.url,
    send: (text: string) => writer.write(encoder.encode(text)),
    async [Symbol.asyncDispose]() {
      await writer.close().catch(() => {});
      await server[Symbol.asyncDispose]();
    },
  };
}

function serveBody(type: string, body: string | Uint8Array<ArrayBuffer>) {
  return serveHttp(() =>
    new Response(body, { headers: { "content-type": type } })
  );
}

async function show(
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
  args: string[] = ["--pretty"],
  options: MemoryOptions = {},
): Promise<string> {
  await using server = serveBody(type, body);
  const { code, stdout } = await run(main, [...args, server.url], options);
  assertEquals(code, 0);
  return stdout;
}

const SSE = "text/event-stream; charset=utf-8";
const LINES = "application/x-ndjson";

Deno.test("events are shown one by one, as they arrive", async () => {
  await using server = serveStream(SSE);
  const { stdout, result } = start(main, ["--pretty", server.url]);
  await server.send(": hello\nevent: add\nid: 1\nda");
  await server.send('ta: {"n":12345678901234567890}\n\n');
  await stdout.waitFor(
    'event: add\nid: 1\n{\n  "n": 12345678901234567890\n}\n',
  );
  await server.send("data: one\ndata: two\n\n");
  await stdout.waitFor("one\ntwo\n");
  await server.send("data: [1,\ndata: 2]\r\n\r\n");
  await stdout.waitFor("[\n  1,\n  2\n]\n");
  await server[Symbol.asyncDispose]();
  assertEquals((await result).code, 0);
});

Deno.test("lines of JSON are shown one by one, as they arrive", async () => {
  await using server = serveStream(LINES);
  const { stdout, result } = start(main, ["--pretty", server.url]);
  await server.send('{"a":1.');
  await server.send("10}\n\nnot JSON\n[");
  await stdout.waitFor('{\n  "a": 1.10\n}\nnot JSON\n');
  await server.send("]\r\n");
  await stdout.waitFor("not JSON\n[]\n");
  await server.send("7");
  await server[Symbol.asyncDispose]();
  const { code, stdout: all } = await result;
  assertEquals([code, all.endsWith("[]\n7\n")], [0, true]);
});

const SEQUENCE = "application/json-seq";

Deno.test("a JSON sequence is shown document by document, as they arrive", async () => {
  await using server = serveStream(SEQUENCE);
  const { stdout, result } = start(main, ["--pretty", server.url]);
  await server.send('\x1e{"a":1.10,\n"b":"\\"{"');
  await server.send("}\n");
  await stdout.waitFor('{\n  "a": 1.10,\n  "b": "\\"{"\n}\n');
  await server.send("\x1e[1,\n\x1etr");
  await server.send("ue\r\n");
  await stdout.waitFor("[1,\ntrue\n");
  await server.send('\x1e"an end');
  await server[Symbol.asyncDispose]();
  const { code, stdout: all } = await result;
  assertEquals([code, all.endsWith('true\n"an end\n')], [0, true]);
});

Deno.test("a JSON sequence is safe on a terminal, one line each with --json, and as it is in a pipe", async () => {
  const body = '\x1e{"a":"\u009b2J",\n"b":2}\n\x1e\x1b[2J\x1e7\n';
  const shown = await show("application/geo+json-seq", body, [], {
    terminal: true,
  });
  assertEquals(
    stripColors(shown),
    '{\n  "a": "\\x9b2J",\n  "b": 2\n}\n\\x1b[2J\n7\n',
  );
  const lines = await show(SEQUENCE, body, ["--json"]);
  assertEquals(lines.split("\n").slice(1), [
    '{"data":{"a":"\u009b2J", "b":2}}',
    '{"data":"\\u001b[2J"}',
    '{"data":7}',
    "",
  ]);
  assertEquals(await show(SEQUENCE, body, []), body);
});

Deno.test("a pipe gets the very bytes of a stream, as they arrive", async () => {
  await using server = serveStream(SSE);
  const { stdout, result } = start(main, [server.url]);
  await server.send(": a\n");
  await stdout.waitFor(": a\n");
  await server.send("data: b\n\n");
  await server[Symbol.asyncDispose]();
  assertEquals((await result).stdout, ": a\ndata: b\n\n");
});

Deno.test("events and lines are safe on a terminal, and coloured", async () => {
  const evil = "\u009b2J\u202e\x07";
  const events = `event: ${evil}\nid: ${evil}\ndata: {"a":"${evil}"}\n\n`;
  const shown = await show(SSE, events, [], { terminal: true });
  assert(shown.includes("\x1b[36mevent: "), shown);
  const safe = "\\x9b2J\\u202e\\x07";
  assertEquals(
    stripColors(shown),
    `event: ${safe}\nid: ${safe}\n{\n  "a": "${safe}"\n}\n`,
  );
  const lines = await show(LINES, `["\u202e"]\r\n${evil}`, [], {
    terminal: true,
  });
  assertEquals(stripColors(lines), `[\n  "\\u202e"\n]\n${safe}\n`);
});

Deno.test("what has no event in it is shown as it came", async () => {
  for (
    const [body, shown] of [
      ["", ""],
      ["<html>oops", "<html>oops"],
      [": only a comment\n", ": only a comment\n"],
      ["data: not ended", "data: not ended"],
      ["x".repeat(100_000), "x".repeat(100_000)],
    ] as const
  ) assertEquals(await show(SSE, body), shown);
  const shown = await show(SSE, `\x1b[2J${"\u0007".repeat(70_000)}`, [], {
    terminal: true,
  });
  assertEquals(shown, `\\x1b[2J${"\\x07".repeat(70_000)}\n`);
});

Deno.test("a stream is one object per line with --json", async () => {
  const events = await show(SSE, "id: 1\ndata: {\ndata: }\n\ndata: b\n\n", [
    "--json",
  ]);
  const [head = "", ...rest] = events.trimEnd().split("\n");
  assertEquals(JSON.parse(head).response.status, 200);
  assertEquals(rest.map((line) => JSON.parse(line)), [
    { id: "1", data: "{\n}" },
    { data: "b" },
  ]);
  const lines = await show(LINES, '{"n":1.10}\n\nhi\n2', ["--json"]);
  assertEquals(lines.split("\n").slice(1), [
    '{"data":{"n":1.10}}',
    '{"data":"hi"}',
    '{"data":2}',
    "",
  ]);
});

const field = fc.constantFrom(
  ...["data: a\n", "data:\n", "data: é\n", "event: e\n", "id: 1\n", ": c\n"],
  ...["\n", "retry: 5\n", "oops\n"],
);

Deno.test("the chunks of a stream do not matter, for any stream", () => {
  fc.assert(
    fc.property(fc.array(field), fc.array(fc.nat()), (fields, places) => {
      const bytes = encoder.encode(fields.join(""));
      const whole = createEventReader();
      const parts = createEventReader();
      assertEquals(cut(bytes, places).flatMap(parts), whole(bytes));
    }),
  );
});

Deno.test("an event without an end does not fill the memory", async () => {
  const part = `data: ${"x".repeat(1_000_000)}\n`;
  const endless = function* () {
    yield encoder.encode("data: a\n\n");
    for (let at = 0; at < 200; at++) yield encoder.encode(part);
  };
  await using server = serveHttp(() =>
    new Response(ReadableStream.from(endless()), {
      headers: { "content-type": SSE },
    })
  );
  const { code, stderr } = await run(main, ["--pretty", server.url]);
  assertEquals([code, stderr], [
    1,
    "200 OK\nget: Cannot read the events: one is longer than 8 Mi\nhint: --raw shows the bytes as they come\n",
  ]);
});

Deno.test("a line costs --json what its length does, in however many chunks it comes", async () => {
  const chunks = Array<Uint8Array<ArrayBuffer>>(4096)
    .fill(new TextEncoder().encode("é".repeat(2048)));
  const whole = await new Blob(chunks).bytes();
  const start = performance.now();
  const value = formatJsonValue(whole);
  const half = performance.now();
  const headers = new Headers({ "content-type": "application/x-ndjson" });
  const body = ReadableStream.from(chunks);
  const messages = await Array.fromAsync(formatMessages({ headers, body }));
  const end = performance.now();
  assert(messages.length === 1 && messages[0] === `{"data":${value}}`);
  // more than a hundred times as long if each chunk were joined to all before it
  assertLess(end - half, 20 * (half - start));
});

Deno.test("charsetOf() reads the charset that a Content-Type declares", () => {
  for (
    const [type, charset] of [
      ["text/html; charset=iso-8859-1", "iso-8859-1"],
      ["text/html;charset=GBK", "GBK"],
      ['text/html; CharSet="Shift_JIS"', "Shift_JIS"],
      ['text/html; charset = "utf-16le" ; a=b', "utf-16le"],
      ["text/html; a=b; charset=latin1; charset=utf-8", "latin1"],
      ['text/html; a="; charset=gbk"; charset=big5', "big5"],
      ['text/html; a="\\"; charset=gbk"', undefined],
      ["text/html; charset=latin1, text/html; charset=utf-8", "latin1"],
      ["text/html; charset=; charset=latin1", "latin1"],
      ['text/html; charset="latin1', "latin1"],
      ["text/html; xcharset=latin1", undefined],
      ["text/html; charset", undefined],
      ["text/html", undefined],
      ["text/event-stream; charset=latin1", undefined],
      ["", undefined],
    ] as const
  ) {
    const headers = new Headers({ "content-type": type });
    assertEquals(charsetOf(headers), charset, type);
  }
  assertEquals(charsetOf(new Headers()), undefined);
});

const bytes = (...values: number[]) => Uint8Array.from(values);

/** Texts in their charsets, and what they say. */
const CHARSETS = [
  ["iso-8859-1", bytes(0x63, 0x61, 0x66, 0xe9), "café"],
  ["Windows-1252", bytes(0x93, 0x80, 0x94), "\u201c€\u201d"],
  ["shift_jis", bytes(0x93, 0xfa, 0x96, 0x7b, 0x5c), "日本\\"],
  ["gbk", bytes(0xc4, 0xe3, 0xba, 0xc3), "你好"],
  ["EUC-KR", bytes(0xb0, 0xa1, 0x41), "가A"],
  ["iso-2022-jp", bytes(0x1b, 0x24, 0x42, 0x24, 0x22, 0x1b, 0x28, 0x42), "あ"],
  ["utf-16le", bytes(0xe9, 0, 0x3d, 0xd8, 0x4d, 0xdc), "é👍"],
  ["utf-16be", bytes(0, 0xe9, 0xd8, 0x3d, 0xdc, 0x4d), "é👍"],
  ["utf-8", encoder.encode("é👍"), "é👍"],
  ["no-such-charset", encoder.encode("é👍"), "é👍"],
  ["latin1", encoder.encode("\ufeffé"), "é"],
  ["latin1", bytes(0xff, 0xfe, 0xe9, 0), "é"],
  ["utf-16le", bytes(0xfe, 0xff, 0, 0xe9), "é"],
] as const;

Deno.test("a body is shown in the charset that is declared, or marked by its first bytes", async () => {
  for (const [charset, body, text] of CHARSETS) {
    const type = `text/html; charset=${charset}`;
    const options = { terminal: { stdout: true } } as const;
    assertEquals(await show(type, body, [], options), `${text}\n`, charset);
    assertEquals(await show(type, body, ["--pretty"]), text);
    const json = await show(type, body, ["--json"]);
    assertEquals(JSON.parse(json).response.body, text);
    await using server = serveBody(type, body);
    const piped = await run(main, [server.url]);
    assertEquals(piped.stdoutBytes, body);
    const raw = await run(main, ["--raw", server.url], options);
    assertEquals(raw.stdoutBytes, body);
  }
});

Deno.test("JSON, lines of JSON and XML are read in their charset, events as UTF-8", async () => {
  const latin1 = bytes(0x5b, 0x22, 0xe9, 0x22, 0x5d);
  const wide = bytes(0xff, 0xfe, 0x5b, 0, 0x22, 0, 0xe9, 0, 0x22, 0, 0x5d, 0);
  for (
    const [type, body] of [
      ["application/json; charset=latin1", latin1],
      ["application/json", wide],
      ["application/json", encoder.encode('\ufeff["é"]')],
      ["text/plain", encoder.encode('\ufeff["é"]')],
    ] as const
  ) {
    assertEquals(await show(type, body), '[\n  "é"\n]\n');
    const json = await show(type, body, ["--json"]);
    assertEquals(JSON.parse(json).response.body, ["é"]);
  }
  const lines = bytes(...latin1, 0x0a, 0xe9, 0x0a);
  const wideLines = bytes(...wide, 0x0a, 0, 0xe9, 0, 0x0a, 0);
  for (
    const [type, body] of [
      [`${LINES}; charset=latin1`, lines],
      [LINES, wideLines],
      [`${LINES}; charset=latin1`, encoder.encode('\ufeff["é"]\né\n')],
    ] as const
  ) {
    assertEquals(await show(type, body), '[\n  "é"\n]\né\n');
    const [, ...data] = (await show(type, body, ["--json"])).split("\n");
    assertEquals(data, ['{"data":["é"]}', '{"data":"é"}', ""]);
  }
  const events = await show(
    "text/event-stream; charset=latin1",
    "data: é\n\n",
  );
  assertEquals(events, "é\n");
});

Deno.test("--json gives what is not valid in its charset in base64, whole or line by line", async () => {
  for (
    const [type, body] of [
      ["text/plain", bytes(0x61, 0xff)],
      ["text/plain; charset=shift_jis", bytes(0x61, 0xff)],
      ["text/plain; charset=utf-16le", bytes(0x61)],
      ["application/json", bytes(0x5b, 0x22, 0xff, 0x22, 0x5d)],
    ] as const
  ) {
    const json = await show(type, body, ["--json"]);
    const base64 = btoa(String.fromCharCode(...body));
    assertEquals(JSON.parse(json).response.body, { base64 });
  }
  const lines = await show(LINES, bytes(0xff, 0x0a, 0x31, 0x0a), ["--json"]);
  assertEquals(lines.split("\n").slice(1), [
    '{"data":{"base64":"/w=="}}',
    '{"data":1}',
    "",
  ]);
  const marked = bytes(0x31, 0x0a, 0xff, 0xfe, 0x0a);
  const later = await show(`${LINES}; charset=latin1`, marked, ["--json"]);
  assertEquals(later.split("\n")[2], '{"data":"ÿþ"}');
  // a line of UTF-16 has no bytes of its own
  await using server = serveBody(`${LINES}; charset=utf-16`, bytes(0, 0xd8));
  const { code, stderr } = await run(main, ["--json", server.url]);
  assertEquals(code, 1);
  assertMatch(stderr, /\nget: Cannot show the lines as JSON: .*utf-16le\nhint/);
});

Deno.test("the chunks of a text do not matter, in any charset", () => {
  const labels = CHARSETS.map(([label]) => label);
  const text = fc.oneof(
    fc.uint8Array(),
    fc.constantFrom(...CHARSETS.map(([, body]) => body)),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(undefined, ...labels),
      text,
      places,
      (label, body, places) => {
        const encoding = encodingOf(body, label);
        const { decode } = createTranscoder(label);
        const chunks = cut(body, places).map((part) => decode(part).slice());
        const shown = new TextDecoder().decode(join([...chunks, decode()]));
        assertEquals(shown, new TextDecoder(encoding).decode(body));
      },
    ),
    { numRuns: 1000 },
  );
});

const BINARY = bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0);
const NOTE = "-o FILE saves it, --raw shows it\n";

Deno.test("binary is one line on a terminal, and the very bytes in a pipe", async () => {
  const noise = bytes(...Array.from({ length: 90 }, (_, at) => 1 + 151 * at));
  for (
    const [type, body] of [
      ["image/png", BINARY],
      ["application/octet-stream", BINARY],
      ["", BINARY],
      ["image/png; charset=utf-8", BINARY],
      ["application/zip", noise.map((byte) => byte || 1)],
    ] as const
  ) {
    await using server = serveBody(type, body);
    const shown = await run(main, [server.url], { terminal: true });
    assertEquals([shown.code, shown.stdout], [0, ""], type);
    const line = `\nbinary, ${body.length} bytes: ${NOTE}`;
    assert(shown.stderr.endsWith(line), shown.stderr);
    const pretty = await run(main, ["--pretty", server.url]);
    assertEquals([pretty.code, pretty.stdout], [0, ""]);
    const quiet = await run(main, ["-b", server.url], { terminal: true });
    assertEquals(quiet.stderr, line.trimStart());
    const raw = await run(main, ["--raw", server.url], { terminal: true });
    assertEquals(raw.stdoutBytes, body);
    assertEquals((await run(main, [server.url])).stdoutBytes, body);
  }
});

Deno.test("what is text, by its type, its charset or its bytes, is shown on a terminal", async () => {
  for (
    const [type, body, shown] of [
      ["application/json", '["\0",]', '["\\x00",]'],
      ["image/svg+xml", "<svg/>\0", "<svg/>\\x00"],
      ["text/plain", bytes(0x61, 0xff, 0xff, 0xff), "a\ufffd\ufffd\ufffd"],
      ["application/octet-stream", "plain words", "plain words"],
      ["application/octet-stream", bytes(0x63, 0xe9), "c\ufffd"],
      ["application/octet-stream", "\x1b[1mlog\x07", "\\x1b[1mlog\\x07"],
      ["application/x-a; charset=utf-16be", bytes(0, 0x61, 0, 0x62), "ab"],
      ["application/x-a", bytes(0xff, 0xfe, 0x61, 0), "a"],
    ] as const
  ) {
    const text = await show(type, body, [], { terminal: { stdout: true } });
    assertEquals(stripColors(text), `${shown}\n`, type);
  }
  const late = "x".repeat(3000) + "\0";
  const type = "application/octet-stream";
  assert((await show(type, late, [], { terminal: true })).includes("x\\x00"));
});

Deno.test("the rest of a binary body is not asked for, and what came before its first NUL stays", async () => {
  let sent = 0;
  await using server = serveHttp(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(100_000));
          sent++;
        },
      }),
      { status: 404 },
    )
  );
  const { code, stdout, stderr } = await run(main, [server.url], {
    terminal: true,
  });
  assertEquals([code, stdout], [4, ""]);
  assert(stderr.endsWith(`\nbinary: ${NOTE}`), stderr);
  assertLess(sent, 1000);
  await using slow = serveStream("application/octet-stream");
  const { stdout: shown, result } = start(main, [slow.url], {
    terminal: true,
  });
  await slow.send("text\n");
  await shown.waitFor("text\n");
  await slow.send("a\0b");
  const end = await result;
  assertEquals([end.code, end.stdout], [0, "text\n"]);
});

Deno.test("--json refuses a line of more than 16 Mi characters, at once", async () => {
  for (const part of ["x".repeat(1 << 20), "é".repeat(1 << 20)]) {
    let sent = 0;
    await using server = serveHttp(() =>
      new Response(
        new ReadableStream({
          pull(controller) {
            const isFirst = sent++ === 0;
            controller.enqueue(encoder.encode(isFirst ? "[1]\n" : part));
          },
        }),
        { headers: { "content-type": LINES } },
      )
    );
    const { code, stdout, stderr } = await run(main, ["--json", server.url]);
    assertEquals([code, stdout.split("\n").slice(1)], [1, [
      '{"data":[1]}',
      "",
    ]]);
    assertEquals(
      stderr,
      "200 OK\nget: Cannot show the lines as JSON: one is longer than 16 Mi\nhint: --raw shows the bytes as they come\n",
    );
    assertLess(sent, 60);
  }
  const longest = "x".repeat(16 << 20);
  const shown = await show(LINES, `${longest}\n[2]`, ["--json"]);
  assert(shown.endsWith(`x"}\n{"data":[2]}\n`));
});

Deno.test("an event of many short lines is bounded by the bytes that came", () => {
  const chunk = encoder.encode("data: x\n".repeat(1 << 17));
  const read = createEventReader();
  for (let mib = 0; mib < 4; mib++) read(chunk);
  const [event] = read(encoder.encode("\n"));
  assertEquals(event?.data.length, (4 << 18) - 1);
  for (let mib = 0; mib < 8; mib++) read(chunk);
  assertThrows(() => read(chunk), Error, "one is longer than 8 Mi");
  // blank lines end what is counted, and comments go with them
  const ping = encoder.encode(": ping\r\n\r\n".repeat(1 << 17));
  const pinged = createEventReader();
  for (let mib = 0; mib < 20; mib++) assertEquals(pinged(ping), []);
  assertEquals(pinged(encoder.encode("data: a\n\n")).length, 1);
});

/** One connection after the other: what each of them says, and what was asked for. */
function serveEvents(...connections: readonly (readonly string[])[]) {
  const heads: string[] = [];
  const server = serveRaw((head) => {
    heads.push(head);
    return connections[heads.length - 1] ?? [];
  });
  const ids = () =>
    heads.map((head) => head.match(/^last-event-id: (.*)\r$/im)?.[1]);
  return {
    server,
    ids,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
/** A stream that ends by its own words, one that its server closes, and one that is cut off. */
const whole = (text: string) => [
  `${EVENTS}Content-Length: ${encoder.encode(text).length}\r\n\r\n${text}`,
];
const closed = (text: string) => [`${EVENTS}\r\n${text}`];
const cutOff = (
  text: string,
) => [`${EVENTS}Content-Length: 9999\r\n\r\n${text}`];
const DONE = ["HTTP/1.1 204 No Content\r\n\r\n"];

Deno.test("a stream of events goes on after its last event, until an answer has no content", async () => {
  await using events = serveEvents(
    cutOff("retry: 20\nid: é1\ndata: a\n\nid: lost\ndata: los"),
    closed("\ufeffdata: b\r\n\r\n"),
    whole("id\ndata: c\n\n: only a comment\n\n"),
    whole("id: 4\n\ndata"),
    cutOff("data: d\n\n"),
    DONE,
  );
  const { code, stdout, stderr } = await run(main, [
    "--retry",
    "3",
    events.server.url,
  ]);
  assertEquals(
    [code, stdout],
    [
      0,
      "retry: 20\nid: é1\ndata: a\n\ndata: b\r\n\r\nid\ndata: c\n\n: only a comment\n\nid: 4\n\ndata: d\n\n",
    ],
  );
  const again = "trying again in 0.0 s\n";
  assertEquals(
    stderr,
    `200 OK\ncut short after 45 of 9999 bytes: ${again}${
      `the events ended: ${again}`.repeat(3)
    }cut short after 9 of 9999 bytes: ${again}`,
  );
  const id = new TextDecoder("latin1").decode(encoder.encode("é1"));
  assertEquals(events.ids(), [undefined, id, id, undefined, "4", "4"]);
});

Deno.test("a stream of events that goes on is one view, and one object per line with --json", async () => {
  const connections = [
    cutOff('retry: 20\nid: 1\ndata: {"a":1}\n\ndata: {'),
    closed("data: b\n\n"),
    DONE,
  ];
  for (
    const [args, shown] of [
      [["--pretty"], 'id: 1\n{\n  "a": 1\n}\nb\n'],
      [["--json"], '{"id":"1","data":"{\\"a\\":1}"}\n{"data":"b"}\n'],
    ] as const
  ) {
    await using events = serveEvents(...connections);
    const { code, stdout } = await run(main, [
      "--retry",
      "1",
      ...args,
      events.server.url,
    ]);
    assertEquals([code, stdout.replace(/^\{"request".*\n/, "")], [0, shown]);
  }
});

Deno.test("a stream of events ends with its error after as many tries without an event", async () => {
  const silent = Array(3).fill(closed(": nothing\n\n"));
  for (
    const [connections, args, code, asked] of [
      [[cutOff("retry: 20\ndata: a\n\n"), ...silent], ["--retry", "2"], 18, 3],
      [[closed("retry: 20\ndata: a\n\n"), ...silent], ["--retry", "2"], 18, 3],
      [
        [closed("retry: 20\n\n"), silent[0], closed("data: a\n\n"), ...silent],
        ["--retry", "2"],
        18,
        5,
      ],
      // nothing is answered
      [[closed("retry: 20\ndata: a\n\n")], ["--retry", "1"], 18, 2],
      // a body that could be gone on with by its bytes
      [
        [[`${EVENTS}ETag: "a"\r\nContent-Length: 99\r\n\r\nretry: 20\n\n`]],
        ["--retry", "1"],
        18,
        2,
      ],
      [[closed("data: a\n\n")], ["--retry", "1", "-X", "PUT"], 0, 1],
      [[cutOff("data: a\n\n")], ["--retry", "0"], 18, 1],
      [[cutOff("data: a\n\n")], [], 18, 1],
      [[closed("data: a\n\n")], [], 0, 1],
      [[closed("data: a\n\n")], ["--retry", "5", "-t", "30,60,2"], 18, 1],
    ] as const
  ) {
    await using events = serveEvents(...connections);
    const result = await run(main, [...args, events.server.url]);
    assertEquals(
      [result.code, events.ids().length],
      [code, asked],
      result.stderr,
    );
  }
});

Deno.test("a stream of events ends with the status that it does not go on with", async () => {
  for (
    const [head, code, why] of [
      ["404 Not Found\r\n", 4, "404 Not Found"],
      ["500 Oh\r\n", 5, "500 Oh"],
      ["503 Busy\r\nRetry-After: 0\r\n", 5, "503 Busy"],
      ["302 Found\r\n", 3, "302 Found"],
      [
        "200 OK\r\nContent-Type: text/html\r\n",
        1,
        "200 OK is no stream of events",
      ],
    ] as const
  ) {
    const refused = [`HTTP/1.1 ${head}Content-Length: 0\r\n\r\n`];
    await using events = serveEvents(
      closed("retry: 20\ndata: a\n\n"),
      refused,
      refused,
    );
    const { url } = events.server;
    const { code: exit, stdout, stderr } = await run(main, [
      "-v",
      "--retry",
      "2",
      url,
    ]);
    assertEquals([exit, stdout], [code, "retry: 20\ndata: a\n\n"], stderr);
    assertStringIncludes(
      stderr,
      `\nget: Cannot go on with the events of ${url}/: ${why}\n`,
    );
    assertEquals(events.ids().length, head.startsWith("503") ? 3 : 2);
  }
  await using events = serveEvents([
    `${closed("data: a\n\n")}`.replace("200 OK", "404 Gone"),
  ]);
  const result = await run(main, ["--retry", "1", events.server.url]);
  assertEquals(result, {
    ...result,
    code: 4,
    stdout: "data: a\n\n",
    stderr: "404 Not Found\n",
  });
});

Deno.test("a busy server is asked again for the events, and -v shows the request", async () => {
  const busy = [
    "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
  ];
  await using events = serveEvents(
    closed("retry: 20\nid: 1\ndata: a\n\n"),
    busy,
    closed("data: b\n\n"),
    DONE,
  );
  const { code, stdout, stderr } = await run(main, [
    "-v",
    "--retry",
    "2",
    events.server.url,
  ]);
  assertEquals([code, stdout], [0, "retry: 20\nid: 1\ndata: a\n\ndata: b\n\n"]);
  assertEquals(stderr.match(/^> last-event-id: 1$/gm)?.length, 3);
  assertEquals(stderr.match(/^< HTTP.*$/gm), [
    "< HTTP/1.1 200 OK",
    "< HTTP/1.1 503 Busy",
    "< HTTP/1.1 200 OK",
    "< HTTP/1.1 204 No Content",
  ]);
});

Deno.test("header injection: an id that no header can hold, or that is too long, is none", async () => {
  for (const bad of ["a\0b", "a\x07", "\x1b[2J", "x".repeat(5000)]) {
    await using events = serveEvents(
      closed(`retry: 20\nid: 1\ndata: a\n\nid: ${bad}\ndata: b\n\n`),
      DONE,
    );
    const { code } = await run(main, ["--retry", "1", events.server.url]);
    assertEquals([code, events.ids()], [0, [undefined, "1"]], bad.slice(0, 9));
  }
});

Deno.test("credentials on a cross-origin redirect: the id of an event goes to no other origin", async () => {
  await using other = serveEvents(
    closed("retry: 20\nid: secret\ndata: b\n\n"),
    DONE,
  );
  const away = [
    `HTTP/1.1 302 Found\r\nLocation: ${other.server.url}\r\nContent-Length: 0\r\n\r\n`,
  ];
  await using events = serveEvents(
    closed("retry: 20\nid: 1\ndata: a\n\n"),
    away,
    away,
  );
  await run(main, ["--retry", "2", events.server.url]);
  assertEquals([events.ids(), other.ids()], [[undefined, "1", "1"], [
    undefined,
    undefined,
  ]]);
  await using there = serveEvents(
    closed("retry: 20\nid: secret\ndata: b\n\n"),
    DONE,
  );
  const leads = [
    `HTTP/1.1 302 Found\r\nLocation: ${there.server.url}\r\nContent-Length: 0\r\n\r\n`,
  ];
  await using first = serveEvents(leads, leads);
  const { code } = await run(main, ["--retry", "2", first.server.url]);
  assertEquals([code, first.ids(), there.ids()], [0, [undefined, undefined], [
    undefined,
    undefined,
  ]]);
});

const ASKED: HttpRequest = {
  method: "GET",
  url: new URL("http://localhost/"),
  headers: [["Last-Event-ID", "0"]],
  typed: ["last-event-id"],
};

/** A response whose body comes in these chunks. */
function answer(chunks: readonly Uint8Array[], status = 200, headers = {}) {
  return {
    request: ASKED,
    status,
    statusText: "",
    headers: new Headers({ "content-type": "text/event-stream", ...headers }),
    body: ReadableStream.from(chunks.map((chunk) => chunk.slice())),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** What is given of a stream whose further requests end so; it ends at the first note that has `until` in it. */
async function reconnected(
  first: readonly Uint8Array[],
  next: readonly (ReturnType<typeof answer> | Failure)[],
  { retry = 1, until = "" } = {},
) {
  const sent: HttpRequest[] = [];
  const { io, interrupt, stderr } = createMemoryIo();
  const exchange = {
    request: ASKED,
    io,
    retry,
    sendNext: (request: HttpRequest) => {
      const outcome = next[sent.push(request) - 1] ?? answer([], 204);
      return outcome instanceof Failure
        ? Promise.reject(outcome)
        : Promise.resolve(outcome);
    },
    printNote: async (text: string) => {
      await io.stderr.write(encoder.encode(text));
      if (until !== "" && text.includes(until)) interrupt();
    },
  };
  const given: Uint8Array[] = [];
  let error: unknown;
  try {
    for await (const chunk of reconnect(exchange, answer(first))) {
      given.push(chunk);
    }
  } catch (cause) {
    error = cause;
  }
  const text = new TextDecoder().decode(join(given));
  return { text, sent, error, notes: stderr.text };
}

Deno.test("a stream of events that goes on has whole events alone, in any chunks", async () => {
  const events =
    "\ufeffretry: 1\n\ndata: é\r\ndata\r\n\r\nid: 1\rdata\r\r: x\n\n";
  const bytes = encoder.encode(`${events}data: los`);
  await Promise.all(Array.from(bytes.slice(3), async (_, at) => {
    const { text } = await reconnected(cut(bytes, [at + 3]), [
      answer([encoder.encode("data: b\n\n")]),
    ]);
    assertEquals(text, `${events.slice(1)}data: b\n\n`, `${at}`);
  }));
});

Deno.test("the id of the last event is sent once, whatever was typed", async () => {
  const { sent } = await reconnected(
    [encoder.encode("retry: 1\nid: 7\n\n")],
    [],
  );
  assertEquals(
    sent.map(({ headers }) => headers),
    [[["last-event-id", "7"]]],
  );
});

Deno.test("the pause before a stream of events goes on is what is told, within limits", async () => {
  const busy = (after: string) => answer([], 503, { "retry-after": after });
  for (
    const [wait, next, until, notes] of [
      ["0", [], "", /in 0\.0 s\n$/],
      ["99999999999999", [], "in", /in 2147483\.6 s\n$/],
      ["1", [busy("5")], "in 5.0", /in 0\.0 s\n.*503.* in 5\.0 s\n$/s],
      // more than that nobody waits
      ["1", [busy("31")], "", /^[^\n]*in 0\.0 s\n$/],
    ] as const
  ) {
    const result = await reconnected(
      [encoder.encode(`retry: ${wait}\n\n`)],
      next,
      { retry: 2, until },
    );
    assertMatch(result.notes, notes);
  }
});

Deno.test("a stream of events ends with the error that says most, after what came last", async () => {
  const first = [encoder.encode("retry: 1\ndata: a\n\n")];
  const silent = [encoder.encode(": last")];
  const gone = new Failure("gone", { code: ExitCode.Unreachable });
  const lost = await reconnected(first, [answer(silent), gone], { retry: 2 });
  assertEquals(lost.text, "retry: 1\ndata: a\n\n: last");
  assertMatch(`${lost.error}`, /Cannot read http:\/\/localhost/);
  const { error } = await reconnected(first, [answer(first, 206)]);
  assertMatch(`${error}`, /Cannot go on with the events/);
});
