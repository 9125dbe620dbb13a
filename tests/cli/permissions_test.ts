import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import type { Command, OptionTable } from "../../lib/cli/options.ts";
import { formatPermissionHint } from "../../lib/cli/permissions.ts";
import { asStarted, type Start, startOf } from "../../lib/cli/start.ts";
import { quote } from "../../lib/cli/values.ts";
import { redactUrl } from "../../lib/cli/redact.ts";
import { encode, spawnProgram, testWith } from "../support.ts";

const command: Command<OptionTable> = {
  name: "get",
  summary: "",
  usage: "",
  examples: [],
  options: {
    timeout: { short: "t", parse: Number },
    bearer: { parse: String, secret: true },
    login: { parse: String, secret: /:/ },
    auth: { short: "a", parse: String, secret: true, repeat: true },
    output: { short: "o", parse: String },
    proxy: { parse: String, secret: "url" },
    verbose: { short: "v" },
  },
  permissions: ({ operands, options }) => ({
    net: operands.flatMap((text) =>
      /^https?:/.test(text)
        ? [new URL(text)].map(({ host, port }) => port ? host : `${host}:443`)
        : []
    ),
    write: typeof options.output === "string" ? [options.output] : [],
  }),
  redact: (operand) =>
    redactUrl(operand).replace(/^(Authorization:).*/i, "$1***"),
  run: () => Promise.resolve(0),
};

const DENIED = { kind: "net", what: "a.example:443" };

const HINTS: [string[], string][] = [
  // this call's hosts and files, what was denied, and nothing else
  [["https://a.example/"], "--allow-net=a.example:443 URL https://a.example/"],
  [
    ["http://b.example:8080/x?y=1&z", "https://a.example"],
    "--allow-net=b.example:8080,a.example:443 URL 'http://b.example:8080/x?y=1&z' https://a.example",
  ],
  [
    ["-o", "out dir/x", "https://a.example"],
    "--allow-net=a.example:443 '--allow-write=out dir/x' URL -o 'out dir/x' https://a.example",
  ],
  [
    ["-t", "0.5", "it's"],
    "--allow-net=a.example:443 URL -t 0.5 'it'\\''s'",
  ],
  // secrets are where they are, whatever else looks like one
  [["--bearer", "s", "sx"], "--allow-net=a.example:443 URL --bearer '***' sx"],
  [["--bearer=s3cret"], "--allow-net=a.example:443 URL '--bearer=***'"],
  [
    ["-as3cret", "-a", "me:pw"],
    "--allow-net=a.example:443 URL '-a***' -a '***'",
  ],
  [["-va=x"], "--allow-net=a.example:443 URL -v '-a=***'"],
  [["--bearer=", "x"], "--allow-net=a.example:443 URL --bearer= x"],
  [["--login=me:pw"], "--allow-net=a.example:443 URL '--login=***'"],
  [["--login", "me"], "--allow-net=a.example:443 URL --login me"],
  [
    ["--proxy", "http://me:pw@p.example:1/"],
    "--allow-net=a.example:443 URL --proxy 'http://***@p.example:1/'",
  ],
  [
    ["https://me:pw@a.example/"],
    "--allow-net=a.example:443 URL 'https://***@a.example/'",
  ],
  [
    ["Authorization:Basic eA=="],
    "--allow-net=a.example:443 URL 'Authorization:***'",
  ],
  // the name of a file is none
  [
    ["-o", "Authorization:x", "--", "-o", "Authorization:x"],
    "--allow-net=a.example:443 --allow-write=Authorization:x URL -o Authorization:x -- -o 'Authorization:***'",
  ],
];

Deno.test("formatPermissionHint() gives this call the grants it needs, no other, and hides its secrets", async () => {
  for (const [args, expected] of HINTS) {
    assertEquals(
      await formatPermissionHint(command, args, DENIED),
      `deno run ${expected.replace("URL", "tasks/get.ts")}`,
    );
  }
});

Deno.test("formatPermissionHint() grants a file that was denied, whatever its name", async () => {
  const denial = { kind: "read", what: "/tmp/log:80" };
  assertEquals(
    await formatPermissionHint({ ...command, name: "none" }, [], denial),
    "deno run --allow-read=/tmp/log:80 tasks/none.ts",
  );
});

