import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { Failure } from "../../lib/cli/errors.ts";
import type { ByteSource } from "../../lib/http/request.ts";
import { bodyOfFile, splitType } from "../../tasks/get/body/file.ts";
import { bodyOfStdin } from "../../tasks/get/body/stdin.ts";
import {
  formatForm,
  formatMultipart,
  joinBodies,
  type Part,
} from "../../tasks/get/body/multipart.ts";
import {
  bodyOf,
  bodyOfSource,
  createBody,
  joinSources,
  MAX_HELD,
  type PartBody,
} from "../../tasks/get/body/request_body.ts";
import { parseItem } from "../../tasks/get/items.ts";
import { serveHttp } from "../http/server.ts";
import { ROOT, spawnProgram, testWith } from "../support.ts";
import { withFiles } from "./support.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const readAll = (body: PartBody): Promise<Bytes> =>
  new Response(body.open()).bytes();

/** Reads a body with one buffer, as an upload does. */
async function readInto(body: PartBody, size: number): Promise<Bytes> {
  const reader = body.open().getReader({ mode: "byob" });
  const chunks: Bytes[] = [];
  let buffer = new Uint8Array(size);
  while (true) {
    const { done, value } = await reader.read(buffer);
    if (done || value === undefined) break;
    assert(value.length > 0, "an empty chunk");
    chunks.push(value.slice());
    buffer = new Uint8Array(value.buffer);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** A source of these chunks, which counts how often it was closed. */
function sourceOf(chunks: readonly Bytes[]): ByteSource & { closed: number } {
  const rest = [...chunks];
  const source = {
    closed: 0,
    close: () => void source.closed++,
    read: (buffer: Bytes) => {
      const chunk = rest.shift();
      if (chunk === undefined) return Promise.resolve(null);
      buffer.set(chunk.subarray(0, buffer.length));
      if (chunk.length > buffer.length) {
        rest.unshift(chunk.subarray(buffer.length));
      }
      return Promise.resolve(Math.min(chunk.length, buffer.length));
    },
  };
  return source;
}

const withFile = (content: Bytes, test: (path: string) => Promise<void>) =>
  withFiles({ file: content }, (folder) => test(`${folder}/file`));

/** Bytes that tell where they are. */
const patternOf = (length: number) =>
  Uint8Array.from({ length }, (_, at) => at * 7 + (at >> 8));

Deno.test("a file that shrinks while it is sent is a failure, not a shorter body", async () => {
  await withFile(patternOf(1_300_000), async (path) => {
    const body = await bodyOfFile(path);
    await Deno.truncate(path, 1_200_000);
    const error = await assertRejects(() => readAll(body), Failure);
    assertEquals(
      error.message,
      `Cannot send "${path}": it has shrunk from 1300000 to 1200000 bytes`,
    );
  });
});

Deno.test("a file that grows while it is sent is sent as long as it was", async () => {
  await withFile(patternOf(1_300_000), async (path) => {
    const body = await bodyOfFile(path);
    await Deno.writeFile(path, new Uint8Array(9), { append: true });
    assertEquals(body.length, 1_300_000);
    assertEquals(await readAll(body), patternOf(1_300_000));
  });
});

Deno.test("a file that is gone when it is sent is named", async () => {
  let gone = "";
  let body: PartBody | undefined;
  await withFile(patternOf(1_200_000), async (path) => {
    gone = path;
    body = await bodyOfFile(path);
  });
  assert(body !== undefined);
  const stream = body.open();
  const error = await assertRejects(
    () => new Response(stream).bytes(),
    Failure,
  );
  assertEquals(error.message, `Cannot read "${gone}"`);
});

Deno.test("a source that fails is closed, and a stream that is cancelled closes its source", async () => {
  let closed = 0;
  const bad: ByteSource = {
    read: () => Promise.reject(new Error("bad")),
    close: () => void closed++,
  };
  await assertRejects(() => bodyOfSource(bad), Error, "bad");
  assertEquals(closed, 1);
  const live = await bodyOfSource(bad, 0);
  await assertRejects(() => readAll(live), Error, "bad");
  assertEquals(closed, 2);
  const source = sourceOf([new Uint8Array(1), new Uint8Array(1)]);
  const about = { length: undefined, again: false };
  const stream = createBody(() => Promise.resolve(source), about).open();
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals(source.closed, 1);
  await stream.cancel().catch(() => {});
  const unread = sourceOf([]);
  await createBody(() => Promise.resolve(unread), about).open().cancel();
  assertEquals(unread.closed, 0);
});

Deno.test("a source is closed once, when its end was read", async () => {
  const sources = [[1], [2, 3]].map((bytes) =>
    sourceOf([Uint8Array.from(bytes)])
  );
  const joined = joinSources(
    sources.map((source) => () => Promise.resolve(source)),
  );
  const body = createBody(() => Promise.resolve(joined), {
    length: 3,
    again: false,
  });
  assertEquals(await readAll(body), new Uint8Array([1, 2, 3]));
  assertEquals(sources.map(({ closed }) => closed), [1, 1]);
});

Deno.test("a joined source that is left closes the one that is open", async () => {
  const [open, never] = [sourceOf([new Uint8Array(9)]), sourceOf([])];
  const joined = joinSources(
    [open, never].map((source) => () => Promise.resolve(source)),
  );
  joined.close?.();
  assertEquals(await joined.read(new Uint8Array(1)), 1);
  joined.close?.();
  assertEquals([open.closed, never.closed], [1, 0]);
});

Deno.test("a file of 1 MiB is held, a larger one is streamed and can be sent again", async () => {
  for (
    const [length, held] of [[0, true], [MAX_HELD, true], [
      MAX_HELD + 1,
      false,
    ]] as const
  ) {
    await withFile(patternOf(length), async (path) => {
      const body = await bodyOfFile(path);
      assertEquals(
        [body.length, body.bytes !== undefined, body.again],
        [length, held, true],
      );
      for (const _ of [1, 2]) {
        assertEquals(await readAll(body), patternOf(length));
      }
      assertEquals(await readInto(body, 1 << 18), patternOf(length));
    });
  }
});

testWith(
  "mkfifo",
  "a named pipe is sent once: short with a length, long without",
  async () => {
    await withFiles({}, async (folder) => {
      const path = `${folder}/pipe`;
      await spawnProgram("mkfifo", [path]).result;
      for (const length of [5, MAX_HELD + 5]) {
        const [body] = await Promise.all([
          bodyOfFile(path),
          // its end comes while the body is read
          Deno.open(path, { write: true }).then((file) => {
            const bytes = patternOf(length);
            const done = (async () => {
              for (let at = 0; at < length;) {
                at += await file.write(bytes.subarray(at));
              }
              file.close();
            })();
            return length > MAX_HELD ? undefined : done;
          }),
        ]);
        const isShort = length <= MAX_HELD;
        assertEquals([body.length, body.again], [
          isShort ? length : undefined,
          isShort,
        ]);
        assertEquals(await readAll(body), patternOf(length));
      }
    });
  },
);

Deno.test("what has no size but bytes, as a file of the system has, is read", async () => {
  const { length = 0 } = await bodyOfFile(
    Deno.build.os === "linux" ? "/proc/self/status" : "deno.json",
  );
  assert(length > 0);
});

const bytes = fc.uint8Array({ maxLength: 40 }).map((bytes) =>
  new Uint8Array(bytes)
);

/** A body of bytes: in memory, of a source, or one that can only be streamed. */
const anyBody = fc.record({
  content: bytes,
  kind: fc.constantFrom("held", "source", "stream", "live"),
}).map(({ content, kind }) => async (): Promise<[Bytes, PartBody]> => {
  const halves = [content.slice(0, 7), new Uint8Array(), content.slice(7)];
  const about = { length: content.length, again: true };
  return [
    content,
    kind === "held"
      ? bodyOf(content)
      : kind === "stream"
      ? createBody(() => Promise.resolve(sourceOf(halves)), about)
      : await bodyOfSource(sourceOf(halves), kind === "live" ? 0 : undefined),
  ];
});

Deno.test("joined bodies have all bytes in order, for any bodies and any buffer", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(anyBody, { maxLength: 6 }),
    fc.integer({ min: 1, max: 50 }),
    async (makers, size) => {
      const made = await Promise.all(makers.map((make) => make()));
      const all = new Uint8Array(
        await new Blob(made.map(([content]) => content)).arrayBuffer(),
      );
      const body = joinBodies(made.map(([, body]) => body));
      assertEquals(await readInto(body, size), all);
      if (body.length !== undefined) assertEquals(body.length, all.length);
      if (body.bytes !== undefined) assertEquals(body.bytes, all);
    },
  ));
});

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom(..."\r\n\"';\\=%-a") }),
);

