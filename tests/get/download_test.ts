import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { quote } from "../../lib/cli/values.ts";
import { main } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import {
  decodesFor,
  dispositionName,
  fileNameOf,
  safeName,
} from "../../tasks/get/download/destination.ts";
import {
  formatBytes,
  formatProgress,
  watch,
} from "../../tasks/get/download/progress.ts";
import { codePoint } from "../code_point.ts";
import { response, serveHttp, serveRaw } from "../http/server.ts";
import {
  createMemoryIo,
  encode,
  ROOT,
  run,
  sleep,
  spawn,
  spawnDeno,
  withFolder,
} from "../support.ts";
import { filesIn, withFiles } from "./support.ts";

const BODY = Array.from({ length: 1000 }, (_, at) => String(at % 10)).join("");
const OLD = "Mon, 01 Jan 2024 00:00:00 GMT";
const NEW = "Tue, 02 Jan 2024 00:00:00 GMT";

/** What a test server answers with, by the head of a request and how many came before it. */
interface Behaviour {
  /** The body; it may change. */
  readonly body?: (count: number) => string;
  /** After how many bytes of a body the connection ends. */
  readonly cut?: (count: number) => number;
  /** Header lines beside the length. */
  readonly headers?: (count: number) => readonly string[];
  /** Whether it knows ranges. */
  readonly ranges?: boolean;
}

const ETAG = () => ['ETag: "v1"'];

/** A server that ends connections early, as a bad network does; it keeps the heads of its requests. */
function serveCut(
  { body = () => BODY, cut = () => Infinity, headers = ETAG, ranges = true }:
    Behaviour = {},
) {
  const heads: string[] = [];
  const server = serveRaw((head) => {
    const count = heads.push(head) - 1;
    const lines = headers(count);
    const all = body(count);
    const [, start] = ranges ? head.match(/^range: bytes=(\d+)-/m) ?? [] : [];
    const [, wanted] = head.match(/^if-range: (.*)\r$/m) ?? [];
    const isSame = wanted === undefined ||
      lines.some((line) => line.endsWith(`: ${wanted}`));
    if (start === undefined || !isSame) {
      const text = response(all, [...lines, `Content-Length: ${all.length}`]);
      return [text.slice(0, text.length - all.length + cut(count))];
    }
    const at = Number(start);
    if (at >= all.length) {
      const line = `Content-Range: bytes */${all.length}`;
      return [
        response("", [line, "Content-Length: 0"], "416 Range Not Satisfiable"),
      ];
    }
    const rest = all.slice(at);
    const range = `Content-Range: bytes ${at}-${all.length - 1}/${all.length}`;
    const text = response(
      rest,
      [...lines, range, `Content-Length: ${rest.length}`],
      "206 Partial Content",
    );
    return [text.slice(0, text.length - rest.length + cut(count))];
  });
  const asked = () =>
    heads.splice(0).map((head) => [
      head.match(/^range: bytes=(.*)\r$/m)?.[1],
      head.match(/^if-range: (.*)\r$/m)?.[1],
    ]);
  return { ...server, heads, asked };
}

Deno.test("-o saves a body, uncompressed, and says so on stderr", () =>
  withFiles({}, async (folder) => {
    await using server = serveCut();
    const path = `${folder}/a`;
    const { code, stdout, stderr } = await run(main, ["-o", path, server.url]);
    assertEquals([code, stdout], [0, ""]);
    assertEquals(stderr, `200 OK\nSaved ${path} (1.00 kB)\n`);
    assertEquals(filesIn(folder), { a: BODY });
    assertStringIncludes(
      server.heads[0] ?? "",
      "accept-encoding: identity\r\n",
    );
    const quiet = await run(main, ["-q", "-o", path, server.url]);
    assertEquals([quiet.code, quiet.stderr], [0, ""]);
  }));

Deno.test("-o - is stdout, and a device takes the bytes as it is", async () => {
  await using server = serveCut();
  const { stdout } = await run(main, ["-o", "-", server.url]);
  assertEquals(stdout, BODY);
  const { code, stderr } = await run(main, ["-o", "/dev/null", server.url]);
  assertEquals([code, stderr], [0, "200 OK\n"]);
});

Deno.test("-o replaces a file only by a whole one", () =>
  withFiles({}, async (folder) => {
    await using server = serveCut({ cut: () => 300 });
    await Deno.writeTextFile(`${folder}/a`, "before");
    const args = ["--retry", "0", "-o", `${folder}/a`, server.url];
    const { code, stderr } = await run(main, args);
    assertEquals(code, 18);
    assertEquals(
      stderr,
      `200 OK\nget: Cannot read ${server.url}/: cut short after 300 of 1000 bytes\nhint: what is there stays: -c goes on with it\n`,
    );
    assertEquals(filesIn(folder), {
      a: "before",
      "a.part": BODY.slice(0, 300),
      "a.part.json":
        `{"url":"${server.url}/","validator":"\\"v1\\"","total":1000}\n`,
    });
    await using whole = serveCut();
    assertEquals((await run(main, [...args.slice(0, -1), whole.url])).code, 0);
    assertEquals(filesIn(folder), { a: BODY });
  }));

Deno.test("-o prints a response that is an error, and touches no file", () =>
  withFiles({}, async (folder) => {
    await Deno.writeTextFile(`${folder}/a`, "before");
    for (const [status, code] of [[404, 4], [503, 5], [304, 3]] as const) {
      const body = status === 304 ? null : "sorry";
      await using server = serveHttp(() => new Response(body, { status }));
      const args = ["--retry", "0", "-o", `${folder}/a`, server.url];
      const result = await run(main, args);
      assertEquals([result.code, result.stdout], [code, body ?? ""]);
    }
    assertEquals(filesIn(folder), { a: "before" });
  }));

Deno.test("-o takes a name of any letters, and one that begins with a dash", () =>
  withFiles({}, async (folder) => {
    await using server = serveHttp(() => new Response("x"));
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      for (const name of ["한글 보고서.txt", "😀.json", "./-x", "--", "-y"]) {
        const { code, stderr } = await run(main, [`-o${name}`, server.url]);
        assertEquals([code, stderr], [0, `200 OK\nSaved ${name} (1 B)\n`]);
      }
    } finally {
      Deno.chdir(before);
    }
    assertEquals(
      Object.keys(filesIn(folder)),
      ["--", "-x", "-y", "한글 보고서.txt", "😀.json"],
    );
  }));

Deno.test("-O names the file by the URL, and never overwrites one", () =>
  withFiles({}, async (folder) => {
    await using server = serveCut();
    const script = `${ROOT}tasks/get.ts`;
    const url = `${server.url}/b%20c.txt?d`;
    const get = (...args: string[]) =>
      spawnDeno(["run", "-A", script, ...args, url], { cwd: folder }).result;
    const first = await get("-O");
    assertEquals([first.code, first.stdout], [0, ""]);
    assertEquals(filesIn(folder), { "b c.txt": BODY });
    const { code, stderr } = await get("-O");
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'b c.txt": it exists already\nhint: ');
    assertEquals(server.heads.length, 1);
  }));

