import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { ExitCode } from "../../lib/cli/errors.ts";
import { formatHelp } from "../../lib/cli/help.ts";
import { nearest } from "../../lib/cli/nearest.ts";
import type { OptionTable } from "../../lib/cli/options.ts";
import { formatVersion } from "../../lib/cli/permissions.ts";
import { type Main, run } from "../support.ts";

const options: OptionTable = {
  host: { value: "HOST", parse: String, default: "localhost", help: "Where" },
  port: { short: "p", value: "PORT", parse: Number, default: 80, help: "Port" },
  empty: { value: "X", parse: String, default: "", help: "Nothing to show" },
  check: {
    value: "PORTS",
    parse: String,
    implied: { text: "", accepts: /^\d/ },
    help: "Are they open?",
  },
  quiet: { short: "q", group: "Say", help: "Say nothing" },
  cert: { value: "FILE", parse: String, group: "Where", help: "Certificate" },
};

const command = {
  name: "hello",
  summary: "Greet people.",
  usage: "[NAME...]",
  examples: [["hello", "greet all"], ["hello Ada", "greet one"]],
  operands: { Names: [["ADA", "Her alone"]] },
  options,
  common: ["port", "check", "quiet", "cert"],
  exitCodes: [0, 130],
} as const;

Deno.test("formatHelp() shows summary, usage, examples, operands and the common options in their groups", () => {
  assertEquals(
    formatHelp(command),
    `Greet people.

Usage: hark hello [OPTIONS] [NAME...]

  hark hello      greet all
  hark hello Ada  greet one

Names:
  ADA  Her alone
Options:
  -p, --port PORT  Port [default: 80]
  --check [PORTS]  Are they open?
Say:
  -q, --quiet  Say nothing
Where:
  --cert FILE  Certificate
All of it: hark hello --help all
`,
  );
});

Deno.test("formatHelp() leaves out what an example is for, and nothing else, where a line has no room for it", () => {
  const path = `hello ${"a".repeat(80)}`;
  const help = formatHelp({
    ...command,
    examples: [[path, "no room"], ["hello Ada", "greet one"]],
  });
  assertEquals(
    help.match(/^ {2}hark .*$/gm),
    [`  hark ${path}`, "  hark hello Ada"],
  );
});

Deno.test("formatHelp() shows every option, a line each, and the exit codes of the command, in the whole help", () => {
  const [, rest = ""] = formatHelp(command, true).split("\n\nNames:");
  assertEquals(
    rest,
    `
  ADA  Her alone

Options:
  --host HOST      Where [default: localhost]
  -p, --port PORT  Port [default: 80]
  --empty X        Nothing to show
  --check [PORTS]  Are they open?

Say:
  -q, --quiet  Say nothing

Where:
  --cert FILE  Certificate

Exit codes: 0 ok, 130 interrupted
`,
  );
});

Deno.test("formatHelp() gathers a group whose options stand apart", () => {
  const apart = {
    ...options,
    more: { group: "Options", help: "One more" },
  };
  const help = formatHelp({ ...command, options: apart }, true);
  assertEquals(help.match(/^Options:$/gm)?.length, 1);
  assertMatch(help, /--check \[PORTS\].*\n {2}--more +One more\n/);
});

Deno.test("formatHelp() names every exit code where a command says none", () => {
  const { exitCodes: _, ...others } = command;
  const codes = formatHelp(others, true).split("Exit codes:")[1] ?? "";
  for (const code of Object.values(ExitCode)) {
    assertMatch(codes, new RegExp(`\\b${code} [a-z]`));
  }
});

Deno.test("formatHelp() leaves out what an example is for, not the example, where a long start leaves no room", () => {
  const name = "a".repeat(76);
  const help = formatHelp({ ...command, examples: [[name, "greet all"]] });
  assertEquals(help.split("\n").slice(3, 6), ["", `  hark ${name}`, ""]);
});