const parts: fc.Arbitrary<(Omit<Part, "body"> & { content: Bytes })[]> = fc
  .array(
    fc.record({
      name: text.filter((name) => name !== ""),
      filename: text,
      content: bytes,
    }).chain((part) =>
      fc.boolean().map((isFile) => {
        const { name, content, filename } = part;
        return isFile
          ? { name, content, filename, type: "image/png" }
          : { name, content };
      })
    ),
    { minLength: 1, maxLength: 5 },
  );

/** What the HTML Standard makes of a name. */
const escaped = (name: string) =>
  name.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");

const BOUNDARY = "hark-7f2d";

async function formatParts(
  list: readonly (Omit<Part, "body"> & { content: Bytes })[],
): Promise<Bytes> {
  const form = formatMultipart(
    list.map(({ content, ...part }) => ({ ...part, body: bodyOf(content) })),
    BOUNDARY,
  );
  const all = await readAll(form);
  assertEquals(form.length, all.length);
  return all;
}

Deno.test("a form comes back from the parser of the platform, for any form", async () => {
  // that parser splits quoted names at ; and = too, and trims them
  const tame = (name: string) => name.replace(/[;=]|[^\S\r\n]/g, "_");
  const clean = parts.map((list) =>
    list.map(({ filename, ...part }) => ({
      ...part,
      name: tame(part.name),
      ...filename === undefined ? {} : { filename: tame(filename) },
    }))
  );
  await fc.assert(fc.asyncProperty(clean, async (list) => {
    const headers = {
      "content-type": `multipart/form-data; boundary=${BOUNDARY}`,
    };
    const form = await new Response(await formatParts(list), { headers })
      .formData();
    const seen = await Promise.all(
      [...form].map(async ([name, value]) =>
        typeof value === "string"
          ? [name, value]
          : [name, value.name, value.type, await value.bytes()]
      ),
    );
    assertEquals(
      seen,
      list.map(({ name, filename, type, content }) =>
        filename === undefined
          ? [
            escaped(name),
            new TextDecoder("utf-8", { ignoreBOM: true }).decode(content),
          ]
          : [escaped(name), escaped(filename), type ?? "", content]
      ),
    );
  }));
});

