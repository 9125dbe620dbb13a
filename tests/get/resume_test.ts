import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../tasks/get.ts";
import { response, serveHttp, serveRaw } from "../http/server.ts";
import { ROOT, run, spawnDeno } from "../support.ts";
import { filesIn, withFiles } from "./support.ts";

const OLD = "Mon, 01 Jan 2024 00:00:00 GMT";
const NEW = "Tue, 02 Jan 2024 00:00:00 GMT";
const FIRST = "a".repeat(100);
const SECOND = "b".repeat(100);
const BOTH = ['ETag: "v1"', `Last-Modified: ${OLD}`];
const RANGE = "Content-Range: bytes 40-99/100";
const REST = SECOND.slice(40);

/** Over fetch, and over a socket of our own. */
const WAYS = [[], ["--time"]];

/** The parts that are not of the body that was begun, each with the head of what was begun where it is not BOTH. */
const MISFITS: readonly (readonly [
  name: string,
  lines: readonly string[],
  more?: {
    readonly first?: readonly string[];
    readonly body?: string;
  },
])[] = [
  ["another Last-Modified", [RANGE, `Last-Modified: ${NEW}`]],
  ["another, with the same ETag", [
    RANGE,
    'ETag: "v1"',
    `Last-Modified: ${NEW}`,
  ]],
  ["another ETag", [RANGE, 'ETag: "v2"', `Last-Modified: ${OLD}`]],
  ["a weak ETag", [RANGE, 'ETag: W/"v1"']],
  ["two ETags", [RANGE, 'ETag: "v1"', 'ETag: "v2"']],
  ["an ETag that was not there", [RANGE, ...BOTH], {
    first: [`Last-Modified: ${OLD}`],
  }],
  ["a Last-Modified that was not there", [RANGE, ...BOTH], {
    first: ['ETag: "v1"'],
  }],
  ["a coding", [RANGE, ...BOTH, "Content-Encoding: gzip"]],
  ["a coding that nobody knows", [RANGE, ...BOTH, "Content-Encoding: x"]],
  ["an end behind the total", ["Content-Range: bytes 40-999/100", ...BOTH]],
  ["an end at the total", ["Content-Range: bytes 40-100/100", ...BOTH]],
  ["an end before the start", ["Content-Range: bytes 40-39/100", ...BOTH]],
  ["another start", ["Content-Range: bytes 39-98/100", ...BOTH]],
  ["another total", ["Content-Range: bytes 40-99/200", ...BOTH]],
  ["no total", ["Content-Range: bytes 40-99/*", ...BOTH]],
  ["no end", ["Content-Range: bytes 40-/100", ...BOTH]],
  ["another unit", ["Content-Range: lines 40-99/100", ...BOTH]],
  ["no range", BOTH],
  ["two ranges", [RANGE, "Content-Range: bytes 40-98/100", ...BOTH]],
  ["many parts", [
    RANGE,
    ...BOTH,
    "Content-Type: multipart/byteranges; boundary=x",
  ]],
  ["fewer bytes", [RANGE, ...BOTH, "Content-Length: 3"], { body: "bbb" }],
  ["more bytes", [RANGE, ...BOTH, "Content-Length: 61"], { body: `${REST}b` }],
  ["fewer bytes in chunks", [RANGE, ...BOTH, "Transfer-Encoding: chunked"], {
    body: "3\r\nbbb\r\n0\r\n\r\n",
  }],
  ["more bytes in chunks", [RANGE, ...BOTH, "Transfer-Encoding: chunked"], {
    body: `3c\r\n${REST}\r\n1\r\nb\r\n0\r\n\r\n`,
  }],
];

/** A server whose first body is cut after 40 bytes; a part of it has what a test says; then it has another body. */
function serveChanged(
  lines: readonly string[],
  { first = BOTH, body = REST }: {
    readonly first?: readonly string[];
    readonly body?: string;
  } = {},
) {
  const ranges: (string | undefined)[] = [];
  const server = serveRaw((head) => {
    const range = head.match(/^range: bytes=(.*)\r$/m)?.[1];
    const count = ranges.push(range) - 1;
    if (range !== undefined) {
      const isLong = lines.some((line) => /^(content-l|tr)/i.test(line));
      const length = isLong ? [] : [`Content-Length: ${body.length}`];
      return [response(body, [...lines, ...length], "206 Partial Content")];
    }
    if (count > 0) return [response(SECOND)];
    const text = response(FIRST, [...first, "Content-Length: 100"]);
    return [text.slice(0, -60)];
  });
  return { ...server, ranges };
}