Deno.test("over-grant by injection: a comma in a name makes no two names of it", async () => {
  const hint = await formatPermissionHint(
    command,
    ["-o", "a,/etc/passwd"],
    { kind: "write", what: "a,/etc/passwd" },
  );
  assertMatch(
    hint,
    /^deno run --allow-write=a,,\/etc\/passwd tasks\/get\.ts -o a,\/etc\/passwd( # Deno 2\.9\.6 .*)?$/,
  );
  const host = { kind: "net", what: "a,evil.example:80" };
  assertStringIncludes(
    await formatPermissionHint(command, [], host),
    "--allow-net=a,,evil.example:80 ",
  );
});

Deno.test("formatPermissionHint() grants where redirects have led, and any port once", async () => {
  assertEquals(
    await formatPermissionHint(command, ["http://a.example:1/"], DENIED, [
      "a.example:1",
      "b.example:80",
    ]),
    "deno run --allow-net=a.example:1,b.example:80,a.example:443 tasks/get.ts http://a.example:1/",
  );
  const permissions = () => ({ net: ["a.example"] });
  assertEquals(
    await formatPermissionHint({ ...command, permissions }, [], DENIED),
    "deno run --allow-net=a.example tasks/get.ts",
  );
  const free = { kind: "net", what: "127.0.0.1:0" };
  assertEquals(
    await formatPermissionHint(command, [], free),
    "deno run --allow-net=127.0.0.1 tasks/get.ts",
  );
});

Deno.test("formatPermissionHint() never says --allow-all to run", async () => {
  const hint = await formatPermissionHint(command, ["-o", "/dev/full"], {
    kind: "all",
    what: "/dev/full",
  });
  assertEquals(
    hint,
    "Deno opens it with --allow-all alone; standard input and output are -",
  );
});

Deno.test("formatPermissionHint() repeats a command line that has no need of grants", async () => {
  const denial = { kind: "env", what: "HOME" };
  const { permissions: _, redact: __, ...plain } = command;
  assertEquals(
    await formatPermissionHint({ ...plain, name: "none" }, ["x"], denial),
    "deno task none x",
  );
});

testWith(
  "sh",
  "quote() comes back from a shell as it was, for any words",
  async () => {
    const word = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({
        unit: fc.constantFrom(..."' \"\\$`!~*?[]{}()<>|&;#=-\n\tab"),
      }),
    ).map((text) => text.replaceAll("\0", ""));
    const words = fc.array(word, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(words, async (list) => {
        const script = `printf '%s\\0' ${list.map(quote).join(" ")}`;
        const { stdoutBytes } = await spawnProgram("sh", ["-c", script]).result;
        const expected = list.map((text) => text + "\0").join("");
        assertEquals(stdoutBytes, encode(expected));
      }),
      { numRuns: 30 },
    );
  },
);

