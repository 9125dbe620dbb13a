import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../../lib/cli/errors.ts";
import { main as get } from "../../../tasks/get.ts";
import { parsePath, type Step } from "../../../tasks/get/view/json/path.ts";
import { createPicker } from "../../../tasks/get/view/json/picker.ts";
import { createRows } from "../../../tasks/get/view/json/rows.ts";
import { main as post } from "../../../tasks/post.ts";
import { codePoint } from "../../code_point.ts";
import { response, serveHttp, serveRaw } from "../../http/server.ts";
import { encode, run, start } from "../../support.ts";

/** A server of one body, and what get prints of its parts. */
async function pick(
  body: string | Uint8Array<ArrayBuffer>,
  paths: readonly string[],
  { type = "application/json", args = [], ...options }: {
    readonly type?: string;
    readonly args?: readonly string[];
    readonly terminal?: boolean;
  } = {},
) {
  await using server = serveHttp(() =>
    new Response(body, { headers: { "content-type": type } })
  );
  const picks = paths.flatMap((path) => ["--pick", path]);
  return await run(get, ["-q", ...args, server.url, ...picks], options);
}

Deno.test("a path is read as jq and RFC 6901 have it", () => {
  const each = { isEach: true } as const;
  const rows: readonly (readonly [string, readonly Step[]])[] = [
    [".", []],
    ["", []],
    [" . ", []],
    [".a", [{ name: "a" }]],
    ["a", [{ name: "a" }]],
    [" .a.b ", [{ name: "a" }, { name: "b" }]],
    [".a [0] .b", [{ name: "a" }, { index: 0 }, { name: "b" }]],
    ["_a1.é", [{ name: "_a1" }, { name: "é" }]],
    ['."a b".c', [{ name: "a b" }, { name: "c" }]],
    ['["a.b"]["\\u0061\\""]', [{ name: "a.b" }, { name: 'a"' }]],
    ['.a["b"].["c"]', [{ name: "a" }, { name: "b" }, { name: "c" }]],
    ["[0]", [{ index: 0 }]],
    [".[ 12 ].a", [{ index: 12 }, { name: "a" }]],
    [".a[0][1]", [{ name: "a" }, { index: 0 }, { index: 1 }]],
    ["[]", [each]],
    [".[].a[]", [each, { name: "a" }, each]],
    ["a.0", [{ name: "a" }, { name: "0", index: 0 }]],
    ["/", [{ name: "" }]],
    ["/a/0/b c", [
      { name: "a" },
      { name: "0", index: 0 },
      { name: "b c" },
    ]],
    ["/m~0n~01/a~1b/-/01", [
      { name: "m~n~1" },
      { name: "a/b" },
      { name: "-" },
      { name: "01" },
    ]],
  ];
  for (const [text, steps] of rows) assertEquals(parsePath(text), steps, text);
});