const PARSER = `
import sys, json, base64, re
from email.parser import BytesParser
from email.policy import HTTP

def seen(part):
    raw = dict(part.raw_items())["Content-Disposition"].encode("utf-8", "surrogateescape").decode()
    names = re.fullmatch('form-data; name="([^"]*)"(?:; filename="([^"]*)")?', raw.strip("\\r\\n"), re.S).groups()
    return [*names, base64.b64encode(part.get_payload(decode=True)).decode()]

for line in sys.stdin:
    head = b"Content-Type: multipart/form-data; boundary=${BOUNDARY}\\r\\n\\r\\n"
    message = BytesParser(policy=HTTP).parsebytes(head + base64.b64decode(line))
    assert not message.defects, message.defects
    print(json.dumps([seen(part) for part in message.iter_parts()]))
`;

testWith(
  "python3",
  "a form comes back from Python's parser, for any form",
  async () => {
    // that parser is one of mail: it takes a lone CR for the end of a line
    const clean = parts.map((list) =>
      list.map((part) => ({
        ...part,
        content: part.content.map((byte) => byte === 13 ? 10 : byte),
      }))
    );
    const samples = fc.sample(clean, 100);
    const lines = await Promise.all(
      samples.map(async (list) => (await formatParts(list)).toBase64()),
    );
    const { code, stdout, stderr } = await spawnProgram("python3", [
      "-c",
      PARSER,
    ], { stdin: lines.map((line) => `${line}\n`).join("") }).result;
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      stdout.trimEnd().split("\n").map((line) => JSON.parse(line)),
      samples.map((list) =>
        list.map(({ name, filename, content }) => [
          escaped(name),
          filename === undefined ? null : escaped(filename),
          content.toBase64(),
        ])
      ),
    );
  },
);

