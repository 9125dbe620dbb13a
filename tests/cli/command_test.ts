import { assert, assertEquals, assertMatch } from "@std/assert";
import { defineCommand, runCommand } from "../../lib/cli/command.ts";
import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import { print } from "../../lib/cli/io.ts";
import { type Main, run, start } from "../support.ts";

/** A command that throws what a test gives it, or writes its operands. */
function commandThat(fail?: () => never): Main {
  const command = defineCommand({
    name: "fetchy",
    summary: "Fetch things.",
    usage: "[URL...]",
    examples: [["fetchy", "all of them"]],
    options: {
      verbose: { short: "v", help: "Say more" },
      port: { short: "p", value: "PORT", parse: String, help: "The port" },
      token: { value: "TOKEN", parse: String, secret: true, help: "Log in" },
    },
    hints: {
      "-H": "headers are operands: Accept:text/plain",
      "-connect -C": "fetchy HOST",
    },
    permissions: ({ operands }) => ({ net: operands }),
    async run({ operands }, io) {
      fail?.();
      for (const operand of operands) await print(io.stdout, operand + "\n");
      return ExitCode.Ok;
    },
  });
  return (args, io) => runCommand(command, args, io);
}

const main = commandThat();

function denied(): never {
  throw new Failure("Cannot reach the host", {
    cause: new Deno.errors.NotCapable(
      'Requires net access to "b.example:80", run again with the --allow-net flag',
    ),
  });
}

const FAILURES: [unknown, ExitCode, string][] = [
  [new Failure("Cannot do it"), 1, "fetchy: Cannot do it\n"],
  [
    new Failure("Cannot do it", { code: 4, hint: "do that" }),
    4,
    "fetchy: Cannot do it\nhint: do that\n",
  ],
  [
    new Failure("Cannot connect to a:1", {
      cause: new Deno.errors.ConnectionRefused("os error 111"),
    }),
    7,
    "fetchy: Cannot connect to a:1: connection refused\n",
  ],
  // what could not be loaded says nothing of the target
  [
    new Failure("Cannot connect to a:1", {
      code: ExitCode.Unreachable,
      cause: Object.assign(
        new TypeError(
          "Failed caching npm package 'a@1.0.0'\n    0: Connection refused",
        ),
        { code: "ERR_MODULE_NOT_FOUND" },
      ),
    }),
    1,
    "fetchy: Cannot load npm:a@1.0.0: the first run needs the registry (connection refused)\nhint: run it once with a network, or set DENO_DIR to that of a run that had one\n",
  ],
  [
    new UsageError('Cannot use port "x": expected a number'),
    2,
    'fetchy: Cannot use port "x": expected a number\nhint: see hark fetchy --help\n',
  ],
  [
    new UsageError("Cannot do both", { hint: "do one" }),
    2,
    "fetchy: Cannot do both\nhint: do one\n",
  ],
  [new TypeError("two\r\n  lines"), 1, "fetchy: two lines\n"],
  ["a text", 1, "fetchy: a text\n"],
];

Deno.test("runCommand() words a failure in one line, then at most one hint", async () => {
  for (const [error, code, stderr] of FAILURES) {
    const fail = () => {
      throw error;
    };
    const result = await run(commandThat(fail), []);
    assertEquals([result.code, result.stderr, result.stdout], [
      code,
      stderr,
      "",
    ]);
  }
});

const USAGE: [string[], string][] = [
  [["--prot", "1"], 'Unknown option "--prot"|did you mean --port?'],
  [["--debig"], 'Unknown option "--debig"|did you mean --debug?'],
  [["--zzz"], 'Unknown option "--zzz"|see hark fetchy --help'],
  [["-H", "a: b"], 'Unknown option "-H"|headers are operands'],
  [["-vH"], 'Unknown option "-H"|headers are operands'],
  [
    ["-vHx", "--prot", "--zzz"],
    'Unknown options "-H", "-x", "--prot", "--zzz"|-H: headers are operands: Accept:text/plain; --prot: did you mean --port?',
  ],
  // what other tools write with one dash is no cluster of letters
  [["-connect", "x"], 'Unknown option "-connect"|fetchy HOST'],
  [["-connect=x", "-port", "1"], 'Unknown options "-connect", "-port"|'],
  [
    ["-token", "1"],
    'Unknown option "-token"|did you mean --token? see hark fetchy',
  ],
  [["-debug", "-token=s3cret"], 'Unknown options "-debug", "-token"|-debug: '],
  [["-Cv", "-co"], 'Unknown options "-C", "-c", "-o"|-C: fetchy HOST'],
  [["-C", "-connect"], 'Unknown option "-connect"|fetchy HOST'],
  [["-C", "--", "-connect"], 'Unknown option "-C"|fetchy HOST'],
  [
    ["--port"],
    "Cannot use --port without a value: expected PORT|see hark fetchy",
  ],
  [
    ["--verbose=1"],
    "Cannot give --verbose a value: it takes none|see hark fetchy",
  ],
];