Deno.test("trust in a part: one that is of another body is never mixed with what is there", async (t) => {
  for (const [name, lines, more] of MISFITS) {
    await t.step(name, () =>
      withFiles({}, async (folder) => {
        const path = `${folder}/a`;
        for (const way of WAYS) {
          await using server = serveChanged(lines, more);
          const args = [...way, "-o", path, server.url];
          const { code, stderr } = await run(main, args);
          assertEquals([code, await Deno.readTextFile(path)], [0, SECOND]);
          assertStringIncludes(
            stderr,
            "\nThe body has changed, starting again\n",
          );
          assertEquals(stderr.includes("after 0 bytes"), false, stderr);
          assertEquals(server.ranges, [undefined, "40-", undefined]);
        }
        await Deno.remove(path);
        for (const way of WAYS) {
          await using server = serveChanged(lines, more);
          const args = [...way, "-o", path, server.url];
          const before = await run(main, ["--retry", "0", ...args]);
          assertEquals(before.code, 18);
          const { code, stderr } = await run(main, ["-c", ...args]);
          assertEquals([code, await Deno.readTextFile(path)], [0, SECOND]);
          assertStringIncludes(stderr, "has changed, starting again\n");
        }
        for (const way of WAYS) {
          await using server = serveChanged(lines, more);
          const { code, stdout } = await run(main, [...way, server.url]);
          assertEquals([code, stdout.slice(0, 40)], [18, FIRST.slice(0, 40)]);
          // bytes that come in chunks cannot be counted before they are printed
          const isLate = lines.some((line) => line.startsWith("Transfer"));
          if (!isLate) assertEquals(stdout.length, 40);
        }
      }));
  }
});

Deno.test("a part of the same body goes on, whatever of its head is left out", async (t) => {
  const same = FIRST.slice(40);
  for (
    const [name, lines, more] of [
      ["all", [RANGE, ...BOTH]],
      ["no validator", [RANGE]],
      ["the ETag", [RANGE, 'ETag: "v1"']],
      ["the date", [RANGE, `Last-Modified: ${OLD}`]],
      ["identity", [RANGE, "Content-Encoding: identity"]],
      ["chunks", [RANGE, "Transfer-Encoding: chunked"], {
        body: `3c\r\n${same}\r\n0\r\n\r\n`,
      }],
      ["no length", [RANGE, "Transferred: all"]],
    ] as const
  ) {
    await t.step(name, () =>
      withFiles({}, async (folder) => {
        for (const way of WAYS) {
          await using server = serveChanged(lines, { body: same, ...more });
          const piped = await run(main, [...way, server.url]);
          assertEquals([piped.code, piped.stdout], [0, FIRST]);
        }
        for (const way of WAYS) {
          await using server = serveChanged(lines, { body: same, ...more });
          const path = `${folder}/a`;
          const { code } = await run(main, [...way, "-o", path, server.url]);
          assertEquals([code, await Deno.readTextFile(path)], [0, FIRST]);
          assertEquals(server.ranges, [undefined, "40-"]);
        }
      }));
  }
});

Deno.test("a server may give less than the rest at once", () =>
  withFiles({}, async (folder) => {
    const serve = () =>
      serveRaw((head) => {
        const [, start] = head.match(/^range: bytes=(\d+)-/m) ?? [];
        if (start === undefined) {
          return [
            response(FIRST.slice(0, 40), [...BOTH, "Content-Length: 100"]),
          ];
        }
        const end = Math.min(Number(start) + 24, 99);
        const body = FIRST.slice(Number(start), end + 1);
        const range = `Content-Range: bytes ${start}-${end}/100`;
        const length = `Content-Length: ${body.length}`;
        return [response(body, [range, length], "206 Partial Content")];
      });
    for (const way of WAYS) {
      await using server = serve();
      const path = `${folder}/a`;
      const saved = await run(main, [...way, "-o", path, server.url]);
      assertEquals([saved.code, await Deno.readTextFile(path)], [0, FIRST]);
      const { code, stdout } = await run(main, [...way, server.url]);
      assertEquals([code, stdout], [0, FIRST]);
    }
  }));