Deno.test("a file's type is taken with its parameters, and what is no type is a part of its name", () => {
  for (
    const [text, path, type] of [
      ["a.csv", "a.csv", "text/csv"],
      ["a;type=a/b", "a", "a/b"],
      ["a;type=a/b; charset=utf-8", "a", "a/b; charset=utf-8"],
      ["a;type=a/b ;c=d;\te=f", "a", "a/b ;c=d;\te=f"],
      ['a;type=a/b;c="d;\\"e"', "a", 'a/b;c="d;\\"e"'],
      ["a;type=a/b; ; c=d; ", "a", "a/b; ; c=d;"],
      ['a;type=a/b; type="c/d"', "a", 'a/b; type="c/d"'],
      ["a;type=a/b;type=c/d;e=f", "a;type=a/b", "c/d;e=f"],
      ...["a;type=b", "a;type=a/b;c", "a;type=a/b;c=", "a;type=a/b\r\nX: y"]
        .map((text) => [text, text, "application/octet-stream"] as const),
      ['a;type=a/b;c="d', 'a;type=a/b;c="d', "application/octet-stream"],
      ["a;type=a/b;c=d\n", "a;type=a/b;c=d\n", "application/octet-stream"],
      ["a;type=a/b;c=é", "a;type=a/b;c=é", "application/octet-stream"],
    ] as const
  ) assertEquals(splitType(text), { path, type }, text);
});

Deno.test("a file is uploaded under its whole name, without its folder", async () => {
  const isWindows = Deno.build.os === "windows";
  const names = isWindows ? ["a.txt"] : ["a.txt", "b\\c.txt", 'd";,\\.txt'];
  const files = Object.fromEntries(names.map((name) => [name, "x"]));
  await withFiles(files, async (folder) => {
    const items = names.map((name) => parseItem(`f@${folder}/${name}`));
    const { body } = await formatForm(items);
    const text = await new Response(body.open()).text();
    assertEquals(
      Array.from(text.matchAll(/ filename="(.*)"\r\n/g), ([, name]) => name),
      names.map((name) => name.replace('"', "%22")),
    );
  });
});

Deno.test("a name cannot end its quotes, its line or its part", async () => {
  const name =
    'a"; filename="x"\r\nContent-Type: text/html\r\n\r\n--hark-7f2d--';
  const form = await formatParts([{
    name,
    filename: name,
    type: "a/b",
    content: new Uint8Array(),
  }]);
  const escapedName =
    "a%22; filename=%22x%22%0D%0AContent-Type: text/html%0D%0A%0D%0A--hark-7f2d--";
  assertEquals(
    new TextDecoder().decode(form),
    [
      "--hark-7f2d",
      `Content-Disposition: form-data; name="${escapedName}"; filename="${escapedName}"`,
      "Content-Type: a/b",
      "",
      "",
      "--hark-7f2d--",
      "",
    ].join("\r\n"),
  );
});

