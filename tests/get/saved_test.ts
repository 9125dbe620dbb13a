import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { main } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { decodesFor } from "../../tasks/get/download/coding.ts";
import { dispositionName } from "../../tasks/get/download/content_disposition.ts";
import { safeName } from "../../tasks/get/download/destination.ts";
import { codePoint } from "../code_point.ts";
import { response, serveHttp, serveRaw } from "../http/server.ts";
import { ROOT, run, spawn, spawnDeno } from "../support.ts";
import { filesIn, withFiles } from "./support.ts";

const OLD = "Mon, 01 Jan 2024 00:00:00 GMT";
const TEXT = "hello, hello, hello ".repeat(50);

/** Over fetch, and over a socket of our own. */
const WAYS = [[], ["--time"]];

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

/** Runs a test in a folder that is the working directory. */
function inFolder(
  files: Readonly<Record<string, string>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  return withFiles(files, async (folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      await test(folder);
    } finally {
      Deno.chdir(before);
    }
  });
}

/** A server that encodes its body whatever it is asked for; it knows ranges, and can cut its first answer. */
function serveCoded(
  body: Uint8Array<ArrayBuffer>,
  headers: readonly string[],
  { cut = Infinity, rangeHeaders = headers } = {},
) {
  const heads: string[] = [];
  const server = serveRaw((head) => {
    const isFirst = heads.push(head) === 1;
    const [, start] = head.match(/^range: bytes=(\d+)-/m) ?? [];
    const at = Number(start ?? 0);
    const rest = body.subarray(at);
    const length = `Content-Length: ${rest.length}`;
    const range = `Content-Range: bytes ${at}-${
      body.length - 1
    }/${body.length}`;
    return start === undefined
      ? [
        response("", [...headers, length]),
        rest.subarray(0, isFirst ? cut : undefined),
      ]
      : [
        response("", [...rangeHeaders, length, range], "206 Partial Content"),
        rest,
      ];
  });
  return { ...server, heads };
}

Deno.test("a file is saved as it was published: encoded where its name or its type says so", async (t) => {
  const body = await gzip(TEXT);
  for (
    const [path, lines, to, isKept] of [
      ["x.tar.gz", ["Content-Encoding: x-gzip"], "a", true],
      ["x.tgz", ["Content-Encoding: gzip"], "a", true],
      ["X.TGZ?v=1", ["Content-Encoding: GZIP"], "a", true],
      ["x.svgz", ["Content-Encoding: gzip"], "a", true],
      ["latest", ["Content-Encoding: gzip"], "a.gz", true],
      [
        "x",
        [
          "Content-Encoding: gzip",
          "Content-Type: application/gzip",
        ],
        "a",
        true,
      ],
      [
        "x",
        [
          "Content-Encoding: gzip",
          "Content-Type: Application/X-Gzip; x=y",
        ],
        "a",
        true,
      ],
      ["x.bz2", ["Content-Encoding: x-bzip2"], "a", true],
      ["x.json", ["Content-Encoding: gzip"], "a", false],
      ["x", ["Content-Encoding: gzip", "Content-Type: text/css"], "a", false],
      // encoded once more on its way
      ["x.tar.xz", ["Content-Encoding: gzip"], "a", false],
      ["x.zip", ["Content-Encoding: gzip"], "a", false],
    ] as const
  ) {
    await t.step(
      `${path} ${lines.join()} ${to}`,
      () =>
        withFiles({}, async (folder) => {
          await using server = serveCoded(body, lines);
          for (const way of WAYS) {
            const file = `${folder}/${to}`;
            const args = [...way, "-o", file, `${server.url}/${path}`];
            const { code, stderr } = await run(main, args);
            assertEquals(code, 0, stderr);
            assertEquals(
              Deno.readFileSync(file),
              isKept ? body : new TextEncoder().encode(TEXT),
            );
            const said = stderr.match(/^.*--raw.*$/gm) ?? [];
            assertEquals(
              said,
              isKept ? [] : ["Decoded: it came as gzip; --raw keeps that"],
            );
          }
        }),
    );
  }
});