Deno.test("what is no path is refused with its place, and with what jq or a path has for it", () => {
  for (
    const [text, at, why, hint] of [
      ["[-1]", 1, "the end of a stream is not known", "jq '.[-1]'"],
      [".a[-1].b", 3, "the end of a stream is not known", "jq '.a[-1].b'"],
      ["-1", 1, "the end of a stream is not known", "jq '.[-1]'"],
      ["[1:2]", 1, "it is a slice", "jq '.[1:2]'"],
      [".a[*].b[*]", 3, "each of them is []", "--pick '.a[].b[]'"],
      [".a.*", 3, "each of them is []", "--pick '.a[]'"],
      ["$.a[*]", 1, "a path begins with a dot", "--pick '.a[]'"],
      ["$", 1, "a path begins with a dot", "--pick .;"],
      [".a..b", 3, "nothing is looked for in all of it", "jq '.a|..|.b'"],
      ["..", 1, "nothing is looked for in all of it", "jq .."],
      [".a | length", 3, "it is no step", "jq '.a | length'"],
      ["a|.b", 2, "it is no step", "jq '.a|.b'"],
      [".a,.b", 3, "--pick is given once more", "--pick .a --pick .b; jq"],
      [".a,.b", 3, "--pick is given once more", "jq .a,.b"],
      ["[0,1]", 1, "--pick is given once more", "jq '.[0,1]'"],
      ["map(.a)", 4, "it is no step", "jq 'map(.a)'"],
      ["{a}", 1, "it is no step", "jq '{a}'"],
      [".a+1", 3, "it is no step", "jq .a+1"],
      [".a?", 3, "it is no step", "jq '.a?'"],
      [".user-id.x", 6, "is quoted", `--pick '."user-id".x'; jq does more: `],
      ["@type", 1, "is quoted", `--pick '."@type"'`],
      [".a.$ref", 3, "is quoted", `--pick '.a."$ref"'`],
      ["['a b']", 1, 'a name is quoted with "', `--pick '["a b"]'`],
      [".a.", 3, "a name is missing"],
      ["'a'", 1, 'a name is quoted with "', `--pick '."a"'`],
      ["a b", 2, "is quoted", `--pick '."a b"'`],
      [".a b c", 3, "is quoted", `--pick '."a b c"'`],
      [".a and .b", 3, "it is no step", "jq '.a and .b'"],
      ["[0]a", 4, "a dot is missing", "--pick '[0].a'; jq does more: "],
      ["a/b", 2, "a JSON Pointer begins with /", "--pick /a/b"],
      ["a/0/b-c", 2, "a JSON Pointer begins with /", "--pick /a/0/b-c"],
      ["#/a/b", 1, "a JSON Pointer begins with /", "--pick /a/b"],
      [".a/2", 3, "it is no step", "jq .a/2"],
      [".a//1", 3, "it is no step", "jq .a//1"],
      ["http://a/b", 5, "is quoted"],
      ['.["a","b"]', 1, "--pick is given once more", `jq '.["a","b"]'`],
      ["[9007199254740993]", 1, "no list has so many"],
      ["[01]", 1, "expected an index"],
      ["[a]", 1, "expected an index"],
      [".a[", 3, "expected an index"],
      ['["a', 1, "a name in quotes does not end"],
      ['."\\q"', 1, "a name in quotes does not end, or is not JSON"],
      ["/a~2", 3, "~ is written ~0"],
      ["/a~", 3, "~ is written ~0"],
    ] as const
  ) {
    let error: unknown;
    try {
      parsePath(text);
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof UsageError, text);
    assertStringIncludes(error.message, ` "${text}" at character ${at}: `);
    assertStringIncludes(error.message, why);
    if (hint === undefined) assertEquals(error.hint, undefined, text);
    else assertStringIncludes(error.hint ?? "", hint, text);
  }
});

Deno.test("a hint has the call in jq, without its secrets", async () => {
  const { code, stderr } = await run(get, [
    ":9/a?token=s3cret",
    ...["--pick", ".a|.b"],
  ]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, " -q ':9/a?token=***' | jq '.a|.b'\n");
  const posted = await run(post, [":9", "a=b", "--pick", ".a|.b"]);
  assertEquals(posted.code, 2);
  assertStringIncludes(
    posted.stderr,
    "jq does that: without --pick, add | jq '.a|.b'",
  );
});

const DOCUMENT = `{"id": 12345678901234567890, "f": 1.10, "e": [], "n": null,
  "s": "a\\u00e9\\n\\ud83d\\ude00\\ud800x\\/", "dup": 1, "dup": 2, "t": true,
  "o": {\r\n    "k": [1, 2],\n\t"z": 1e400 }, "a b": {"\\u0063": "x"}, "": -0}`;