Deno.test("a form with a large file is as long as it says, and can be sent again", async () => {
  await withFile(patternOf(1_250_000), async (path) => {
    const form = formatMultipart([
      { name: "a", body: bodyOf(new Uint8Array([65])) },
      { name: "b", body: await bodyOfFile(path), filename: "b", type: "a/b" },
    ], BOUNDARY);
    assertEquals([form.bytes, form.again], [undefined, true]);
    for (const _ of [1, 2]) {
      const all = await readInto(form, 1 << 16);
      assertEquals(form.length, all.length);
      const data = await new Response(all, {
        headers: {
          "content-type": `multipart/form-data; boundary=${BOUNDARY}`,
        },
      }).formData();
      const file = data.get("b");
      assert(file instanceof File);
      assertEquals(await file.bytes(), patternOf(1_250_000));
    }
  });
});

/** What a shell sends to post, whose stdin it sets up: what came, and how often. */
async function sendByShell(
  line: string,
  folder: string,
  status = 200,
  options = "",
): Promise<readonly (readonly [length: string | null, sum: number])[]> {
  const came: (readonly [string | null, number])[] = [];
  await using server = serveHttp(async (request) => {
    const bytes = await request.bytes();
    const sum = bytes.reduce((sum, byte) => sum + byte, bytes.length);
    came.push([request.headers.get("content-length"), sum]);
    return came.length === 1 && status !== 200
      ? new Response("", { status, headers: { location: "/there" } })
      : new Response("");
  });
  const post = `"$1" run -q --no-prompt --no-check --allow-net=${
    new URL(server.url).host
  } "$2" ${options} -X PUT "$3" -`;
  const { code, stderr } = await spawnProgram("sh", [
    ...["-c", line.replace("POST", post), "sh", Deno.execPath()],
    ...[`${ROOT}tasks/post.ts`, server.url],
  ], { cwd: folder }).result;
  assertEquals([code, stderr], [0, "200 OK\n"]);
  return came;
}

Deno.test("stdin that has little is sent without a look at what it is, which takes time", async () => {
  for (const size of [0, 7, MAX_HELD + 1]) {
    const { read } = sourceOf([new Uint8Array(size).fill(1)]);
    const stdin = {
      isTerminal: false,
      read,
      look: () => Promise.reject(new Error("looked at")),
    };
    const body = await bodyOfStdin(stdin, false);
    assertEquals([body.length, body.again], [size, true]);
    assertEquals((await readAll(body)).length, size);
  }
});

Deno.test({
  name:
    "stdin that is a file goes out with its length, from where it is, as often as it is wanted",
  ignore: Deno.build.os === "windows",
  fn: () => {
    const large = new Uint8Array(9_000_000).fill(1);
    return withFiles({ large }, async (folder) => {
      const whole = ["9000000", 18_000_000] as const;
      assertEquals(await sendByShell("POST < large", folder), [whole]);
      // a redirect and a busy server ask for it again
      for (const status of [307, 308, 503]) {
        const options = status === 503 ? "--retry 1" : "";
        const sent = sendByShell("POST < large", folder, status, options);
        assertEquals(await sent, [whole, whole]);
      }
      // who had it before has read some of it, or all
      assertEquals(
        await sendByShell(
          "(dd bs=100 count=1 of=/dev/null 2> /dev/null; POST) < large",
          folder,
        ),
        [["8999900", 17_999_800]],
      );
      assertEquals(
        await sendByShell("(cat > /dev/null; POST) < large", folder),
        [["0", 0]],
      );
    });
  },
});

Deno.test({
  name:
    "a pipe goes out with its length up to 8 MiB, and again where that is wanted; more of it in chunks",
  ignore: Deno.build.os === "windows",
  fn: () => {
    const small = new Uint8Array(8 << 20).fill(1);
    return withFiles(
      { small, large: new Uint8Array((8 << 20) + 1) },
      async (folder) => {
        const whole = [`${8 << 20}`, 2 * (8 << 20)] as const;
        assertEquals(
          await sendByShell("cat small | POST", folder, 307),
          [whole, whole],
        );
        assertEquals(
          await sendByShell("cat large | POST", folder),
          [[null, (8 << 20) + 1]],
        );
      },
    );
  },
});