Deno.test("a part that nobody asked for is cut short: printed into a pipe, never kept in a file", () =>
  withFiles({}, async (folder) => {
    for (
      const line of [
        "Content-Range: bytes 0-39/100",
        "Content-Range: bytes 60-99/100",
        "Content-Type: multipart/byteranges; boundary=x",
      ]
    ) {
      await using server = serveHttp(() => {
        const [name = "", value = ""] = line.split(": ");
        const headers = { [name]: value, etag: '"v1"' };
        return new Response("part", { status: 206, headers });
      });
      for (const way of WAYS) {
        const path = `${folder}/a`;
        const said = `Cannot read ${server.url}/: only a part of it came\n`;
        const saved = await run(main, [...way, "-o", path, server.url]);
        assertEquals([saved.code, saved.stdout], [18, ""]);
        assertStringIncludes(saved.stderr, said);
        assertEquals([...Deno.readDirSync(folder)], []);
        const piped = await run(main, [...way, server.url]);
        assertEquals([piped.code, piped.stdout], [18, "part"]);
        assertStringIncludes(piped.stderr, said);
        const shown = await run(main, ["--json", server.url]);
        assertEquals([shown.code, shown.stdout === ""], [18, false]);
        const asked = [...way, server.url, "Range:bytes=0-3"];
        assertEquals((await run(main, asked)).code, 0);
        assertEquals((await run(main, [...asked, "-o", path])).code, 0);
        assertEquals(await Deno.readTextFile(path), "part");
        await Deno.remove(path);
      }
    }
  }));

Deno.test("a part that nobody asked for does not go on when it is cut", async () => {
  let count = 0;
  await using server = serveRaw(() => {
    count++;
    const lines = ["Content-Range: bytes 60-99/100", ...BOTH];
    return [response("bb", [...lines, "Content-Length: 40"], "206 Part")];
  });
  const { code, stdout } = await run(main, [server.url]);
  assertEquals([code, stdout, count], [18, "bb", 1]);
});

Deno.test("a pipe that is named goes on as stdout does", {
  ignore: Deno.build.os === "windows",
}, () =>
  withFiles({}, async (folder) => {
    const path = `${folder}/pipe`;
    const made = await new Deno.Command("mkfifo", { args: [path] }).output();
    assertEquals(made.code, 0);
    for (
      const [lines, code, text] of [
        [[RANGE, ...BOTH], 0, FIRST],
        [[RANGE, 'ETag: "v2"'], 18, FIRST.slice(0, 40)],
      ] as const
    ) {
      await using server = serveChanged(lines, { body: FIRST.slice(40) });
      const [read, result] = await Promise.all([
        Deno.readTextFile(path),
        run(main, ["-o", path, server.url]),
      ]);
      assertEquals([result.code, read], [code, text]);
    }
  }));