Deno.test("formatHelp() needs neither examples nor operands", () => {
  const help = formatHelp({ ...command, usage: "", examples: [] });
  assertMatch(help, /^Usage: hark hello \[OPTIONS\]$/m);
  assert(!help.includes("\n\n\n"), help);
});

for (
  const name of [
    ...["server", "client", "get", "post", "posts", "api", "demo"],
    ...["compile", "bundle", "pack"],
  ]
) {
  Deno.test(`${name} explains itself in 24 lines of 80 columns, with an example`, async () => {
    const { main }: { main: Main } = await import(`../../tasks/${name}.ts`);
    const { code, stdout, stderr } = await run(main, ["--help"]);
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    assert(lines.length <= 24, `${lines.length} lines`);
    for (const line of lines) assert(line.length <= 80, line);
    assertMatch(stdout, new RegExp(`^Usage: deno task ${name}( |$)`, "m"));
    assertMatch(stdout, new RegExp(`^  deno task ${name}.*  \\w`, "m"));
    const whole = await run(main, ["--help", "all"]);
    for (const line of whole.stdout.split("\n")) {
      assert(line.length <= 80, line);
      if (/^ {2}-/.test(line)) assertMatch(line, /\S {2,}\w/);
    }
    if (/demo|compile|bundle|pack/.test(name)) {
      const codes = "0 ok, 1 failed, 2 usage, 130 interrupted, 143 terminated";
      assertStringIncludes(whole.stdout, `Exit codes: ${codes}\n`);
    }
    assertEquals((await run(main, ["--zzz"])).code, 2);
  });
}

Deno.test("formatVersion() is one line with hark's version and Deno's", () => {
  assertMatch(
    formatVersion(),
    /^hark \d+\.\d+\.\d+ \(deno [\d.]+, v8 [\d.-]+\S*, \w+ \w+\)$/,
  );
});

const KNOWN = ["--port", "--host", "--max-clients", "--once", "--idle-timeout"];

const TABLE: [string, string | undefined][] = [
  ["--prot", "--port"],
  ["--ports", "--port"],
  ["--por", "--port"],
  ["--Port", "--port"],
  ["-port", "--port"],
  ["--hots", "--host"],
  ["--maxclients", "--max-clients"],
  ["--maxClients", "--max-clients"],
  ["--max", "--max-clients"],
  ["--idle", "--idle-timeout"],
  ["--timeout", undefined],
  ["--zzz", undefined],
  ["-x", undefined],
  ["", "--port"],
];

Deno.test("nearest() finds the name that was meant, and none for a stranger", () => {
  for (const [typed, expected] of TABLE) {
    assertEquals(nearest(typed, KNOWN), expected, typed);
  }
  assertEquals(nearest("--port", []), undefined);
});

Deno.test("work that grows faster than what is asked of: nearest() looks at 1,000 names, and for none of 100 letters", () => {
  const many = Array.from({ length: 1000 }, (_, at) => `resource_${at}`);
  assertEquals(nearest("pots", [...many.slice(1), "posts"]), "posts");
  assertEquals(nearest("pots", [...many, "posts"]), undefined);
  const long = "a".repeat(100);
  assertEquals(nearest(long, [`${long}b`]), `${long}b`);
  assertEquals(nearest(`${long}b`, [`${long}c`]), undefined);
  assertEquals(nearest("a", [long.repeat(100_000)]), long.repeat(100_000));
});

Deno.test("nearest() finds a name again for any one slip", () => {
  const slip = fc.record({
    name: fc.constantFrom(...KNOWN),
    at: fc.nat(20),
    letter: fc.constantFrom(..."abcxyz-"),
    cut: fc.constantFrom(0, 1),
  });
  fc.assert(fc.property(slip, ({ name, at, letter, cut }) => {
    const place = 2 + at % (name.length - 2);
    const typed = name.slice(0, place) + letter + name.slice(place + cut);
    assertEquals(nearest(typed, [name]), name, typed);
  }));
});