const STARTS: [name: string, start: Start, own: string, other: string][] = [
  [
    "a task, or the script in its folder",
    { module: "file:///a/hark/tasks/get.ts", folder: "/a/hark" },
    "deno task get|deno run -N /a/hark/tasks/get.ts",
    "deno task api",
  ],
  [
    "a script from another folder",
    { module: "file:///a/my%20hark/tasks/get.ts", folder: "/a/b" },
    "deno run --allow-net '/a/my hark/tasks/get.ts'|deno run -N '/a/my hark/tasks/get.ts'",
    "deno run --allow-net '/a/my hark/tasks/api.ts'",
  ],
  [
    "a script from a folder above",
    { module: "file:///a/hark/tasks/posts.ts", folder: "/a" },
    "deno run --allow-net hark/tasks/get.ts|deno run -N hark/tasks/get.ts",
    "deno run --allow-net hark/tasks/api.ts",
  ],
  [
    "a bundle",
    { module: "file:///a/dist/js/post.js", folder: "/a" },
    "deno run --allow-net dist/js/get.js|deno run -N dist/js/get.js",
    "deno run --allow-net dist/js/api.js",
  ],
  [
    "a bundle on Windows",
    { module: "file:///C:/a/get.js", folder: "C:\\a" },
    "deno run --allow-net get.js|deno run -N get.js",
    "deno run --allow-net api.js",
  ],
  [
    "a bundle by its URL",
    { module: "https://a.example/js/get.js", folder: "/a" },
    "deno run --allow-net https://a.example/js/get.js|deno run -N https://a.example/js/get.js",
    "deno run --allow-net https://a.example/js/api.js",
  ],
  [
    "a module of JSR",
    { module: "jsr:@hark/hark@0.2.0/get", folder: "/a" },
    "deno run --allow-net jsr:@hark/hark@0.2.0/get|deno run -N jsr:@hark/hark@0.2.0/get",
    "deno run --allow-net jsr:@hark/hark@0.2.0/api",
  ],
  [
    "a module of JSR whose version is a range",
    { module: "jsr:@get/get@^0.2.0/get", folder: "/a" },
    "deno run --allow-net 'jsr:@get/get@^0.2.0/get'|deno run -N 'jsr:@get/get@^0.2.0/get'",
    "deno run --allow-net 'jsr:@get/get@^0.2.0/api'",
  ],
  [
    "a module of JSR by its URL",
    { module: "https://jsr.io/@hark/hark/0.2.0/tasks/get.ts", folder: "/a" },
    "deno run --allow-net https://jsr.io/@hark/hark/0.2.0/tasks/get.ts",
    "deno run --allow-net https://jsr.io/@hark/hark/0.2.0/tasks/api.ts",
  ],
  [
    "a launcher",
    { module: "file:///n/hark/js/get.js?as=hark", folder: "/a" },
    "hark get|hark get -N",
    "hark api",
  ],
  [
    "a launcher that another one starts",
    { module: "file:///n/js/get.js?as=npx&as=./a%20b.tgz", folder: "/n" },
    "npx './a b.tgz' get|npx './a b.tgz' get -N",
    "npx './a b.tgz' api",
  ],
  [
    "a binary",
    { module: "file:///x/tasks/get.ts", folder: "/a", binary: "/a/b/get" },
    "./b/get",
    "./b/api",
  ],
  [
    "a binary of another platform",
    { module: "file:///x/", folder: "/", binary: "C:\\b\\get-x86_64.exe" },
    "C:/b/get-x86_64.exe",
    "C:/b/api-x86_64.exe",
  ],
  [
    "Deno from npx",
    {
      module: "file:///a/tasks/get.ts",
      folder: "/a",
      deno: ["npx", "-y", "deno@2.9.6"],
    },
    "npx -y deno@2.9.6 task get|npx -y deno@2.9.6 run -N /a/tasks/get.ts",
    "npx -y deno@2.9.6 task api",
  ],
  [
    "a test",
    { module: "file:///a/tests/get_test.ts", folder: "/a" },
    "deno task get|deno run -N tasks/get.ts",
    "deno task api",
  ],
];

for (const [name, start, own, other] of STARTS) {
  Deno.test(`asStarted() names commands as they are started: ${name}`, () => {
    const [plain = "", granted] = own.split("|");
    assertEquals(
      asStarted("see hark get --help; hark api", start),
      `see ${plain} --help; ${other}`,
    );
    if (granted === undefined) return;
    const words = startOf("get", ["-N"], start).map(quote);
    assertEquals(words.join(" "), granted);
  });
}

Deno.test("asStarted() has deno run permit the socket or the database that a line names", () => {
  const start = { module: "file:///x/tasks/get.ts", folder: "/" };
  const shown = (text: string) =>
    asStarted(text, start)
      .replaceAll(/deno run --allow-net|\.\/x\/tasks\/|x\/tasks\//g, "")
      .replaceAll(/--allow-(read|write)/g, "$1");
  for (
    const [text, expected] of [
      [
        "hark server --unix b.sock; hark client -t 1 unix:'a b'",
        " read=b.sock write=b.sock server.ts --unix b.sock;  read='a b' write='a b' client.ts -t 1 unix:'a b'",
      ],
      [
        "hark server --port 1, or for HTTP: hark api --port 1",
        " server.ts --port 1, or for HTTP:  api.ts --port 1",
      ],
      [
        "hark client unix:$& or hark api my.db; else hark api",
        " read=$& write=$& client.ts unix:$& or  read=my.db write=my.db api.ts my.db; else  api.ts",
      ],
      [
        "hark api 'a b.json'",
        " read='a b.json','a b.db' write='a b.json','a b.db' api.ts 'a b.json'",
      ],
    ] as const
  ) assertEquals(shown(text), expected);
  const task = { module: "file:///x/tasks/get.ts", folder: "/x" };
  assertEquals(
    asStarted("hark server --unix a", task),
    "deno task server --unix a",
  );
});

Deno.test("asStarted() leaves alone what is no command", () => {
  const text = "hark is not hark-get, hark getter or hark gets";
  assertEquals(asStarted(text), text);
});