Deno.test("a file that appears meanwhile is not overwritten by -O", () =>
  withFiles({}, async (folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      await using server = serveHttp(() => {
        Deno.writeTextFileSync("a", "mine");
        return new Response("theirs");
      });
      const { code, stderr } = await run(main, ["-O", `${server.url}/a`]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, '/a": it exists already');
      assertEquals(filesIn(folder).a, "mine");
    } finally {
      Deno.chdir(before);
    }
  }));

Deno.test("a file's name hides nothing and leads nowhere else", () => {
  for (
    const [path, name] of [
      ["/a/b.json?c#d", "b.json"],
      ["/a/", "a"],
      ["/", "h.example"],
      ["/..%2f..%2fetc%2fpasswd", "_.._etc_passwd"],
      ["/.bashrc", "bashrc"],
      ["/%2e%2e", "h.example"],
      ["/...", "download"],
      ["/a%00%1b%5B2J%0a", "a__[2J_"],
      ["/a%E2%80%AEgpj.exe", "a_gpj.exe"],
      ["/c:%5Ca", "c__a"],
      ["/CON", "_CON"],
      ["/nul.txt", "_nul.txt"],
      ["/a.%20.", "a"],
      ["/%ff", "%ff"],
      ["/%C3%A9", "\u00e9"],
      [`/${"a".repeat(300)}.tar.gz`, `${"a".repeat(197)}.gz`],
    ] as const
  ) assertEquals(fileNameOf(new URL(path, "http://h.example")), name, path);
});