Deno.test("encodings that a file has not are taken off alone, and its own stays", () => {
  const decodes = (name: string, coding: string, isRaw = false) => {
    const request = {
      method: "GET",
      url: new URL(`http://h.example/${name}`),
      headers: [],
      typed: [],
    };
    const headers = new Headers({ "content-encoding": coding });
    const head = { status: 200, statusText: "", headers };
    return decodesFor(request, [], isRaw)(head, request);
  };
  for (
    const [name, coding, off] of [
      ["a.gz", "gzip", ""],
      ["a.gz", "gzip, br", "br"],
      ["a.br", "br", ""],
      ["a.br", "gzip", "gzip"],
      ["a.zst", "zstd", ""],
      ["a.zst", "x-zst", ""],
      ["a.xz", "xz", ""],
      ["a.Z", "x-compress", ""],
      ["a", "gzip, identity", "gzip"],
      ["a.gz", "__proto__", "__proto__"],
      ["agz", "gzip", "gzip"],
    ] as const
  ) assertEquals(decodes(name, coding), off, `${name} ${coding}`);
  assertEquals(decodes("a", "gzip", true), "");
});

Deno.test("--raw gives the bytes as they came: into a file, a new file and a pipe", async () => {
  const body = await gzip(TEXT);
  for (const coding of ["gzip", "br", "x-odd"]) {
    await inFolder({}, async () => {
      await using server = serveCoded(body, [`Content-Encoding: ${coding}`]);
      for (const way of WAYS) {
        for (const more of [[], ["Accept-Encoding:gzip, br"]]) {
          const args = [...way, "--raw", `${server.url}/a`, ...more];
          const piped = await run(main, args);
          assertEquals([piped.code, piped.stdoutBytes], [0, body]);
          for (const where of [["-o", "a"], ["-O"]]) {
            const { code, stderr } = await run(main, [...where, ...args]);
            assertEquals([code, Deno.readFileSync("a")], [0, body]);
            assertEquals(/coded/.test(stderr), false, stderr);
            await Deno.remove("a");
          }
          const sent = await run(post, ["-o", "a", ...args, "b=c"]);
          assertEquals([sent.code, Deno.readFileSync("a")], [0, body]);
          await Deno.remove("a");
        }
        assertStringIncludes(
          server.heads[0] ?? "",
          "accept-encoding: identity\r\n",
        );
      }
    });
  }
});

Deno.test("on a terminal --raw shows a body decoded", async () => {
  await using server = serveCoded(await gzip(TEXT), ["Content-Encoding: gzip"]);
  const args = ["--raw", server.url];
  const { stdout } = await run(main, args, { terminal: true });
  assertEquals(stdout, TEXT);
});

Deno.test("bytes that stay encoded go on where they were cut, by themselves and with -c", async () => {
  const body = await gzip(TEXT);
  const headers = [
    'ETag: "v1"',
    `Last-Modified: ${OLD}`,
    "Content-Encoding: gzip",
  ];
  const about = { cut: 20 };
  // what If-Range has told may be left out
  for (const rangeHeaders of [headers, ['ETag: "v1"']]) {
    for (const way of WAYS) {
      await inFolder({}, async () => {
        await using server = serveCoded(body, headers, {
          ...about,
          rangeHeaders,
        });
        const url = `${server.url}/a.gz`;
        assertEquals((await run(main, [...way, "-O", url])).code, 0);
        assertEquals(Deno.readFileSync("a.gz"), body);
        assertStringIncludes(server.heads[1] ?? "", "range: bytes=20-\r\n");
        await using piped = serveCoded(body, headers, about);
        const raw = [...way, "--raw", piped.url];
        assertEquals((await run(main, raw)).stdoutBytes, body);
        await using later = serveCoded(body, headers, about);
        const args = [...way, "-o", "b.gz", later.url];
        const first = await run(main, ["--retry", "0", ...args]);
        assertEquals(first.code, 18);
        assertStringIncludes(
          Deno.readTextFileSync("b.gz.part.json"),
          '"coding":"gzip"',
        );
        assertEquals((await run(main, ["-c", ...args])).code, 0);
        assertEquals(Deno.readFileSync("b.gz"), body);
        const again = await run(main, ["-c", ...args]);
        assertStringIncludes(again.stderr, "b.gz is whole already");
      });
    }
  }
});

