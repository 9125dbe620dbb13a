import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import type { Command, OptionTable } from "../../lib/cli/options.ts";
import { formatPermissionHint } from "../../lib/cli/permissions.ts";
import { quote } from "../../lib/cli/values.ts";
import { redactUrl } from "../../lib/cli/redact.ts";
import { startOf } from "../../lib/cli/start.ts";
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
    "deno run tasks/none.ts x",
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

const SOURCES: [module: string, post: string][] = [
  ["jsr:@a/hark/get", "jsr:@a/hark/post"],
  ["jsr:@get/get@^0.1.0/get", "jsr:@get/get@^0.1.0/post"],
  [
    "https://jsr.io/@a/hark/0.1.0/tasks/get.ts",
    "https://jsr.io/@a/hark/0.1.0/tasks/post.ts",
  ],
  ["http://localhost:1/get.js", "http://localhost:1/post.js"],
];

for (const [module, post] of SOURCES) {
  Deno.test(`a command is started from where this one came from: ${module}`, () => {
    const start = { module, folder: "/" };
    assertEquals(startOf("post", ["--allow-net"], start), [
      ...["deno", "run", "--allow-net"],
      post,
    ]);
  });
}