Deno.test("a file's name is safe for any URL", () => {
  const any = fc.string({ unit: codePoint });
  const link = fc.tuple(fc.domain(), any, any)
    .map(([host, ...path]) =>
      `http://${host}/${path.map(encodeURI).join("/")}`
    );
  const part = fc.oneof(any, link);
  fc.assert(fc.property(part, (text) => {
    const url = new URL(
      `http://h.example/${encodeURIComponent(text.toWellFormed())}`,
    );
    const name = fileNameOf(url);
    assert(
      // deno-lint-ignore no-control-regex
      !/[\x00-\x1f\x7f-\x9f\u202a-\u202e/\\<>:"|?*]|^\.|^$/.test(name),
      name,
    );
    assert(new TextEncoder().encode(name).length <= 200);
  }));
});

Deno.test("a dropped connection goes on by itself, into a file and into a pipe", async () => {
  for (const validator of ['ETag: "v1"', `Last-Modified: ${OLD}`]) {
    const cut = (count: number) => count < 5 ? 150 : Infinity;
    await using server = serveCut({ cut, headers: () => [validator] });
    const value = validator.replace(/^[\w-]+: /, "");
    const ranges = [
      [undefined, undefined],
      ...[150, 300, 450, 600, 750].map((at) => [`${at}-`, value]),
    ];
    const piped = await run(main, [server.url]);
    assertEquals([piped.code, piped.stdout], [0, BODY]);
    assertStringIncludes(piped.stderr, "Cut short after 150 bytes, going on\n");
    assertEquals(server.asked(), ranges);
    await withFiles({}, async (folder) => {
      const { code } = await run(main, ["-o", `${folder}/a`, server.url]);
      assertEquals([code, filesIn(folder)], [0, { a: BODY }]);
    });
  }
});

Deno.test("a dropped JSON body goes on in the same view", async () => {
  const text = `[${Array.from({ length: 50 }, (_, at) => at).join(",")}]`;
  const type = ['ETag: "v1"', "Content-Type: application/json"];
  await using server = serveCut({
    body: () => text,
    headers: () => type,
    cut: (count) => count < 3 ? 20 : Infinity,
  });
  const { stdout } = await run(main, ["--pretty", server.url]);
  assertEquals(stdout, `${JSON.stringify(JSON.parse(text), null, 2)}\n`);
});

Deno.test("a server without ranges sends all again: a pipe skips what it has", async () => {
  const cut = (count: number) => count === 0 ? 400 : Infinity;
  await using server = serveCut({ ranges: false, cut });
  const { code, stdout } = await run(main, [server.url]);
  assertEquals([code, stdout], [0, BODY]);
  await withFiles({}, async (folder) => {
    await using server = serveCut({ ranges: false, cut });
    const { code } = await run(main, ["-o", `${folder}/a`, server.url]);
    assertEquals([code, filesIn(folder)], [0, { a: BODY }]);
  });
});

Deno.test("a body that has changed is never mixed with what it was", async () => {
  const changes = {
    body: (count: number) => count === 0 ? BODY : BODY.replaceAll("1", "x"),
    cut: (count: number) => count === 0 ? 400 : Infinity,
    headers: (count: number) => [`ETag: "v${count}"`],
  };
  await using server = serveCut(changes);
  const piped = await run(main, [server.url]);
  assertEquals([piped.code, piped.stdout], [18, BODY.slice(0, 400)]);
  await withFiles({}, async (folder) => {
    await using server = serveCut(changes);
    const { code } = await run(main, ["-o", `${folder}/a`, server.url]);
    assertEquals([code, filesIn(folder)], [0, {
      a: BODY.replaceAll("1", "x"),
    }]);
  });
});

Deno.test("what cannot be told from another version does not go on", async () => {
  for (
    const headers of [
      [],
      ['ETag: W/"v1"'],
      [`Last-Modified: ${OLD}`, `Date: ${OLD}`],
      ['ETag: "v1"', "Content-Encoding: x-unknown"],
    ]
  ) {
    await using server = serveCut({ headers: () => headers, cut: () => 10 });
    const { code, stdout } = await run(main, [server.url]);
    assertEquals([code, stdout, server.heads.length], [
      18,
      BODY.slice(0, 10),
      1,
    ]);
  }
  await using server = serveCut({ cut: () => 10 });
  for (
    const args of [["--retry", "0", server.url], [server.url, "Range:bytes=0-"]]
  ) {
    const before = server.heads.length;
    assertEquals((await run(main, args)).code, 18);
    assertEquals(server.heads.length, before + 1);
  }
});

Deno.test("a weak ETag goes on by its date: unmodified since", async () => {
  const weak = ['ETag: W/"v1"', `Last-Modified: ${OLD}`];
  const cut = (count: number) => count === 0 ? 400 : Infinity;
  const sinces = (heads: readonly string[]) =>
    heads.map((head) => head.match(/^if-(.*)\r$/m)?.[1]);
  for (const way of [[], ["--time"]]) {
    await using piped = serveCut({ cut, headers: () => weak });
    const { code, stdout } = await run(main, [...way, piped.url]);
    assertEquals([code, stdout], [0, BODY]);
    assertEquals(sinces(piped.heads), [undefined, `unmodified-since: ${OLD}`]);
    await withFiles({}, async (folder) => {
      await using server = serveCut({ cut, headers: () => weak });
      const args = [...way, "-o", `${folder}/a`, server.url];
      const first = await run(main, ["--retry", "0", ...args]);
      assertEquals(first.code, 18);
      assertStringIncludes(first.stderr, "\nhint: what is there stays: -c");
      assertEquals((await run(main, ["-c", ...args])).code, 0);
      assertEquals(filesIn(folder), { a: BODY });
      assertEquals(server.asked()[1], ["400-", undefined]);
    });
  }
});

Deno.test("a body that has been modified since is never mixed with what it was", async (t) => {
  const other = BODY.replaceAll("1", "x");
  const range = "Content-Range: bytes 400-999/1000";
  const part = (...lines: string[]) =>
    response(
      other.slice(400),
      [...lines, range, "Content-Length: 600"],
      "206 Partial Content",
    );
  for (
    const [name, said] of [
      ["said so", response("", ["Content-Length: 0"], "412 Failed")],
      ["another date", part('ETag: W/"v1"', "Last-Modified: " + NEW)],
      ["another ETag", part('ETag: W/"v2"', "Last-Modified: " + OLD)],
      ["nothing told", part()],
    ] as const
  ) {
    await t.step(name, () =>
      withFiles({}, async (folder) => {
        const serve = () => {
          let count = 0;
          const head = ['ETag: W/"v1"', `Last-Modified: ${OLD}`];
          const length = "Content-Length: 1000";
          return serveRaw((text) =>
            text.includes("\nrange: ")
              ? [said]
              : count++ === 0
              ? [response("", [...head, length]), BODY.slice(0, 400)]
              : [response(other, [length])]
          );
        };
        await using server = serve();
        const { code } = await run(main, ["-o", `${folder}/a`, server.url]);
        assertEquals([code, filesIn(folder)], [0, { a: other }]);
        await using piped = serve();
        const { code: cut, stdout } = await run(main, [piped.url]);
        assertEquals([cut, stdout], [18, BODY.slice(0, 400)]);
      }));
  }
});

Deno.test("an ETag that is none counts as none", async () => {
  const cut = (count: number) => count === 0 ? 400 : Infinity;
  for (const etag of ["v1", "W/v1", 'w/"v1"', "'v1'", '"v1" "v2"', ""]) {
    const headers = () => [`ETag: ${etag}`, `Last-Modified: ${OLD}`];
    await using server = serveCut({ cut, headers });
    const { code, stdout } = await run(main, [server.url]);
    assertEquals([code, stdout], [0, BODY], etag);
    assertEquals(server.asked()[1], ["400-", OLD]);
  }
});

Deno.test("where nothing tells a body from another, a file starts again, as often as a GET is tried", async () => {
  for (
    const headers of [
      [],
      ['ETag: W/"v1"'],
      ["ETag: v1"],
      [`Last-Modified: ${OLD}`, `Date: ${OLD}`],
      ['ETag: "v1"', "Content-Encoding: x-unknown"],
    ]
  ) {
    await withFiles({}, async (folder) => {
      const path = `${folder}/a`;
      for (
        const [flags, good, tries] of [
          [[], 2, 3],
          [[], 3, 3],
          [["--retry", "4"], 4, 5],
          [["--retry", "0"], 1, 1],
        ] as const
      ) {
        await using server = serveCut({
          headers: () => headers,
          cut: (count) => count < good ? 400 + count : Infinity,
        });
        const args = [...flags, "-o", path, server.url];
        const { code, stderr } = await run(main, args);
        assertEquals([code, server.heads.length], [
          good < tries ? 0 : 18,
          tries,
        ], stderr);
        assertEquals(server.heads.join().includes("\nrange:"), false);
        const { a, "a.part": part }: Record<string, string> = filesIn(folder);
        assertEquals(
          [a, part],
          good < tries
            ? [BODY, undefined]
            : [undefined, BODY.slice(0, 399 + good)],
        );
        if (tries > 1) {
          assertStringIncludes(
            stderr,
            "\nCut short after 400 bytes, starting again\n",
          );
        }
        assertEquals(stderr.includes("hint:"), false, stderr);
        for (const name of Object.keys(filesIn(folder))) {
          await Deno.remove(`${folder}/${name}`);
        }
      }
    });
  }
});

Deno.test("a server that goes away in the middle leaves the hint at -c", async () => {
  for (const way of [[], ["--time"]]) {
    await withFiles({}, async (folder) => {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const served = (async () => {
        using conn = await listener.accept();
        listener.close();
        await conn.read(new Uint8Array(4096));
        const head = ['ETag: "v1"', "Content-Length: 1000"];
        await conn.write(encode(response("", head) + BODY.slice(0, 300)));
      })();
      const url = `http://127.0.0.1:${listener.addr.port}/`;
      const args = [...way, "--retry", "1", "-o", `${folder}/a`, url];
      const { code, stderr } = await run(main, args);
      await served;
      assertEquals([code, filesIn(folder)["a.part"]], [18, BODY.slice(0, 300)]);
      assertStringIncludes(
        stderr,
        "cut short after 300 of 1000 bytes\nhint: what is there stays: -c goes on with it\n",
      );
    });
  }
});

Deno.test("without progress there is an end", async () => {
  const cut = (count: number) => count === 0 ? 100 : 0;
  await using server = serveCut({ cut });
  const { code, stdout, stderr } = await run(main, [server.url]);
  assertEquals([code, stdout], [18, BODY.slice(0, 100)]);
  assertStringIncludes(stderr, "cut short after 100 of 1000 bytes\n");
  assertEquals(server.heads.length, 3);
  await withFiles({}, async (folder) => {
    await using server = serveCut({ cut });
    const { code } = await run(main, ["-o", `${folder}/a`, server.url]);
    assertEquals([code, server.heads.length], [18, 3]);
    assertEquals(filesIn(folder)["a.part"], BODY.slice(0, 100));
  });
});

Deno.test("-c goes on with the part of an earlier run, and only with the same body", () =>
  withFiles({}, async (folder) => {
    const path = `${folder}/a`;
    let version = "v1";
    let cut = 300;
    await using server = serveCut({
      headers: () => [`ETag: "${version}"`],
      body: () => version === "v1" ? BODY : BODY.toUpperCase() + version,
      cut: () => cut,
    });
    const get = (...args: string[]) =>
      run(main, ["--retry", "0", "-o", path, ...args, server.url]);
    assertEquals((await get()).code, 18);
    assertEquals((await get("-c")).code, 18);
    assertEquals(filesIn(folder)["a.part"], BODY.slice(0, 600));
    cut = Infinity;
    assertEquals((await get("-c")).code, 0);
    assertEquals(filesIn(folder), { a: BODY });
    assertEquals(server.asked(), [
      [undefined, undefined],
      ["300-", '"v1"'],
      ["600-", '"v1"'],
    ]);
    cut = 300;
    await get();
    [version, cut] = ["v2", Infinity];
    assertEquals((await get("-c")).code, 0);
    assertEquals(filesIn(folder), { a: `${BODY}v2` });
  }));

Deno.test("-c goes on with a part that another process is just letting go of", () =>
  withFiles({}, async (folder) => {
    let cut = 300;
    await using server = serveCut({ cut: () => cut });
    const args = ["--retry", "0", "-c", "-o", `${folder}/a`, server.url];
    assertEquals((await run(main, args)).code, 18);
    cut = Infinity;
    const { tryLock } = Deno.FsFile.prototype;
    let calls = 0;
    Deno.FsFile.prototype.tryLock = function (isExclusive) {
      return calls++ === 0
        ? Promise.resolve(false)
        : tryLock.call(this, isExclusive);
    };
    try {
      assertEquals((await run(main, args)).code, 0);
    } finally {
      Deno.FsFile.prototype.tryLock = tryLock;
    }
    assertEquals(filesIn(folder), { a: BODY });
    assertEquals(server.asked()[1], ["300-", '"v1"']);
  }));

Deno.test("-c needs no more than the end of a part that is whole", () =>
  withFiles({}, async (folder) => {
    const path = `${folder}/a`;
    await using server = serveCut();
    await Deno.writeTextFile(`${path}.part`, BODY);
    await Deno.writeTextFile(
      `${path}.part.json`,
      JSON.stringify({ url: `${server.url}/`, validator: '"v1"', total: 1000 }),
    );
    const { code, stderr } = await run(main, ["-c", "-o", path, server.url]);
    assertEquals([code, stderr], [0, `Saved ${path} (1.00 kB)\n`]);
    assertEquals(filesIn(folder), { a: BODY });
    assertEquals(server.asked(), [["1000-", '"v1"']]);
  }));

Deno.test("-c starts again, and says so, where a note does not tell what a part is of", async () => {
  for (
    const [headers, note] of [
      [
        ['ETag: "v1"'],
        '{"url":"http://other.example/","validator":"\\"v1\\""}',
      ],
      [['ETag: "v1"'], "oops"],
      [['ETag: "v1"'], "[]"],
    ] as const
  ) {
    await withFiles({}, async (folder) => {
      await using server = serveCut({ headers: () => headers });
      await Deno.writeTextFile(`${folder}/a.part`, "something else");
      await Deno.writeTextFile(`${folder}/a.part.json`, note);
      const args = ["-c", "-o", `${folder}/a`, server.url];
      const { code, stderr } = await run(main, args);
      assertEquals([code, filesIn(folder)], [0, { a: BODY }]);
      const isOther = note.includes("other.example");
      assertEquals(stderr.includes("starting again"), !isOther, stderr);
    });
  }
});

Deno.test("-c goes on without a note where the body is older than the part", () =>
  withFiles({}, async (folder) => {
    await using server = serveCut({
      headers: () => ['ETag: "v1"', `Last-Modified: ${OLD}`],
    });
    await Deno.writeTextFile(`${folder}/a.part`, BODY.slice(0, 400));
    const args = ["-c", "-o", `${folder}/a`, server.url];
    assertEquals((await run(main, args)).code, 0);
    assertEquals(filesIn(folder), { a: BODY });
    assertEquals(server.asked(), [["400-", undefined]]);
  }));

Deno.test("a process that is ended leaves a part, and -c goes on with it", () =>
  withFiles({}, async (folder) => {
    await using stalled = serveRaw(
      () => [
        response("", ['ETag: "v1"', "Content-Length: 1000"]),
        BODY.slice(0, 500),
      ],
      { hold: true },
    );
    const path = `${folder}/a`;
    const script = `${ROOT}tasks/get.ts`;
    const child = spawnDeno(["run", "-A", script, "-o", path, stalled.url]);
    const size = () =>
      Deno.stat(`${path}.part`).then(({ size }) => size, () => 0);
    for await (const _ of Deno.watchFs(folder)) if (await size() === 500) break;
    child.kill("SIGTERM");
    assertEquals((await child.result).code, 143);
    assertEquals(await size(), 500);
    await using server = serveCut();
    const note = await Deno.readTextFile(`${path}.part.json`);
    await Deno.writeTextFile(
      `${path}.part.json`,
      note.replace(stalled.url, server.url),
    );
    assertEquals((await run(main, ["-c", "-o", path, server.url])).code, 0);
    assertEquals(filesIn(folder), { a: BODY });
    assertEquals(server.asked(), [["500-", '"v1"']]);
  }));

Deno.test("a body that stalls ends the download, and stays as a part", () =>
  withFiles({}, async (folder) => {
    await using server = serveRaw(
      () => [response("", ['ETag: "v1"', "Content-Length: 1000"]), "abc"],
      { hold: true },
    );
    const path = `${folder}/a`;
    for (
      const [timeout, said] of [
        ["9,0.3", "no more bytes within 0.3 s"],
        ["9,9,0.3", "not done within 0.3 s"],
      ] as const
    ) {
      const args = ["--retry", "0", "-t", timeout, "-o", path, server.url];
      const { code, stderr } = await run(main, args);
      assertEquals(code, 28);
      assertStringIncludes(
        stderr,
        `Cannot read ${server.url}/: ${said}\nhint: `,
      );
      assertEquals(filesIn(folder)["a.part"], "abc");
    }
  }));

Deno.test("all attempts together may take as long as one", async () => {
  await using server = serveRaw(
    (head) => [
      response("", [
        'ETag: "v1"',
        "Content-Length: 90",
        ...head.includes("range: ") ? ["Content-Range: bytes 3-89/90"] : [],
      ], head.includes("range: ") ? "206 Partial Content" : "200 OK"),
      "abc",
    ],
    { hold: true },
  );
  const { code, stderr } = await run(main, ["-t", "9,0.2,0.5", server.url]);
  assertEquals(code, 28);
  assertMatch(stderr, /Cannot read .*: (no more bytes|not done) within /);
});

Deno.test("--time tells of a download too", () =>
  withFiles({}, async (folder) => {
    await using server = serveCut();
    const args = ["--time", "-o", `${folder}/a`, server.url];
    const { code, stderr } = await run(main, args);
    assertEquals([code, filesIn(folder)], [0, { a: BODY }]);
    assertMatch(stderr, /\nSaved .*\n.*total \d+\.\d ms\n$/);
  }));

Deno.test("HEAD saves nothing: its head is shown", () =>
  withFiles({}, async (folder) => {
    await using server = serveHttp(() =>
      new Response(null, { headers: { "x-a": "b" } })
    );
    for (const args of [["-o", `${folder}/a`], ["-O"], ["-c", "-O"]]) {
      const all = ["-iX", "HEAD", ...args, `${server.url}/a`];
      const { code, stdout, stderr } = await run(main, all);
      assertEquals([code, filesIn(folder)], [0, {}]);
      assertStringIncludes(stdout, "x-a: b\r\n");
      assertStringIncludes(stderr, "Saved nothing: there is no body\n");
    }
  }));

Deno.test("a response without a body is saved as an empty file, whatever length it tells", () =>
  withFiles({}, async (folder) => {
    await using server = serveRaw(() => [
      response("", ["Content-Length: 5"], "204 No Content"),
    ]);
    for (const args of [[], ["--time"]]) {
      const all = [...args, "-o", `${folder}/a`, server.url];
      const { code, stderr } = await run(main, all);
      assertEquals([code, filesIn(folder)], [0, { a: "" }], stderr);
    }
  }));

Deno.test("a body whose length nobody told is saved, over any transport", () =>
  withFiles({}, async (folder) => {
    await using server = serveHttp(() =>
      new Response(
        ReadableStream.from(
          [BODY, BODY].map((text) => new TextEncoder().encode(text)),
        ),
      )
    );
    for (const args of [[], ["--time"], ["--max-size", "9k"]]) {
      const all = [...args, "-o", `${folder}/a`, server.url];
      assertEquals((await run(main, all)).code, 0);
      assertEquals(filesIn(folder), { a: BODY + BODY });
    }
    const small = ["--max-size", "1k", "-o", `${folder}/b`, server.url];
    const { code, stderr } = await run(main, small);
    assertEquals(code, 1);
    assertEquals(
      stderr.split("\n").slice(1),
      [
        `get: Cannot read ${server.url}/: it is larger than 1024 bytes`,
        "hint: to take more: --max-size BYTES",
        "",
      ],
    );
  }));

Deno.test("what cannot be written is said before anything is sent", () =>
  withFiles({}, async (folder) => {
    await using server = serveCut();
    for (
      const [path, said] of [
        [folder, "it is a directory"],
        [`${folder}/none/a`, "its folder is missing, or takes no files"],
        ["/proc/none", "its folder is missing, or takes no files"],
      ] as const
    ) {
      const { code, stderr } = await run(main, ["-o", path, server.url]);
      assertEquals(code, 1);
      assertMatch(stderr, new RegExp(`^get: Cannot write ".*": ${said}\n$`));
    }
    assertEquals(server.heads.length, 0);
  }));

Deno.test("a full disk is the file's failure, not the network's", async () => {
  await using server = serveCut();
  const { code, stderr } = await run(main, ["-o", "/dev/full", server.url]);
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    'get: Cannot write "/dev/full": no space left on device\n',
  );
  assertEquals(server.heads.length, 1);
});

