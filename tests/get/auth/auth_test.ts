import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure, UsageError } from "../../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../../lib/cli/reasons.ts";
import { main } from "../../../tasks/get.ts";
import type { Io } from "../../../lib/cli/io.ts";
import {
  formatAuthorization,
  readLogin,
} from "../../../tasks/get/auth/login.ts";
import type { RequestOptions } from "../../../tasks/get/request.ts";
import { serveHttp } from "../../http/server.ts";
import {
  createMemoryIo,
  flagsOf,
  ROOT,
  run,
  spawn,
  spawnProgram,
  testWith,
} from "../../support.ts";
import { withFiles } from "../support.ts";

const HERE = new URL("http://h:81/");

async function authorizationOf(
  io: Pick<Io, "askSecret">,
  options: RequestOptions,
  url = HERE,
): Promise<string | undefined> {
  const login = await readLogin(url, io, options);
  return login && formatAuthorization(login);
}

/** The header as text: what a server makes of it. */
async function loginOf(
  options: RequestOptions,
  { secret, url = HERE }: { secret?: string; url?: URL } = {},
): Promise<string | undefined> {
  const { io } = createMemoryIo(secret === undefined ? {} : { secret });
  const [scheme, value = ""] =
    (await authorizationOf(io, options, url))?.split(" ") ?? [];
  if (scheme !== "Basic") return scheme && `${scheme} ${value}`;
  return new TextDecoder().decode(Uint8Array.fromBase64(value));
}

Deno.test("credentials that cannot be sent are refused without being shown", async () => {
  for (
    const [options, message] of [
      [
        { auth: "me" },
        'Cannot ask for the password of "me": there is no terminal',
      ],
      [{ bearer: "" }, "Cannot send the bearer token: expected letters"],
      [{ auth: "" }, "Cannot log in: expected USER"],
      [{ bearer: "s3 cret" }, "Cannot send the bearer token"],
      [{ bearer: "s3cret\r\nX: y" }, "Cannot send the bearer token"],
      [{ bearer: "s3crét" }, "Cannot send the bearer token"],
    ] as const
  ) {
    const error = await assertRejects(
      () => loginOf(options),
      UsageError,
      message,
    );
    assert(!error.message.includes("s3c"), error.message);
  }
  for (const auth of ["me:s3c\0", "m\ne:s3c", "me:s3c\u001b"]) {
    const error = await assertRejects(() => loginOf({ auth }), Failure);
    assertEquals(
      error.message,
      "Cannot send the user and the password: a control character is in them",
    );
  }
});

Deno.test("a file of credentials that cannot be used is named, not shown", async () => {
  for (const option of ["auth", "bearer"]) {
    const error = await assertRejects(
      () => loginOf({ [option]: "@/none" }),
      Failure,
    );
    assertEquals(describe(error), 'Cannot read "/none": no such file');
  }
  await withFiles({ secret: "s3 cret\n" }, async (folder) => {
    const error = await assertRejects(
      () => loginOf({ bearer: `@${folder}/secret` }),
      Failure,
    );
    assert(!error.message.includes("s3"), error.message);
    assertEquals(exitCodeOf(error), 1);
  });
});

Deno.test("credentials are formatted as RFC 7617 and RFC 6750 say", async () => {
  for (
    const [options, expected] of [
      [{ auth: "me:pw" }, "me:pw"],
      [{ auth: "me:" }, "me:"],
      [{ auth: ":pw:x@" }, ":pw:x@"],
      [{ auth: "é:ü" }, "é:ü"],
      [{ bearer: "a.b-c_d~e+f/g=" }, "Bearer a.b-c_d~e+f/g="],
      [{}, undefined],
    ] as const
  ) assertEquals(await loginOf(options), expected);
});

Deno.test("a URL's user and password are sent, unless options say otherwise", async () => {
  const url = new URL("http://m%40e:p%ff%3A@h/");
  assertEquals(await loginOf({}, { url }), "m@e:p%ff%3A");
  assertEquals(await loginOf({}, { url: new URL("http://a%20b@h/") }), "a b:");
  assertEquals(await loginOf({ bearer: "T" }, { url }), "Bearer T");
  assertEquals(await loginOf({ auth: "x:y" }, { url }), "x:y");
});