Deno.test("a part is printed as it came, a string as its text", async () => {
  for (
    const [path, printed] of [
      [".id", "12345678901234567890"],
      [".f", "1.10"],
      [".n", "null"],
      ["t", "true"],
      [".s", "aé\n😀\ufffdx/"],
      [".dup", "1"],
      [".o", '{"k": [1, 2],"z": 1e400 }'],
      [".o.k", "[1, 2]"],
      ["/o/k/1", "2"],
      [".o[]", "[1, 2]\n1e400"],
      ['."a b".c', "x"],
      ["/a b/c", "x"],
      ["/", "-0"],
      [".e[]", undefined],
    ] as const
  ) {
    const { code, stdout, stderr } = await pick(DOCUMENT, [path]);
    assertEquals([code, stderr], [0, ""], path);
    assertEquals(stdout, printed === undefined ? "" : `${printed}\n`, path);
  }
  for (const scalar of ["12", '"x"', " null ", "true"]) {
    const { code, stdout } = await pick(scalar, ["."]);
    const text = scalar.replaceAll('"', "").trim();
    assertEquals([code, stdout], [0, `${text}\n`]);
  }
});

Deno.test("what is not there is exit code 1, with the place where its way ended", async () => {
  const all = "leave out --pick";
  for (
    const [body, path, why, hint] of [
      [DOCUMENT, ".x", 'the answer has no "x"', all],
      [DOCUMENT, ".o.x.y", '.o has no "x"', "--pick .o"],
      [DOCUMENT, ".s.x", ".s is a string", "--pick .s"],
      [DOCUMENT, ".id[0]", ".id is a number", "--pick .id"],
      [DOCUMENT, ".n.a", ".n is null", "--pick .n"],
      [DOCUMENT, ".t[]", ".t is true", "--pick .t"],
      [DOCUMENT, ".e[0]", ".e[0] is past the end, there are 0"],
      [DOCUMENT, ".o.k[2]", ".o.k[2] is past the end, there are 2"],
      [DOCUMENT, ".o[0]", ".o is an object", "--pick .o"],
      [DOCUMENT, ".o.k.a", ".o.k is a list", "each: --pick '.o.k[].a'"],
      [DOCUMENT, '."a b".d', '."a b" has no "d"', `--pick '."a b"'`],
      ["[1]", "[3]", "[3] is past the end, there is 1"],
      ["[1]", "/-", "the answer is a list", `each: --pick '[]."-"'`],
      ["[1]", "/[]/id", "the answer is a list", "each: --pick '[].id'"],
      ["{}", ".nope", 'the answer has no "nope"', "leave out --pick"],
      ["[{}]", "[].id", '[0] has no "id"', "--pick '[0]'"],
      ["[[7],{}]", "[].a", "[0] is a list", "each: --pick '[][].a'"],
      ['{"a":{}}', ".a[].b[].c", undefined],
      ['{"a":1,"a":{"b":2}}', ".a.b", ".a is a number", "--pick .a"],
    ] as const
  ) {
    const { code, stdout, stderr } = await pick(body, [path]);
    assertEquals([code, stdout], [why === undefined ? 0 : 1, ""], path);
    const [error = "", told = "", ...more] = stderr.split("\n");
    assertEquals(error, why ? `get: Cannot pick "${path}": ${why}` : "");
    assertEquals(more, hint === undefined ? [] : [""]);
    const what = hint?.startsWith("each") ? "pick it of" : "see what is there:";
    assertEquals(told, hint === undefined ? "" : `hint: to ${what} ${hint}`);
  }
});