Deno.test(
  "-o writes through a link to what it points at, and keeps who may read it",
  { ignore: Deno.build.os === "windows" },
  () =>
    withFiles({ secret: "s", script: "#!" }, async (folder) => {
      const at = (name: string) => `${folder}/${name}`;
      const modeOf = (name: string) =>
        (Deno.statSync(at(name)).mode ?? 0) & 0o777;
      await Deno.chmod(at("secret"), 0o600);
      await Deno.chmod(at("script"), 0o755);
      await Deno.mkdir(at("d"));
      await Deno.symlink("secret", at("link"));
      await Deno.symlink("link", at("chain"));
      await Deno.symlink("d", at("e"));
      // from where the folder is, not from where its link is
      await Deno.symlink("../new", at("d/dangling"));
      const modes: number[] = [];
      await using server = serveHttp(() => {
        const part = at("secret.part");
        modes.push((Deno.statSync(part).mode ?? 0) & 0o777);
        return new Response(BODY);
      });
      const saved = await run(main, ["-o", at("chain"), server.url]);
      assertEquals([saved.code, modes], [0, [0o600]], saved.stderr);
      await using plain = serveCut();
      for (const name of ["script", "e/dangling"]) {
        const { code } = await run(main, ["-o", at(name), plain.url]);
        assertEquals(code, 0);
      }
      assertEquals([modeOf("secret"), modeOf("script")], [0o600, 0o755]);
      assertEquals(
        [Deno.readLinkSync(at("chain")), Deno.readLinkSync(at("d/dangling"))],
        ["link", "../new"],
      );
      for (const name of ["secret", "script", "new"]) {
        assertEquals(Deno.readTextFileSync(at(name)), BODY);
      }
      await Deno.symlink("loop", at("loop"));
      const loop = await run(main, ["-o", at("loop"), plain.url]);
      assertEquals(loop.code, 1);
      assertStringIncludes(loop.stderr, "Too many levels of symbolic links");
    }),
);