Deno.test("credentials are read from a file, but for its last line break", async () => {
  await withFiles({ secret: "me:p w\r\n" }, async (folder) => {
    assertEquals(await loginOf({ auth: `@${folder}/secret` }), "me:p w");
  });
  await withFiles({ secret: "T\n" }, async (folder) => {
    assertEquals(await loginOf({ bearer: `@${folder}/secret` }), "Bearer T");
  });
});

Deno.test("a missing password is asked for", async () => {
  const { io, stderr } = createMemoryIo({ secret: "p:w" });
  assertEquals(
    await authorizationOf(io, { auth: "me" }),
    `Basic ${btoa("me:p:w")}`,
  );
  assertEquals(stderr.text, "Password of me at h:81: \n");
  await withFiles({ secret: "me\n" }, async (folder) => {
    assertEquals(
      await loginOf({ auth: `@${folder}/secret` }, { secret: "pw" }),
      "me:pw",
    );
  });
});

Deno.test("get sends credentials, and says how to give them where nobody can be asked", async () => {
  await using server = serveHttp((request) =>
    new Response(request.headers.get("authorization"))
  );
  const sent = await run(main, ["-a", "me:pw", server.url]);
  assertEquals(sent.stdout, `Basic ${btoa("me:pw")}`);
  const bearer = await run(main, ["--bearer=T", server.url]);
  assertEquals(bearer.stdout, "Bearer T");
  const { code, stderr } = await run(main, ["-a", "me", server.url]);
  assertEquals([code, stderr], [
    2,
    'get: Cannot ask for the password of "me": there is no terminal\n' +
    "hint: --auth @FILE reads user:password from a file\n",
  ]);
});

Deno.test("what a file of --auth holds is in no question and in no error", () =>
  withFiles({ tok: "s3cret\n", empty: "" }, async (folder) => {
    const args = ["-a", `@${folder}/tok`, ":9"];
    const { code, stderr } = await run(main, args);
    assertEquals([code, stderr], [
      2,
      `get: Cannot ask for the password of "@${folder}/tok": there is no terminal\n` +
      "hint: the file has a user alone: write user:password into it\n",
    ]);
    const empty = await run(main, ["-a", `@${folder}/empty`, ":9"]);
    assertEquals(
      [empty.code, empty.stderr],
      [1, `get: Cannot log in: "@${folder}/empty" is empty\n`],
    );
    const token = await run(main, ["--bearer", `@${folder}/empty`, ":9"]);
    assertEquals([token.code, token.stderr], [
      1,
      `get: Cannot send the bearer token: "@${folder}/empty" is empty\n`,
    ]);
  }));

Deno.test("get in a pipe asks for no password", async () => {
  const { code, stderr } = await spawn("get", ["-ame", ":9"], { stdin: "pw\n" })
    .result;
  assertEquals(code, 2);
  assert(stderr.startsWith("get: Cannot ask for the password"), stderr);
});

/** Runs a command on a terminal: types when it is asked, and prints its exit code, what it showed, and whether the terminal still echoes. */
const TERMINAL = `
import fcntl, json, os, pty, select, subprocess, sys, termios
typed, out, *command = sys.argv[1:]
shell, side = pty.openpty()
child = subprocess.Popen(command, stdin=side, stdout=open(out, "wb") if out else side, stderr=side, start_new_session=True,
    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
shown, asked = b"", False
while child.poll() is None or select.select([shell], [], [], 0)[0]:
    if not select.select([shell], [], [], 0.05)[0]: continue
    shown += os.read(shell, 4096)
    if asked or b"Password" not in shown: continue
    # the question comes before the terminal is set
    while termios.tcgetattr(side)[3] & termios.ECHO and child.poll() is None: pass
    asked = True
    os.write(shell, typed.encode())
print(json.dumps([child.returncode, shown.decode(), bool(termios.tcgetattr(side)[3] & termios.ECHO)]))
`;

/** What a real `get -a me` does on a terminal where this is typed. */
async function typeAt(
  url: string,
  typed: string,
  out = "",
): Promise<unknown> {
  const get = ["deno", "run", ...flagsOf("get"), `${ROOT}tasks/get.ts`];
  const args = ["-c", TERMINAL, typed, out, ...get, "-a", "me", "--raw", url];
  const { stdout, stderr } = await spawnProgram("python3", args).result;
  assertEquals(stderr, "");
  return JSON.parse(stdout);
}