Deno.test("a row that has nothing is an empty line, columns are those of @tsv", async () => {
  const body = '[{"id":1,"t":"x\\ty"},{"id":null},{"t":"\\\\\\n\\r"},5,[]]';
  const one = await pick(body, ["[].id"]);
  assertEquals([one.code, one.stdout], [0, "1\nnull\n\n\n\n"]);
  const two = await pick(body, ["[].id", "[].t"]);
  assertEquals([two.code, two.stdout], [
    0,
    "1\tx\\ty\nnull\t\n\t\\\\\\n\\r\n\t\n\t\n",
  ]);
  const late = await pick('[1,{"a":{"b":[1,\n2]}},3]', ["[].a", "[].a.b[1]"]);
  assertEquals([late.code, late.stdout], [
    0,
    '\t\n{"b":[1,2]}\t2\n\t\n',
  ]);
  const none = await pick(body, ["[].id", "[].x"]);
  assertEquals([none.code, none.stdout.split("\n").length], [1, 6]);
  assertStringIncludes(none.stderr, 'Cannot pick "[].x": [0] has no "x"');
  const all = await pick('{"b":2,"a":"1","c":3}', [".a", ".b"]);
  assertEquals([all.code, all.stdout], [0, "1\t2\n"]);
  const some = await pick('{"b":2,"c":3}', [".a", ".b"]);
  assertEquals([some.code, some.stdout], [1, ""]);
  const apart = await pick("{}", [".a[].b", ".c[].b"]);
  assertEquals(apart.code, 2);
  assertStringIncludes(apart.stderr, "they have no rows in common");
});

Deno.test("what is not JSON is exit code 1, with the byte where that shows", async () => {
  for (
    const [body, why] of [
      ["<html>", 'it is not JSON at byte 0, where "<" is'],
      ['{"b":1,}', 'it is not JSON at byte 7, where "}" is'],
      ['{"b":01}', 'it is not JSON at byte 6, where "1" is'],
      ['{"b":"\n"}', "it is not JSON at byte 6, where 0x0a is"],
      ['{"b":"\\x"}', 'it is not JSON at byte 7, where "x" is'],
      ['{"b":[1}', 'it is not JSON at byte 7, where "}" is'],
      ['{"b":tru', "it is no whole JSON, it ends at byte 8"],
      ['{"b":{}', "it is no whole JSON, it ends at byte 7"],
      ["", "it is empty"],
      [" \n", "it is empty"],
    ] as const
  ) {
    const { code, stdout, stderr } = await pick(body, [".a"]);
    assertEquals([code, stdout], [1, ""], body);
    assertStringIncludes(stderr, `get: Cannot pick from the body: ${why}\n`);
  }
  const rest = await pick("[1,2] 3", ["[]"]);
  assertEquals([rest.code, rest.stdout], [1, "1\n2\n"]);
});