Deno.test("-o keeps the other names and the owner of a file", {
  ignore: Deno.build.os === "windows",
}, () =>
  withFiles({ a: `${BODY}${BODY}`, c: "c" }, async (folder) => {
    await Deno.link(`${folder}/a`, `${folder}/b`);
    const isRoot = Deno.uid() === 0;
    if (isRoot) await Deno.chown(`${folder}/c`, 65_534, 65_534);
    await using server = serveCut();
    for (const name of ["a", "c"]) {
      const args = ["-o", `${folder}/${name}`, server.url];
      assertEquals((await run(main, args)).code, 0);
    }
    assertEquals(filesIn(folder), { a: BODY, b: BODY, c: BODY });
    if (isRoot) assertEquals(Deno.statSync(`${folder}/c`).uid, 65_534);
  }));

Deno.test({
  name: "a file that may not be written is refused before anything is sent",
  // root may write all
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: () =>
    withFiles({ a: "a" }, async (folder) => {
      await Deno.chmod(`${folder}/a`, 0o444);
      await using server = serveCut();
      const args = ["-o", `${folder}/a`, server.url];
      const { code, stderr } = await run(main, args);
      assertEquals([code, server.heads], [1, []]);
      assertStringIncludes(stderr, '/a": permission denied\n');
      assertEquals(filesIn(folder), { a: "a" });
    }),
});

Deno.test("links and files of others in the way (CWE-59, CWE-377): nothing is sent, nothing is touched", async (t) => {
  const { mkdir, symlink, link, writeTextFile } = Deno;
  const mkfifo = async (path: string) => {
    await new Deno.Command("mkfifo", { args: [path] }).output();
  };
  for (
    const [name, make, said] of [
      ["a link", (path) => symlink("victim", path), "it is a link"],
      ["a dangling link", (path) => symlink("none", path), "it is a link"],
      [
        "another name of a file",
        (path, folder) => link(`${folder}/victim`, path),
        "it is a link",
      ],
      ["a folder", (path) => mkdir(path), "it is a directory"],
      ["a pipe", mkfifo, "it is not a regular file"],
      [
        "a file",
        (path) => writeTextFile(path, "{}"),
        "it exists already, and ",
      ],
    ] satisfies readonly (readonly [
      string,
      (path: string, folder: string) => Promise<void>,
      string,
    ])[]
  ) {
    if (Deno.build.os === "windows" && name !== "a file") continue;
    for (const end of [".part", ".part.json"]) {
      await t.step(
        `${name} ${end}`,
        () =>
          withFiles({ victim: "precious" }, async (folder) => {
            await using server = serveCut();
            const path = `${folder}/a${end}`;
            await make(path, folder);
            const before = await Deno.lstat(path);
            // -c asks what a part without a note is of
            const isPart = name === "a file" && end === ".part";
            for (const flags of isPart ? [[]] : [[], ["-c"]]) {
              const args = [...flags, "-o", `${folder}/a`, server.url];
              const { code, stderr } = await run(main, args);
              assertEquals([code, server.heads], [1, []], stderr);
              assertStringIncludes(
                stderr,
                `get: Cannot write "${path}": ${said}`,
              );
            }
            const after = await Deno.lstat(path);
            assertEquals([after.ino, after.size], [before.ino, before.size]);
            assertEquals(Deno.readTextFileSync(`${folder}/victim`), "precious");
            assertEquals([...Deno.readDirSync(folder)].length, 2);
          }),
      );
    }
  }
});