testWith(
  "python3",
  "a password that is typed on a terminal is not shown",
  async () => {
    await using server = serveHttp((request) =>
      new Response(request.headers.get("authorization"))
    );
    const { host } = new URL(server.url);
    const question = `Password of me at ${host}: \r\n`;
    assertEquals(await typeAt(server.url, "p\u00e4x\u007fss\r"), [
      0,
      `${question}200 OK\r\nBasic ${btoa("me:p\xc3\xa4ss")}`,
      true,
    ]);
    // the question is no part of the result
    await withFiles({}, async (folder) => {
      const out = `${folder}/out`;
      assertEquals(await typeAt(server.url, "pw\r", out), [
        0,
        `${question}200 OK\r\n`,
        true,
      ]);
      assertEquals(await Deno.readTextFile(out), `Basic ${btoa("me:pw")}`);
    });
  },
);

testWith(
  "python3",
  "Ctrl-C and Ctrl-D at the question end get, and the terminal shows again what is typed",
  async () => {
    for (const key of ["\u0003", "p\u0004"]) {
      assertEquals(await typeAt("http://127.0.0.1:9", key), [
        130,
        "Password of me at 127.0.0.1:9: \r\nget: Interrupted\r\n",
        true,
      ]);
    }
  },
);

Deno.test("an empty login or token is a usage error: nothing is sent without it", async () => {
  for (
    const [option, said] of [
      ["--bearer=", "get: Cannot send the bearer token: expected letters"],
      ["--auth=", "get: Cannot log in: expected USER, USER:PASSWORD or @FILE"],
    ] as const
  ) {
    let count = 0;
    await using server = serveHttp(() => new Response(`${++count}`));
    const { code, stderr } = await run(main, [option, server.url]);
    assertEquals([code, count], [2, 0]);
    assertEquals(stderr.slice(0, said.length), said);
  }
});

Deno.test("a server that wants another login than Basic is told of, where Basic was sent", async () => {
  const digest = 'Digest realm="a, Basic b", nonce="c", algorithm=MD5';
  for (
    const [challenge, args, hint] of [
      [digest, ["-a", "me:p"], "Digest: add --digest"],
      [
        `${digest}, ${digest}, Negotiate`,
        ["-a", "me:p"],
        "Digest or Negotiate: add --digest",
      ],
      ["NTLM abc==", ["-a", "me:p"], "NTLM; only Basic was tried"],
      [`${digest}, basic realm="x"`, ["-a", "me:p"], undefined],
      ['Basic realm="x"', ["-a", "me:p"], undefined],
      [digest, [], undefined],
      [digest, ["--bearer", "t"], undefined],
      [digest, ["-a", "me:p", "-q"], undefined],
    ] as const
  ) {
    await using server = serveHttp(() =>
      new Response("no", {
        status: 401,
        headers: { "www-authenticate": challenge },
      })
    );
    const { code, stderr } = await run(main, [...args, server.url]);
    assertEquals(code, 4);
    assertEquals(
      stderr.match(/^hint: .*$/m)?.[0],
      hint && `hint: the server wants ${hint}`,
    );
  }
});

Deno.test("a proxy that passes requests on and refuses who asks leads to a login", async () => {
  const leads =
    "the proxy refuses who asks: --proxy http://USER:PASSWORD@HOST:PORT";
  for (
    const [challenge, args, hint] of [
      ['Basic realm="x"', [], leads],
      [undefined, [], leads],
      ['Digest realm="x"', [], "the proxy wants Digest; only Basic was tried"],
      ['Basic realm="x"', ["-q"], undefined],
    ] as const
  ) {
    await using server = serveHttp(() =>
      new Response("no", {
        status: 407,
        headers: challenge ? { "proxy-authenticate": challenge } : {},
      })
    );
    for (const user of ["", "me:p@"]) {
      const proxy = server.url.replace("//", `//${user}`);
      const { code, stdout, stderr } = await run(main, [
        ...["--proxy", proxy, "http://a.example/"],
        ...args,
      ]);
      assertEquals([code, stdout], [4, "no"]);
      assertEquals(
        stderr.match(/^hint: .*$/m)?.[0],
        hint && `hint: ${hint}`,
      );
    }
  }
});