Deno.test("a response without content, or with another status than 2xx, gives nothing to pick", async () => {
  await using server = serveHttp(({ url }) => {
    const status = Number(new URL(url).pathname.slice(1));
    const headers = { "content-type": "application/problem+json" };
    return status === 204 || status === 304
      ? new Response(null, { status })
      : Response.json({ a: 1, title: "No", detail: "why" }, {
        status,
        headers,
      });
  });
  for (
    const [status, expected, told] of [
      [204, 1, "it is empty"],
      [304, 3, ""],
      [404, 4, "reason: No: why\n"],
      [500, 5, "reason: No: why\n"],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(get, [
      ...["--retry", "0", "--pick", ".a", `${server.url}/${status}`],
    ]);
    assertEquals([code, stdout], [expected, ""]);
    assertStringIncludes(stderr, told);
  }
});

Deno.test("a path without [] is found as soon as it comes, one with [] needs all", async () => {
  const start = '{"a":[{"b":7},"';
  const head = ["Content-Length: 100", "Content-Type: application/json"];
  await using server = serveRaw(() => [response(start, head)]);
  const args = ["-q", "--retry", "0", server.url, "--pick"];
  const first = await run(get, [...args, ".a[0].b"]);
  assertEquals([first.code, first.stdout], [0, "7\n"]);
  const all = await run(get, [...args, ".a[].b"]);
  assertEquals([all.code, all.stdout], [18, "7\n"]);
  const later = await run(get, [...args, ".c"]);
  assertEquals([later.code, later.stdout], [18, ""]);
});

Deno.test("a body that drops goes on where it was in the middle of a part", async () => {
  const body = `{"a":"${"x".repeat(1000)}","b":"é\\u00e9"}`;
  const bytes = encode(body);
  let tries = 0;
  await using server = serveRaw((head) => {
    const from = Number(head.match(/range: bytes=(\d+)-/i)?.[1] ?? 0);
    const rest = bytes.subarray(from);
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    const lines = [
      from > 0 ? "HTTP/1.1 206 Partial Content" : "HTTP/1.1 200 OK",
      ...from > 0 ? [`Content-Range: ${range}`] : [],
      ...[`Content-Length: ${rest.length}`, 'ETag: "a"', "Connection: close"],
      ...["Content-Type: application/json", "", ""],
    ];
    return [lines.join("\r\n"), tries++ === 0 ? rest.subarray(0, 1017) : rest];
  });
  const { code, stdout } = await run(get, ["-q", server.url, "--pick", ".b"]);
  assertEquals([code, stdout, tries], [0, "éé\n", 2]);
});

Deno.test("each line and each event is picked from as it comes", async () => {
  for (
    const [type, parts, paths, lines] of [
      ["application/x-ndjson", ['{"id":1}\n\n{"i', 'd":"\\u0061"}\n{}\n'], [
        ".id",
      ], ["1\n", "a\n"]],
      ["application/json-seq", ['\x1e{"id":1,\n"x":2}\n', '\x1e{"id":2}\n'], [
        ".id",
        ".x",
      ], ["1\t2\n", "2\t\n"]],
      [
        "text/event-stream",
        [
          'data: {"id":1}\n\ndata: {"i',
          'd":2}\n\ndata: [DONE]\n\n',
        ],
        [".id"],
        ["1\n", "2\n"],
      ],
      ["application/x-ndjson", ["[1,2]\n", "[]\n[3]\n"], ["[]"], [
        "1\n2\n",
        "3\n",
      ]],
    ] as const
  ) {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    await using server = serveHttp(() =>
      new Response(
        new ReadableStream({
          start: (own) => void (controller = own),
        }),
        { headers: { "content-type": type } },
      )
    );
    const picks = paths.flatMap((path) => ["--pick", path]);
    const { stdout, stderr, result } = start(get, [server.url, ...picks]);
    await stderr.waitFor("200 OK");
    let printed = "";
    for (const [at, part] of parts.entries()) {
      controller?.enqueue(encode(part));
      printed += lines[at] ?? "";
      await stdout.waitFor(printed);
    }
    controller?.close();
    assertEquals((await result).code, 0);
    assertStringIncludes(stdout.text, printed);
  }
});

Deno.test("a line that is not JSON ends it, an event that is not is passed over", async () => {
  const lines = await pick('{"a":1}\n  \n\nx\n{"a":2}\n', [".a"], {
    type: "application/x-ndjson",
  });
  assertEquals([lines.code, lines.stdout], [1, "1\n"]);
  assertStringIncludes(
    lines.stderr,
    'Cannot pick from document 2: it is not JSON at byte 0, where "x" is',
  );
  const cut = await pick('{"a":1}\n{"a":2', [".b"], {
    type: "application/x-ndjson",
  });
  assertEquals([cut.code, cut.stdout], [1, ""]);
  assertStringIncludes(cut.stderr, "it is no whole JSON, it ends at byte 6");
  const none = await pick("data: x\n\n", [".a"], { type: "text/event-stream" });
  assertEquals([none.code, none.stdout], [1, ""]);
  assertStringIncludes(none.stderr, "none of them is JSON");
});

Deno.test("JSON in another charset is read in it", async () => {
  const wide = new Uint8Array(
    new Uint16Array([...'\ufeff{"é":"ü"}'].map((char) => char.charCodeAt(0)))
      .buffer,
  );
  const marked = await pick(wide, [".é"]);
  assertEquals([marked.code, marked.stdout], [0, "ü\n"]);
  const latin1 = new Uint8Array([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d]);
  const declared = await pick(latin1, [".é"], {
    type: "application/json; charset=latin1",
  });
  assertEquals([declared.code, declared.stdout], [0, "1\n"]);
  const kept = await pick(
    new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d]),
    ["[0]"],
  );
  assertEquals([...kept.stdoutBytes], [0xff, 0x0a]);
});