Deno.test("-c does not empty a part that nobody noted anything about", async () => {
  const soon = new Date(Date.now() + 60_000).toUTCString();
  for (const headers of [['ETag: "v1"'], [`Last-Modified: ${soon}`]]) {
    for (const ranges of [true, false]) {
      await withFiles({ "a.part": "precious" }, async (folder) => {
        await using server = serveCut({ headers: () => headers, ranges });
        const args = ["-c", "-o", `${folder}/a`, server.url];
        const { code, stderr } = await run(main, args);
        assertEquals([code, filesIn(folder)], [1, { "a.part": "precious" }]);
        assertStringIncludes(
          stderr,
          'a.part": nothing tells that it is a part of this\nhint: move it away',
        );
      });
    }
  }
});

Deno.test("a part of another user is not gone on with (CWE-379)", {
  // only root may give files away
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
}, () =>
  withFiles({ "a.part": "x".repeat(40) }, async (folder) => {
    const path = `${folder}/a`;
    await using server = serveHttp(() => new Response("y".repeat(80)));
    const note = { url: `${server.url}/`, validator: '"v"', total: 80 };
    for (const text of [JSON.stringify(note), undefined]) {
      if (text) await Deno.writeTextFile(`${path}.part.json`, text);
      else await Deno.remove(`${path}.part.json`);
      await Deno.chown(`${path}.part`, 1001, 1001);
      const { code, stderr } = await run(main, ["-c", "-o", path, server.url]);
      assertEquals([code, await Deno.readTextFile(`${path}.part`)], [
        1,
        "x".repeat(40),
      ]);
      assertStringIncludes(stderr, ": it is of another user\n");
    }
  }));

/** A server that gives the head of a response at once, and its body when it is told to. */
function serveLater(body: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const later = async function* () {
    yield encode(body.slice(0, 1));
    await promise;
    yield encode(body.slice(1));
  };
  const server = serveHttp(() =>
    new Response(ReadableStream.from(later()), { headers: { etag: '"v1"' } })
  );
  return { ...server, give: resolve };
}

/** Waits until so many downloads have a part in a folder. */
async function partsIn(folder: string, count: number): Promise<void> {
  const isThere = () =>
    [...Deno.readDirSync(folder)].filter(({ name }) =>
      /^a\.part(\.[\da-f]+)?$/.test(name) &&
      Deno.statSync(`${folder}/${name}`).size > 0
    ).length === count;
  while (!isThere()) await sleep(5);
}

Deno.test("two downloads at once (CWE-362): both end well, and the file is all of one of them", async (t) => {
  const other = "x".repeat(3 * BODY.length);
  for (const flags of [["-o", "a"], ["-c", "-o", "a"], ["-O"], ["-O", "-J"]]) {
    for (const isFirst of [true, false]) {
      await t.step(
        `${flags.join(" ")}, ${isFirst ? "in turn" : "the second first"}`,
        () =>
          withFiles({}, async (folder) => {
            const before = Deno.cwd();
            Deno.chdir(folder);
            try {
              await using one = serveLater(BODY);
              await using two = serveLater(other);
              const first = run(main, [...flags, `${one.url}/a`]);
              await partsIn(".", 1);
              const second = run(main, [...flags, `${two.url}/a`]);
              await partsIn(".", 2);
              const ends = [[one, first, BODY], [two, second, other]] as const;
              for (
                const [server, result, body] of isFirst
                  ? ends
                  : ends.toReversed()
              ) {
                server.give();
                const { code, stderr } = await result;
                assertEquals([code, filesIn(".").a], [0, body], stderr);
              }
              assertEquals(Object.keys(filesIn(".")), ["a"]);
            } finally {
              Deno.chdir(before);
            }
          }),
      );
    }
  }
});

Deno.test("many downloads of one body at once: each ends well, whichever ends first", () =>
  withFiles({}, async (folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      const started = [];
      for (let count = 1; count <= 4; count++) {
        const server = serveLater(BODY);
        started.push({ server, result: run(main, ["-O", `${server.url}/a`]) });
        await partsIn(".", count);
      }
      for (const { server, result } of started) {
        server.give();
        const { code, stderr } = await result;
        assertEquals([code, filesIn(".").a], [0, BODY], stderr);
        await server[Symbol.asyncDispose]();
      }
      assertEquals(filesIn("."), { a: BODY });
    } finally {
      Deno.chdir(before);
    }
  }));

Deno.test("what a process that was killed has left is held by nobody, and what another writes is left to it", () =>
  withFiles({}, async (folder) => {
    const path = `${folder}/a`;
    await using stalled = serveRaw(
      () => [
        response("", ['ETag: "v1"', "Content-Length: 1000"]),
        BODY.slice(0, 500),
      ],
      { hold: true },
    );
    const script = `${ROOT}tasks/get.ts`;
    const child = spawnDeno(["run", "-A", script, "-o", path, stalled.url]);
    const size = () =>
      Deno.stat(`${path}.part`).then(({ size }) => size, () => 0);
    for await (const _ of Deno.watchFs(folder)) if (await size() === 500) break;
    await using server = serveCut();
    const args = ["-c", "-o", path, server.url];
    const files = [path, `${path}.part`, `${path}.part.json`].join();
    const narrow = await spawnDeno([
      "run",
      "--allow-net",
      `--allow-read=${files}`,
      `--allow-write=${files}`,
      script,
      ...args,
    ]).result;
    assertEquals([narrow.code, server.heads.length], [1, 0]);
    assertStringIncludes(
      narrow.stderr,
      '.part": another download writes to it\nhint: ',
    );
    assertEquals((await run(main, args)).code, 0);
    assertEquals(server.asked(), [[undefined, undefined]]);
    assertEquals(Object.keys(filesIn(folder)), ["a", "a.part", "a.part.json"]);
    await Deno.remove(path);
    child.kill("SIGKILL");
    await child.result;
    const note = await Deno.readTextFile(`${path}.part.json`);
    await Deno.writeTextFile(
      `${path}.part.json`,
      note.replace(stalled.url, server.url),
    );
    assertEquals((await run(main, args)).code, 0);
    assertEquals([server.asked(), filesIn(folder)], [
      [["500-", '"v1"']],
      { a: BODY },
    ]);
  }));

Deno.test("of a download that fails beside another nothing is left", () =>
  withFiles({}, async (folder) => {
    const path = `${folder}/a`;
    await using one = serveLater(BODY);
    const first = run(main, ["-o", path, one.url]);
    await partsIn(folder, 1);
    await using cut = serveCut({ cut: () => 300 });
    const args = ["--retry", "0", "-o", path, cut.url];
    const { code, stderr } = await run(main, args);
    assertEquals([code, stderr.includes("hint:")], [18, false]);
    const names = Object.keys(filesIn(folder));
    assertEquals(names, ["a.part", "a.part.json"]);
    if (Deno.build.os !== "windows") {
      await using two = serveLater(BODY);
      const script = `${ROOT}tasks/get.ts`;
      const child = spawnDeno(["run", "-A", script, "-o", path, two.url]);
      await partsIn(folder, 2);
      child.kill("SIGINT");
      assertEquals((await child.result).code, 130);
      assertEquals(Object.keys(filesIn(folder)), names);
      two.give();
    }
    one.give();
    assertEquals([(await first).code, filesIn(folder)], [0, { a: BODY }]);
  }));