Deno.test("runCommand() answers a wrong command line with 2, one line and a hint", async () => {
  for (const [args, expected] of USAGE) {
    const { code, stdout, stderr } = await run(main, args);
    const [message = "", hint = ""] = expected.split("|");
    const [first, second = "", rest] = stderr.split("\n");
    assertEquals([code, stdout, first], [2, "", `fetchy: ${message}`]);
    assert(second.startsWith(`hint: ${hint}`), stderr);
    assertEquals(rest, "");
  }
});

Deno.test("runCommand() shows help for --help and -h anywhere before --, whatever else is wrong", async () => {
  for (
    const args of [["--help"], ["-h"], ["-vh"], ["--zzz", "-h"], [
      "--version",
      "--help",
    ]]
  ) {
    const { code, stdout, stderr } = await run(main, args);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      stdout,
      /^Fetch things\.\n\nUsage: hark fetchy \[OPTIONS\] \[URL/,
    );
    assertMatch(stdout, /-h, --help +Show help; --help all: all of it\n/);
  }
  assertEquals((await run(main, ["--", "-h"])).stdout, "-h\n");
  const whole = await run(main, ["--help", "all"]);
  assertMatch(whole.stdout, /\nExit codes: /);
  assertEquals(await run(main, ["--help=all"]), whole);
  assertEquals((await run(main, ["--help=some"])).code, 2);
});