Deno.test("on a terminal a part is safe, and as the view of JSON has it", async () => {
  const body = '{"s":"\\u001b]0;t\\u0007\u009b2J","o":{"a":[1]},"t":"a\\tb"}';
  const options = { terminal: true, args: ["--no-color"] };
  const text = await pick(body, [".s"], options);
  assertEquals(text.stdout, "\\x1b]0;t\\x07\\x9b2J\n");
  const object = await pick(body, [".o"], options);
  assertEquals(object.stdout, '{\n  "a": [\n    1\n  ]\n}\n');
  const both = await pick(body, [".t", ".s"], options);
  assertEquals(both.stdout, "a\\tb\t\\x1b]0;t\\x07\\x9b2J\n");
  const pretty = await pick(body, [".o"], { args: ["--pretty"] });
  assertEquals(pretty.stdout, object.stdout);
});

Deno.test("--pick goes with -i, and not with what prints something else", async () => {
  const shown = await pick("[1]", ["[0]"], { args: ["-i"] });
  assertEquals(shown.code, 0);
  assertStringIncludes(shown.stdout, "HTTP/1.1 200 OK\r\n");
  assertStringIncludes(shown.stdout, "\r\n\r\n1\n");
  for (
    const other of [
      ["--json"],
      ["--raw"],
      ["-o", "x"],
      ["-O"],
      ["--offline"],
      ["--curl"],
    ]
  ) {
    const { code, stderr } = await run(get, [":9", "--pick", ".", ...other]);
    assertEquals(code, 2, other.join(" "));
    assertStringIncludes(stderr, "Cannot use --");
  }
  const many = Array.from({ length: 31 }, () => ["--pick", ".a"]).flat();
  assertEquals((await run(get, [":9", ...many])).code, 2);
  const taken = await run(get, ["--pick", ":9"]);
  assertStringIncludes(taken.stderr, "Cannot use a URL as the value of --pick");
});

/** What is picked of a text that comes in pieces, one line each. */
function pickAll(
  bytes: Uint8Array,
  path: readonly Step[],
  size = bytes.length,
): string[] {
  const found: string[] = [];
  let text = "";
  const decoder = new TextDecoder();
  const picker = createPicker([path], {
    begin: () => void (text = ""),
    add: (_, chunk, from, to) => {
      text += decoder.decode(chunk.subarray(from, to), { stream: true });
    },
    end: () => void found.push(text),
    endRow: () => {},
  });
  for (let at = 0; at < bytes.length; at += size) {
    picker.add(bytes.slice(at, at + size));
  }
  picker.end();
  return found;
}

/** Every way into a value, and what is there; of names that come twice there is none here. */
function* waysInto(
  value: unknown,
  steps: readonly Step[] = [],
): Generator<readonly [readonly Step[], unknown]> {
  yield [steps, value];
  if (Array.isArray(value)) {
    for (const [index, own] of value.entries()) {
      yield* waysInto(own, [...steps, { index }]);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [name, own] of Object.entries(value)) {
      yield* waysInto(own, [...steps, { name }]);
    }
  }
}

const json = fc.json({ stringUnit: codePoint, maxDepth: 4 });

Deno.test("what is picked is what JSON.parse has there, for any JSON, any way and any chunks", () => {
  fc.assert(
    fc.property(
      json,
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(undefined, 1, 2),
      (text, size, indent) => {
        const value: unknown = JSON.parse(text);
        const spaced = encode(JSON.stringify(value, null, indent));
        for (const [steps, expected] of waysInto(value)) {
          const dotted = "." +
            steps.map(({ name, index }) =>
              name === undefined ? `[${index}]` : `[${JSON.stringify(name)}]`
            ).join("");
          const found = pickAll(spaced, parsePath(dotted), size);
          assertEquals(found.map((text) => JSON.parse(text)), [expected]);
          assert(!found.join().includes("\n"), found.join());
          const pointer = steps.map(({ name, index }) =>
            `/${`${name ?? index}`.replaceAll("~", "~0").replaceAll("/", "~1")}`
          ).join("");
          assertEquals(pickAll(spaced, parsePath(pointer), size), found);
        }
      },
    ),
  );
});