Deno.test(
  "a file that two downloads write into, as it has two names, is all of one of them",
  {
    ignore: Deno.build.os === "windows",
  },
  () =>
    withFiles({ a: "a" }, async (folder) => {
      await Deno.link(`${folder}/a`, `${folder}/b`);
      const bodies = ["x", "y"].map((text) => text.repeat(5_000_000));
      const results = bodies.map(async (body) => {
        await using server = serveHttp(() => new Response(body));
        return await run(main, ["-o", `${folder}/a`, server.url]);
      });
      for (const { code } of await Promise.all(results)) assertEquals(code, 0);
      const { a = "", b } = filesIn(folder);
      assert(a === b && bodies.includes(a), `${a.length}`);
    }),
);

Deno.test("a part that vanishes is a failure in words, on a terminal too", () =>
  withFiles({}, async (folder) => {
    const path = `${folder}/a`;
    const body = async function* () {
      yield encode(BODY);
      while (Deno.statSync(`${path}.part`).size < BODY.length) await sleep(5);
      await Deno.remove(`${path}.part`);
      // longer than the progress is not looked at
      await sleep(500);
      yield encode(BODY);
    };
    await using server = serveHttp(() =>
      new Response(ReadableStream.from(body()))
    );
    for (const way of [[], ["--time"], ["--max-size", "9k"]]) {
      const args = [...way, "-o", path, server.url];
      const { code, stderr } = await run(main, args, { terminal: true });
      assertEquals([code, filesIn(folder)], [1, {}]);
      assertStringIncludes(stderr, 'a.part": it is there no more\n');
    }
  }));

Deno.test("a part that is removed meanwhile is missed, and -O leaves no empty file", () =>
  withFiles({}, async (folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      const body = async function* () {
        yield encode(BODY);
        while (Deno.statSync("a.part").size < BODY.length) await sleep(5);
        await Deno.remove("a.part");
        await Deno.mkdir("a.part");
      };
      await using server = serveHttp(() =>
        new Response(ReadableStream.from(body()))
      );
      for (const args of [["-O"], ["-o", "a"]]) {
        const { code, stderr } = await run(main, [...args, `${server.url}/a`]);
        assertEquals(code, 1);
        assertStringIncludes(stderr, 'get: Cannot write "');
        const names = [...Deno.readDirSync(".")].map(({ name }) => name);
        assert(!names.includes("a"));
        await Deno.remove("a.part");
      }
    } finally {
      Deno.chdir(before);
    }
  }));

Deno.test("-c says that a file is whole, by its last byte", () =>
  withFiles({ a: BODY }, async (folder) => {
    const path = `${folder}/a`;
    for (const ranges of [true, false]) {
      for (const way of [[], ["--time"]]) {
        for (const headers of [['ETag: "v1"'], [`Last-Modified: ${OLD}`], []]) {
          await using server = serveCut({ headers: () => headers, ranges });
          const args = ["-c", ...way, "-o", path, server.url];
          const { code, stderr } = await run(main, args);
          assertEquals(code, 0);
          assertEquals(stderr.split("\n")[0], `${path} is whole already`);
          assertEquals(server.asked(), [["999-999", undefined]]);
        }
      }
    }
    assertEquals(filesIn(folder), { a: BODY });
  }));

Deno.test("-c never calls a file whole, or a part, that may be another", async (t) => {
  const soon = new Date(Date.now() + 60_000).toUTCString();
  for (
    const [name, mine, headers, ranges, said] of [
      ["newer there", BODY, [`Last-Modified: ${soon}`], true, "it is older"],
      [
        "newer and longer",
        "0",
        [`Last-Modified: ${soon}`],
        true,
        "it is older",
      ],
      ["longer here", `${BODY}0`, ETAG(), true, "it has more than"],
      ["longer, no ranges", `${BODY}0`, ETAG(), false, "it has more than"],
      ["no date", "0123", ETAG(), true, "nothing tells"],
      [
        "no ranges",
        "0",
        [`Last-Modified: ${OLD}`],
        false,
        "the server gives no",
      ],
      [
        "encoded",
        BODY,
        [`Last-Modified: ${OLD}`, "Content-Encoding: x"],
        true,
        "nothing tells",
      ],
    ] as const
  ) {
    await t.step(name, () =>
      withFiles({ a: mine }, async (folder) => {
        await using server = serveCut({ headers: () => headers, ranges });
        const args = ["-c", "-o", `${folder}/a`, server.url];
        const { code, stderr } = await run(main, args);
        assertEquals([code, filesIn(folder)], [1, { a: mine }], stderr);
        assertMatch(stderr, new RegExp(`Cannot save ".*/a": ${said}`));
        assertStringIncludes(stderr, "\nhint: without -c, -o FILE replaces it");
      }));
  }
  await withFiles({ a: BODY }, async (folder) => {
    await using gone = serveHttp(() => new Response("none", { status: 404 }));
    const args = ["-c", "-o", `${folder}/a`, gone.url];
    const { code, stdout } = await run(main, args);
    assertEquals([code, stdout, filesIn(folder)], [4, "none", { a: BODY }]);
    await using server = serveCut();
    const sent = ["-X", "PUT", "-c", "-o", `${folder}/a`, server.url];
    assertEquals([(await run(main, sent)).code, server.heads], [1, []]);
  });
});

Deno.test("-c goes on with a file that another program began, and loses none of it", () =>
  withFiles({ a: BODY.slice(0, 400) }, async (folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      let cut = 200;
      await using server = serveCut({
        headers: () => ['ETag: "v1"', `Last-Modified: ${OLD}`],
        // the byte that is asked for first does not count
        cut: (count) => count === 0 ? Infinity : cut,
      });
      const get = (...args: string[]) =>
        run(main, ["-c", ...args, `${server.url}/a`]);
      assertEquals((await get("--retry", "0", "-O")).code, 18);
      assertEquals(filesIn(folder).a, BODY.slice(0, 400));
      assertEquals(filesIn(folder)["a.part"], BODY.slice(0, 600));
      cut = Infinity;
      assertEquals((await get("-O")).code, 0);
      assertEquals(filesIn(folder), { a: BODY });
      assertEquals(server.asked(), [
        ["399-399", undefined],
        ["400-", '"v1"'],
        ["600-", '"v1"'],
      ]);
      await Deno.writeTextFile("a", "");
      assertEquals((await get("-O")).code, 0);
      assertEquals(filesIn(folder), { a: BODY });
    } finally {
      Deno.chdir(before);
    }
  }));

Deno.test("standard output by its other names needs no permission", async () => {
  await using server = serveCut();
  for (const path of ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]) {
    const { code, stdout } = await spawn("get", ["-o", path, server.url])
      .result;
    assertEquals([code, stdout], [0, BODY]);
  }
});