Deno.test("an encoded body that is cut and decoded into a file starts again", async () => {
  const body = await gzip(TEXT);
  const headers = ['ETag: "v1"', "Content-Encoding: gzip"];
  await using server = serveCoded(body, headers, { cut: 20 });
  await withFiles({}, async (folder) => {
    const { code, stderr } = await run(main, ["-o", `${folder}/a`, server.url]);
    assertEquals([code, filesIn(folder)], [0, { a: TEXT }], stderr);
    assertEquals(server.heads.length, 2);
  });
});

Deno.test("-O saves nothing where no body comes, and -o an empty file", () =>
  inFolder({}, async () => {
    await using server = serveHttp(() => new Response(null, { status: 204 }));
    const { code, stderr } = await run(main, ["-O", `${server.url}/204`]);
    assertEquals([code, stderr], [
      0,
      "204 No Content\nSaved nothing: no body comes\n",
    ]);
    assertEquals(filesIn("."), {});
    assertEquals((await run(main, ["-o", "a", server.url])).code, 0);
    assertEquals(filesIn("."), { a: "" });
  }));

Deno.test("-J saves under the name that the server gives, else under that of the URL", () =>
  inFolder({}, async () => {
    let given: string | undefined;
    await using server = serveHttp(({ url }) =>
      url.endsWith("/gone")
        ? new Response("none", { status: 404 })
        : new Response(TEXT, {
          headers: given === undefined ? {} : { "content-disposition": given },
        })
    );
    for (
      const [value, name] of [
        ["attachment; filename=a.txt", "a.txt"],
        ["attachment; filename*=UTF-8''%ED%95%9C.txt", "\ud55c.txt"],
        ["inline", "named"],
        ["attachment; filename=../../.bashrc", "bashrc"],
        ["attachment; filename=..", "named"],
        [undefined, "named"],
      ] as const
    ) {
      given = value;
      const args = ["-OJ", `${server.url}/named`];
      const { code, stderr } = await run(main, args);
      assertEquals([code, filesIn(".")], [0, { [name]: TEXT }], stderr);
      assertStringIncludes(stderr, `Saved ${name} (`);
      await Deno.writeTextFile(name, "mine");
      const again = await run(main, args);
      assertEquals([again.code, filesIn(".")], [1, { [name]: "mine" }]);
      assertStringIncludes(again.stderr, "it exists already\nhint: -o FILE");
      await Deno.remove(name);
    }
    const gone = await run(main, ["-O", "-J", `${server.url}/gone`]);
    assertEquals([gone.code, gone.stdout, filesIn(".")], [4, "none", {}]);
    const alone = await run(main, ["-J", server.url]);
    assertEquals(alone.code, 2);
    assertStringIncludes(alone.stderr, "without --remote-name");
    assertEquals((await run(main, ["-OJc", server.url])).code, 2);
    const shown = await run(main, ["-OJ", "--curl", server.url]);
    assertStringIncludes(shown.stdout, " -O -J ");
  }));

Deno.test("a body that -J saves goes on where it was cut, and a part has its name", () =>
  inFolder({}, async () => {
    const headers = [
      'ETag: "v1"',
      "Content-Disposition: attachment; filename=b",
    ];
    const body = new TextEncoder().encode(TEXT);
    await using server = serveCoded(body, headers, { cut: 20 });
    assertEquals((await run(main, ["-OJ", server.url])).code, 0);
    assertEquals([filesIn("."), server.heads.length], [{ b: TEXT }, 2]);
    await Deno.remove("b");
    await using later = serveCoded(body, headers, { cut: 20 });
    const args = ["--retry", "0", "-OJ", later.url];
    assertEquals((await run(main, args)).code, 18);
    const rest = await run(main, ["-c", "-o", "b", later.url]);
    assertEquals([rest.code, filesIn(".")], [0, { b: TEXT }]);
    assertStringIncludes(later.heads[1] ?? "", "range: bytes=20-\r\n");
  }));

