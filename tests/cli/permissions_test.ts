import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Command } from "../../lib/cli/definition.ts";
import type { OptionTable } from "../../lib/cli/options.ts";
import {
  formatPermissionHint,
  permissionsOf,
  quote,
} from "../../lib/cli/permissions.ts";
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
  },
  permissions: ({ operands, options }) => ({
    net: operands.flatMap((text) =>
      /^https?:/.test(text) ? [new URL(text).hostname] : []
    ),
    write: typeof options.output === "string" ? [options.output] : [],
  }),
  redact: (operand) => operand.replace(/^(Authorization:).*/i, "$1***"),
  run: () => Promise.resolve(0),
};

const START =
  "deno run '--allow-net=localhost,127.0.0.1,[::1],jsonplaceholder.typicode.com,";

const NET = { kind: "net", what: "a.example:443" };

const HINTS: [string[], string][] = [
  [["https://a.example/"], "a.example' tasks/get.ts https://a.example/"],
  [
    ["http://b.example:8080/x?y=1&z", "https://a.example"],
    "b.example,a.example' tasks/get.ts 'http://b.example:8080/x?y=1&z' https://a.example",
  ],
  [
    ["-o", "out dir/x", "https://a.example"],
    "a.example' '--allow-write=out dir/x' tasks/get.ts -o 'out dir/x' https://a.example",
  ],
  [["-t", "0.5", "it's"], "a.example' tasks/get.ts -t 0.5 'it'\\''s'"],
  // secrets
  [["--bearer", "s3cret", "x"], "a.example' tasks/get.ts --bearer '***' x"],
  [["--bearer=s3cret"], "a.example' tasks/get.ts '--bearer=***'"],
  [["-as3cret", "-a", "me:pw"], "a.example' tasks/get.ts '-a***' -a '***'"],
  [["--bearer=", "x"], "a.example' tasks/get.ts --bearer= x"],
  [["--login=me:pw"], "a.example' tasks/get.ts '--login=***'"],
  [["--login", "me"], "a.example' tasks/get.ts --login me"],
  [
    ["https://me:pw@a.example/"],
    "a.example' tasks/get.ts 'https://***@a.example/'",
  ],
  [["Authorization:Basic eA=="], "a.example' tasks/get.ts 'Authorization:***'"],
];

Deno.test("formatPermissionHint() gives this call the grants it needs and hides its secrets", async () => {
  for (const [args, expected] of HINTS) {
    assertEquals(
      await formatPermissionHint(command, args, NET),
      START + expected,
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

Deno.test("formatPermissionHint() repeats a command line that has no need of grants", async () => {
  const denial = { kind: "env", what: "HOME" };
  const { permissions: _, redact: __, ...plain } = command;
  assertEquals(
    await formatPermissionHint({ ...plain, name: "none" }, ["x"], denial),
    "deno run tasks/none.ts x",
  );
});

Deno.test("permissionsOf() reads deno.json and knows no other task", () => {
  assertEquals(permissionsOf("api"), {
    net: ["localhost", "127.0.0.1", "[::1]"],
    read: ["hark.db"],
    write: ["hark.db"],
  });
  assertEquals(permissionsOf("toString"), { net: [], read: [], write: [] });
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