Deno.test(
  "a device that Deno keeps to itself is named, and no grant is proposed",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    await using server = serveCut();
    const args = ["-o", "/dev/full", server.url];
    const { stderr } = await spawn("get", args).result;
    assertMatch(stderr, /^hint: Deno opens it with --allow-all alone/m);
    const given = await spawnDeno([
      "run",
      "--allow-all",
      `${ROOT}tasks/get.ts`,
      ...args,
    ]).result;
    assertEquals(given.code, 1);
    assertStringIncludes(given.stderr, '"/dev/full": no space left on device');
  },
);

Deno.test("the permissions for a link name what it points at", {
  ignore: Deno.build.os === "windows",
}, () =>
  withFiles({ a: "a" }, async (folder) => {
    await Deno.symlink("a", `${folder}/link`);
    await using server = serveCut();
    const path = `${folder}/link`;
    let args = ["run", "--allow-net=127.0.0.1", `${ROOT}tasks/get.ts`];
    args.push("-o", path, server.url);
    for (let count = 0; count < 2; count++) {
      const { stderr } = await spawnDeno(args).result;
      const hint = stderr.match(/^hint: deno (.*)$/m)?.[1] ?? "";
      args = hint.replace(quote(`${ROOT}tasks/get.ts`), "tasks/get.ts")
        .replaceAll("'", "").split(" ");
    }
    const real = await Deno.realPath(`${folder}/a`);
    assertStringIncludes(
      args.join(" "),
      `--allow-write=${path},${real},${real}.part,${real}.part.json `,
    );
    assertEquals((await spawnDeno(args).result).code, 0);
    assertEquals(filesIn(folder), { a: BODY, link: BODY });
  }));

Deno.test("a download names the command that may write its files", async () => {
  const { code, stderr } = await spawn("get", ["-o", "out.bin", ":9"]).result;
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    `--allow-read=out.bin,out.bin.part,out.bin.part.json --allow-write=out.bin,out.bin.part,out.bin.part.json ${
      quote(`${ROOT}tasks/get.ts`)
    } -o out.bin :9\n`,
  );
});

Deno.test("a file's name is safe on a terminal", () =>
  withFiles({}, async (folder) => {
    await using server = serveCut();
    const args = ["-o", `${folder}/a\u001b[2J\u202e`, server.url];
    const { stderr } = await run(main, args, { terminal: true });
    assertStringIncludes(stderr, "/a\\x1b[2J\\u202e (1.00 kB)\n");
  }));

Deno.test("progress is bytes, rate and time left, on a terminal's stderr alone", () =>
  withFiles({}, async (folder) => {
    const path = `${folder}/a`;
    await Deno.writeTextFile(path, "");
    const { io, stderr } = createMemoryIo({ terminal: true });
    {
      const late = () => {};
      using _ = watch(path, { total: 4000, progress: io.stderr, late });
      await Deno.writeTextFile(path, BODY);
      await stderr.waitFor(/25% {2}1\.00 kB of 4\.00 kB {2}.*\/s {2}.* left/);
      await Deno.writeTextFile(path, BODY.repeat(4));
      await stderr.waitFor("100%");
    }
    assert(stderr.text.endsWith("\r\x1b[K"));
    const piped = await run(main, ["-o", path, serveNothing().url]);
    assert(!piped.stderr.includes("%"), piped.stderr);
  }));

/** A URL of which nothing comes. */
function serveNothing() {
  return { url: "http://127.0.0.1:9" };
}

Deno.test("progress is shown in units that fit", () => {
  for (
    const [bytes, text] of [
      [0, "0 B"],
      [999, "999 B"],
      [1000, "1.00 kB"],
      [9_994, "9.99 kB"],
      [9_996, "10.0 kB"],
      [999_499, "999 kB"],
      [999_500, "1.00 MB"],
      [1 << 30, "1.07 GB"],
      [1e18, "1000 PB"],
    ] as const
  ) assertEquals(formatBytes(bytes), text);
  for (
    const [done, total, rate, text] of [
      [0, 0, 0, "100%  0 B of 0 B  0 B/s"],
      [1, 3, 1, "33%  1 B of 3 B  1 B/s  2 s left"],
      [0, 36_610, 10, "0%  0 B of 36.6 kB  10 B/s  1:01:01 left"],
      [0, 610, 10, "0%  0 B of 610 B  10 B/s  1:01 left"],
      [5, undefined, 1, "5 B  1 B/s"],
    ] as const
  ) assertEquals(formatProgress(done, total, rate), text);
});

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
      [
        "x",
        [
          "Content-Encoding: gzip",
          "Content-Disposition: attachment; filename=a.tgz",
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
      ["a.gz", "constructor", "constructor"],
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

Deno.test("a device gets what a file gets", async () => {
  const lines = ["Content-Encoding: gzip"];
  await using server = serveCoded(await gzip(TEXT), lines);
  const args = ["-o", "/dev/null", server.url];
  const { stderr } = await run(main, args);
  assertStringIncludes(
    stderr,
    "\nDecoded: it came as gzip; --raw keeps that\n",
  );
  const raw = await run(main, ["--raw", ...args]);
  assertEquals([raw.code, raw.stderr], [0, "200 OK\n"]);
  const quiet = await run(main, ["-q", ...args]);
  assertEquals([quiet.code, quiet.stderr], [0, ""]);
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
      "204 No Content\nSaved nothing: there is no body\n",
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
    assertStringIncludes(
      stderr,
      `--allow-read=. --allow-write=. ${quote(`${ROOT}tasks/get.ts`)}`,
    );
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

Deno.test("denial of service (CWE-1333): a name of many blanks or dots is made safe at once", () => {
  for (const blank of [" ", ".", ". "]) {
    const start = performance.now();
    const name = safeName(`a${blank.repeat(200_000)}b`) ?? "";
    assert(performance.now() - start < 1000, "it took too long");
    assert(name.startsWith("a") && name.length <= 200, name);
  }
});

Deno.test("where a task may have started elsewhere than the user stands, what was saved has its whole path", async () => {
  await using server = serveHttp(() => new Response("x"));
  const saveIn = (cwd: string, path: string) =>
    spawnDeno(["run", "-A", `${ROOT}tasks/get.ts`, "-o", path, server.url], {
      cwd,
    }).result;
  await withFolder(async (folder) => {
    const own = await saveIn(folder, "a.txt");
    assertEquals(own.stderr, "200 OK\nSaved a.txt (1 B)\n");
    const whole = await saveIn(ROOT, `${folder}/b.txt`);
    assertEquals(whole.stderr, `200 OK\nSaved ${folder}/b.txt (1 B)\n`);
    // below hark's own folder, where deno task starts
    const up = ROOT.split("/").slice(2).map(() => "..").join("/");
    const path = `${up}${folder}/c.txt`;
    const task = await saveIn(ROOT, path);
    assertEquals(task.stderr, `200 OK\nSaved ${ROOT}${path} (1 B)\n`);
  });
});