Deno.test("a hostile note is no note", async (t) => {
  const note = (more: object) => ({ validator: '"v1"', total: 100, ...more });
  for (
    const [name, text] of [
      ["a line break", note({ validator: '"v1"\r\nX: 1' })],
      ["NUL", note({ validator: '"v\0"' })],
      ["no byte", note({ validator: '"\u20ac"' })],
      ["no validator", note({ validator: "v1" })],
      ["a weak one", note({ validator: 'W/"v1"' })],
      ["a list", note({ validator: ['"v1"'] })],
      ["another type", note({ etag: 1 })],
      ["a text as a length", note({ total: "100" })],
      ["a length below 0", note({ total: -1 })],
      ["no JSON", "{"],
      ["a huge one", `${JSON.stringify(note({}))}${" ".repeat(300_000)}`],
    ] as const
  ) {
    await t.step(
      name,
      () =>
        withFiles({ "a.part": FIRST.slice(0, 40) }, async (folder) => {
          await using server = serveChanged([RANGE, ...BOTH], {
            body: FIRST.slice(40),
          });
          const url = `${server.url}/`;
          const written = typeof text === "string"
            ? text
            : JSON.stringify({ url, ...text });
          const save = () =>
            Deno.writeTextFile(`${folder}/a.part.json`, written);
          await save();
          const args = ["-c", "-o", `${folder}/a`, url];
          // the body is older than the part: that is enough without a note
          const { code, stderr } = await run(main, args);
          assertEquals(code, 0, stderr);
          assertEquals(await Deno.readTextFile(`${folder}/a`), FIRST);
          assertEquals(server.ranges, ["40-"]);
          await Deno.remove(`${folder}/a`);
          await Deno.writeTextFile(`${folder}/a.part`, "bbb");
          await save();
          await using other = serveHttp(() => new Response(SECOND));
          const again = await run(main, ["-c", "-o", `${folder}/a`, other.url]);
          assertEquals(again.code, 0, again.stderr);
          assertEquals(await Deno.readTextFile(`${folder}/a`), SECOND);
          assertEquals([...Deno.readDirSync(folder)].length, 1);
        }),
    );
  }
});

Deno.test("an answer to who asks for the rest that is neither the rest nor all of it ends nothing", () =>
  withFiles({}, async (folder) => {
    for (
      const [status, lines, body] of [
        ["200 OK", [RANGE, ...BOTH], REST],
        ["226 IM Used", [RANGE, ...BOTH], REST],
        ["204 No Content", BOTH, ""],
        ["205 Reset Content", BOTH, ""],
      ] as const
    ) {
      for (const way of WAYS) {
        await using server = serveRaw((head) =>
          head.includes("\nrange: ")
            ? [
              response(
                body,
                [...lines, `Content-Length: ${body.length}`],
                status,
              ),
            ]
            : [response(FIRST, [...BOTH, "Content-Length: 100"]).slice(0, -60)]
        );
        const path = `${folder}/a`;
        const { code } = await run(main, [...way, "-o", path, server.url]);
        assertEquals([code, filesIn(folder)["a.part"]], [
          18,
          FIRST.slice(0, 40),
        ], status);
        for (const name of Object.keys(filesIn(folder))) {
          await Deno.remove(`${folder}/${name}`);
        }
      }
    }
  }));

Deno.test("a server that gives a byte at a time is not asked without a pause", async () => {
  let count = 0;
  await using server = serveRaw((head) => {
    const start = Number(head.match(/^range: bytes=(\d+)-/m)?.[1] ?? 0);
    count++;
    const range = `Content-Range: bytes ${start}-99999/100000`;
    const lines = ['ETag: "v1"', `Content-Length: ${100_000 - start}`];
    return start === 0
      ? [response("a", lines)]
      : [response("a", [...lines, range], "206 Partial Content")];
  });
  const { code } = await run(main, ["-t", "5,5,1", server.url]);
  // the limit may end an attempt, or what comes before it
  assertEquals([[18, 28].includes(code), count < 60], [true, true], `${count}`);
});

Deno.test("a note that was made and never written is in nobody's way", () =>
  withFiles({ "a.part.json": "", "a.part": "" }, async (folder) => {
    await using server = serveRaw(() => [response(FIRST)]);
    const path = `${folder}/a`;
    const { code, stderr } = await run(main, ["-o", path, server.url]);
    assertEquals([code, filesIn(folder)], [0, { a: FIRST }], stderr);
  }));

Deno.test(
  "a pipe that nobody reads is waited for no longer than the limit of all of it",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await withFiles({}, async (folder) => {
      const path = `${folder}/pipe`;
      await new Deno.Command("mkfifo", { args: [path] }).output();
      await using server = serveRaw(() => [response(FIRST)]);
      const args = ["-o", path, "-t", "5,5,0.3", server.url];
      // the system keeps the open pipe: only a process can be left by its end
      const { code, stderr } = await spawnDeno([
        "run",
        "-A",
        `${ROOT}tasks/get.ts`,
        ...args,
      ]).result;
      assertEquals(code, 28, stderr);
    });
  },
);