Deno.test("runCommand() shows the version for --version before --", async () => {
  const { code, stdout, stderr } = await run(main, ["--zzz", "--version"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^hark \d+\.\d+\.\d+ .*\n$/);
  assertEquals((await run(main, ["--", "--version"])).stdout, "--version\n");
});

Deno.test("runCommand() colors as it is told, whatever the streams are", async () => {
  const colored = (terminal: boolean, ...args: string[]) => {
    const command = defineCommand({
      name: "fetchy",
      summary: "",
      usage: "",
      examples: [],
      options: {},
      run: async (_, { stdout, stderr }) => {
        await print(
          stdout,
          `${stdout.color} ${stderr.color} ${stdout.columns}`,
        );
        return ExitCode.Ok;
      },
    });
    return run((args, io) => runCommand(command, args, io), args, { terminal });
  };
  const table: [terminal: boolean, args: string[], expected: string][] = [
    [false, [], "false"],
    [false, ["--color"], "true"],
    [false, ["--color=always"], "true"],
    [true, ["--color=auto"], "true"],
    [true, ["--color", "never"], "false"],
    [true, ["--no-color"], "false"],
  ];
  for (const [terminal, args, expected] of table) {
    const { code, stdout } = await colored(terminal, ...args);
    assertEquals([code, stdout], [0, `${expected} ${expected} 80`]);
  }
  for (const args of [["--color=yes"], ["--color", "--no-color"]]) {
    assertEquals((await colored(true, ...args)).code, 2);
  }
});

Deno.test("runCommand() hints the command that would be permitted, without secrets", async () => {
  const { code, stderr } = await run(commandThat(denied), [
    "--debug",
    "--token",
    "s3cret",
    "a.example",
  ]);
  const [line, hint] = stderr.split("\n");
  assertEquals(code, 1);
  assertEquals(
    line,
    "fetchy: Cannot reach the host: net access to b.example:80 is not permitted",
  );
  assertEquals(
    hint,
    "hint: deno run --allow-net=a.example,b.example:80 tasks/fetchy.ts --token '***' a.example",
  );
});

Deno.test("runCommand() hints the command that would be permitted with the common options that were given", async () => {
  const args = ["--color", "never", "a.example"];
  const { stderr } = await run(commandThat(denied), args);
  assertEquals(
    stderr.split("\n")[1],
    "hint: deno run --allow-net=a.example,b.example:80 tasks/fetchy.ts --color never a.example",
  );
});

Deno.test("secrets in errors: what was typed is hidden in what is said of it, in the hint and in the stack", async () => {
  const fail = () => {
    throw new UsageError(
      'Cannot use "t" at http://me:s3cret@a.example/?token=s3cret, "http://b.example/?a=b&code=s3 cret": a text',
      {
        cause: new TypeError("Invalid URL: 'http://me:s3cret@a.example:x'"),
        hint:
          "try http://me:s3cret@a.example/ or --proxy http://USER:PASSWORD@HOST",
      },
    );
  };
  const { stderr } = await run(commandThat(fail), [
    "--debug",
    "--token",
    "t",
    "http://b.example/?a=b&code=s3 cret",
  ]);
  const [line, hint] = stderr.split("\n");
  assertEquals(
    line,
    `fetchy: Cannot use "***" at http://***@a.example/?token=***, "http://b.example/?a=b&code=***": a text: Invalid URL: 'http://***@a.example:x'`,
  );
  assertEquals(
    hint,
    "hint: try http://***@a.example/ or --proxy http://USER:PASSWORD@HOST",
  );
  assertMatch(stderr, /\nUsageError: [^]*\n {4}at /);
  assert(!/s3|cret/.test(stderr), stderr);
});

Deno.test("runCommand() words the error although its operands cannot be read", async () => {
  const command = defineCommand({
    name: "fetchy",
    summary: "",
    usage: "",
    examples: [],
    options: {},
    redact: () => {
      throw new Error("no item");
    },
    run: () => Promise.reject(new Failure("Cannot do it")),
  });
  const { stderr } = await run(
    (args, io) => runCommand(command, args, io),
    ["an operand"],
  );
  assertEquals(stderr, "fetchy: Cannot do it\n");
});

Deno.test("runCommand() words the error although its hint cannot be made", async () => {
  const command = defineCommand({
    name: "fetchy",
    summary: "",
    usage: "",
    examples: [],
    options: {},
    permissions: () => {
      throw new Error("no reach");
    },
    run: denied,
  });
  const { code, stderr } = await run(
    (args, io) => runCommand(command, args, io),
    [],
  );
  assertEquals(code, 1);
  assertMatch(stderr, /^fetchy: Cannot reach the host: net access .*\n$/);
});

Deno.test("runCommand() shows the stack with --debug alone", async () => {
  const fail = () => {
    throw new Failure("Cannot do it");
  };
  const { stderr } = await run(commandThat(fail), ["--debug"]);
  assertMatch(stderr, /^fetchy: Cannot do it\nFailure: Cannot do it\n {4}at /);
  const operand = await run(commandThat(fail), ["--", "--debug"]);
  assertEquals(operand.stderr, "fetchy: Cannot do it\n");
});

Deno.test("runCommand() makes an error's text safe on a terminal and leaves it alone elsewhere", async () => {
  const fail = () => {
    throw new Failure('Cannot open "\u001b[2J"');
  };
  const shown = await run(commandThat(fail), [], { terminal: true });
  assertEquals(shown.stderr, 'fetchy: Cannot open "\\x1b[2J"\n');
  const piped = await run(commandThat(fail), []);
  assertEquals(piped.stderr, 'fetchy: Cannot open "\u001b[2J"\n');
});

Deno.test("runCommand() ends quietly with 0 when nobody reads stdout on", async () => {
  const result = await run(main, ["one", "two", "three"], { closedStdout: 5 });
  assertEquals([result.code, result.stdout, result.stderr], [0, "one\nt", ""]);
  const help = await run(main, ["--help"], { closedStdout: 0 });
  assertEquals([help.code, help.stderr], [0, ""]);
});

Deno.test("runCommand() gives the command the signal and whether it drains", async () => {
  const command = defineCommand({
    name: "server",
    summary: "",
    usage: "",
    examples: [],
    options: {},
    async run(_, io) {
      io.drain();
      const stopped = new Promise((resolve) =>
        io.signal.addEventListener("abort", resolve, { once: true })
      );
      await print(io.stdout, "waiting\n");
      await stopped;
      await print(io.stdout, `drained after ${io.signal.reason}\n`);
      return ExitCode.Ok;
    },
  });
  const server = start((args, io) => runCommand(command, args, io), []);
  await server.stdout.waitFor("waiting");
  assert(server.drains());
  server.interrupt();
  const { code, stdout } = await server.result;
  assertEquals([code, stdout], [0, "waiting\ndrained after 130\n"]);
});