Deno.test("-J asks for the folder before anything is sent", () =>
  withFiles({}, async (folder) => {
    let count = 0;
    await using server = serveHttp(() => {
      count++;
      return new Response(TEXT);
    });
    const args = ["-OJ", `${server.url}/a`];
    const { code, stderr } = await spawn("get", args).result;
    assertEquals([code, count], [1, 0]);
    assertStringIncludes(stderr, "--allow-read=. --allow-write=. tasks/get.ts");
    const given = [
      "--allow-net=127.0.0.1",
      "--allow-read=.",
      "--allow-write=.",
    ];
    const script = `${ROOT}tasks/get.ts`;
    const saved = await spawnDeno(["run", ...given, script, ...args], {
      cwd: folder,
    }).result;
    assertEquals([saved.code, filesIn(folder)], [0, { a: TEXT }], saved.stderr);
  }));

Deno.test("the name in a Content-Disposition is read as RFC 6266 has it", () => {
  for (
    const [value, name] of [
      ["attachment; filename=a.txt", "a.txt"],
      ["attachment;FileName = a.txt ; size=3", "a.txt"],
      ['attachment; filename="a b;c.txt"', "a b;c.txt"],
      ['attachment; filename="a \\"b\\".txt"', 'a "b".txt'],
      ["attachment; filename=my report.txt", "my report.txt"],
      ["filename=a.txt", "a.txt"],
      ['attachment; filename="a%20b"', "a%20b"],
      ["attachment; filename*=UTF-8''na%C3%AFve.txt", "na\u00efve.txt"],
      ["attachment; filename*=utf-8'en'%e2%82%ac", "\u20ac"],
      ["attachment; filename*=iso-8859-1''%A3.txt", "\u00a3.txt"],
      ["attachment; filename=\"e.txt\"; filename*=UTF-8''%e2%82%ac", "\u20ac"],
      ["attachment; filename*=UTF-8''%e2%82%ac; filename=e.txt", "\u20ac"],
      ["attachment; filename*=UTF-8''%ff; filename=e.txt", "e.txt"],
      ["attachment; filename*=UTF-8''%; filename=e.txt", "e.txt"],
      ["attachment; filename*=x-none''a; filename=e.txt", "e.txt"],
      ["attachment; filename*=a; filename=e.txt", "e.txt"],
      ["attachment; filename=a; filename=b", "a"],
      // bytes of UTF-8, and of Latin-1
      ['attachment; filename="\xc3\xa9.txt"', "\u00e9.txt"],
      ['attachment; filename="\xe9.txt"', "\u00e9.txt"],
      ['attachment; filename="../../etc/passwd"', "passwd"],
      ['attachment; filename="C:\\temp\\x.txt"', "x.txt"],
      ["attachment; filename*=UTF-8''..%2f..%2fx", "x"],
      ["attachment; filename*=UTF-8''a%5Cb", "b"],
      ['attachment; filename="a/"', "a"],
      ['attachment; filename=""', undefined],
      ['attachment; filename="open', "open"],
      ['attachment; x="; filename=no"; filename=yes', "yes"],
      ["inline", undefined],
      ["", undefined],
    ] as const
  ) assertEquals(dispositionName(value), name, value);
});

Deno.test("a server's name (CWE-22, CWE-73, CWE-451) hides nothing, leads nowhere and is no option", () => {
  for (
    const [name, safe] of [
      [".bashrc", "bashrc"],
      ["-rf", "_rf"],
      [". -rf", "_rf"],
      ["--", "_-"],
      ["a\u202egpj.exe", "a_gpj.exe"],
      ["a\x1b[2J\n", "a_[2J_"],
      ["con", "_con"],
      ["COM1.txt", "_COM1.txt"],
      ["a:b", "a_b"],
      ["a. ", "a"],
      ["...", undefined],
      ["", undefined],
      [`${"\u00e9".repeat(200)}.gz`, `${"\u00e9".repeat(98)}.gz`],
    ] as const
  ) assertEquals(safeName(name), safe, name);
  const unit = fc.string({ unit: codePoint });
  const encoded = fc.oneof(
    unit.map((text) => `attachment; filename="${text}"`),
    unit.map((text) =>
      `attachment; filename*=UTF-8''${encodeURIComponent(text.toWellFormed())}`
    ),
  );
  fc.assert(fc.property(encoded, (value) => {
    const name = safeName(dispositionName(value) ?? "") ?? "a";
    assert(
      // deno-lint-ignore no-control-regex
      !/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069/\\<>:"|?*]|^[.-]|[. ]$|^$/
        .test(name),
      name,
    );
    assert(new TextEncoder().encode(name).length <= 255);
  }));
});