Deno.test("each of a list or an object is found, for any JSON and any chunks", () => {
  fc.assert(
    fc.property(json, fc.integer({ min: 1, max: 20 }), (text, size) => {
      const value: unknown = JSON.parse(text);
      const found = pickAll(encode(text), [{ isEach: true }], size);
      const expected = typeof value === "object" && value !== null
        ? Object.values(value)
        : [];
      // a name that comes twice has both here
      const last = new Map(found.map((text) => [text, JSON.parse(text)]));
      for (const each of expected) {
        assert([...last.values()].some((own) =>
          Object.is(own, each) ||
          JSON.stringify(own) === JSON.stringify(each)
        ));
      }
      assert(found.length >= expected.length);
    }),
  );
});

Deno.test("what JSON.parse refuses is refused, and nothing else, for any damage and any chunks", () => {
  const damage = fc.record({
    text: json,
    at: fc.nat(),
    put: fc.constantFrom(
      "",
      ",",
      ":",
      "]",
      "}",
      "[",
      "{",
      '"',
      "0",
      "-",
      " ",
      "\\",
      "e",
      "n",
    ),
    cut: fc.nat({ max: 2 }),
    size: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(damage, ({ text, at, put, cut, size }) => {
      const from = at % (text.length + 1);
      const damaged = text.slice(0, from) + put + text.slice(from + cut);
      const fails = (act: () => void) => {
        try {
          act();
          return false;
        } catch {
          return true;
        }
      };
      // half a surrogate pair has no UTF-8
      const bytes = encode(damaged);
      const whole = new TextDecoder().decode(bytes);
      assertEquals(
        fails(() => pickAll(bytes, [{ isEach: true }], size)),
        fails(() => JSON.parse(whole)),
        damaged,
      );
    }),
  );
});

Deno.test("a string is printed as JSON.parse has it, for any string, any escapes and any chunks", () => {
  const output = {
    ...{ isTerminal: false, color: false, columns: 80 },
    ...{ write: () => {}, writeLater: () => Promise.resolve() },
  };
  const unit = fc.oneof(
    codePoint,
    fc.nat(0xffff).map((code) => String.fromCharCode(code)),
    fc.constantFrom("\ud83d", "\ude00", '"', "\\", "/", "\n"),
  );
  const piece = fc.tuple(unit, fc.boolean()).map(([text, isEscaped]) =>
    isEscaped
      ? text.replace(
        /[^]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
      )
      : JSON.stringify(text).slice(1, -1)
  );
  fc.assert(
    fc.property(
      fc.array(piece),
      fc.integer({ min: 1, max: 7 }),
      (pieces, size) => {
        const text = `["${pieces.join("")}"]`;
        const bytes = encode(text);
        const rows = createRows(1, output, false);
        const picker = createPicker([parsePath("[0]")], rows);
        let printed = "";
        const decoder = new TextDecoder();
        for (let at = 0; at < bytes.length; at += size) {
          picker.add(bytes.slice(at, at + size));
          printed += decoder.decode(rows.take(), { stream: true });
        }
        const [expected]: string[] = JSON.parse(text);
        assertEquals(printed, `${expected?.toWellFormed()}\n`);
      },
    ),
  );
});

Deno.test("a deep document, a long key and a long string cost little but their bytes", () => {
  const deep = encode(
    `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)},"b":7}`,
  );
  assertEquals(pickAll(deep, parsePath(".b"), 4096), ["7"]);
  assertEquals(pickAll(deep, parsePath(".a"), 4096)[0]?.length, 200_000);
  const long = encode(
    `{"${"a".repeat(1e6)}":1,"a\\u0061":"${"x".repeat(1e6)}"}`,
  );
  assertEquals(pickAll(long, parsePath(".aa"), 4096)[0]?.length, 1e6 + 2);
});
