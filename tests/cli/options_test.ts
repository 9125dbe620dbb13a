import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/cli/errors.ts";
import {
  formatOptionName,
  isGiven,
  type OptionTable,
  parseCommandLine,
  refuseConflicts,
  UnknownOptionError,
} from "../../lib/cli/options.ts";
import { API_OPTIONS } from "../../tasks/api/api.ts";
import { CLIENT_OPTIONS } from "../../tasks/client/options.ts";
import { EXCHANGE_OPTIONS } from "../../tasks/get/options.ts";
import { POSTS_OPTIONS } from "../../tasks/posts/posts.ts";
import { SERVER_OPTIONS } from "../../tasks/server/options.ts";
import { codePoint } from "../code_point.ts";

function parsePort(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new UsageError(`Cannot use port "${text}": expected 0 to 65535`);
  }
  return Number(text);
}

const table = {
  port: { short: "p", value: "PORT", parse: parsePort, default: 80 },
  message: { short: "m", value: "TEXT", parse: String },
  header: { parse: String, repeat: true },
  check: {
    value: "PORTS",
    parse: String,
    implied: { text: "all", accepts: /^\d/ },
  },
  maxClients: { parse: parsePort },
  once: { short: "o" },
  verbose: { short: "v" },
  ipv4: { short: "4" },
} satisfies OptionTable;

const defaults: Record<string, unknown> = {
  port: 80,
  message: undefined,
  header: [],
  check: undefined,
  maxClients: undefined,
  once: false,
  verbose: false,
  ipv4: false,
};

/** What a command line says beyond the defaults. */
function parse(args: readonly string[]): unknown[] {
  const { options, operands } = parseCommandLine(table, args);
  const given = Object.entries(options).filter(([name, value]) =>
    Deno.inspect(value) !== Deno.inspect(defaults[name])
  );
  return [Object.fromEntries(given), ...operands];
}

const RIGHT: [string[], ...unknown[]][] = [
  [[], {}],
  [["a", "b"], {}, "a", "b"],
  [["--port", "1"], { port: 1 }],
  [["--port=1"], { port: 1 }],
  [["-p", "1"], { port: 1 }],
  [["-p1"], { port: 1 }],
  [["-p8080"], { port: 8080 }],
  [["-p=1"], { port: 1 }],
  [["-op1"], { once: true, port: 1 }],
  [["-ov4"], { once: true, verbose: true, ipv4: true }],
  [["--once", "a", "--verbose"], { once: true, verbose: true }, "a"],
  [["--once", "--once"], { once: true }],
  [["--max-clients", "5"], { maxClients: 5 }],
  // a value is text as it stands
  [["--message="], { message: "" }],
  [["--message", ""], { message: "" }],
  [["--message", "-"], { message: "-" }],
  [["--message", "-1.5"], { message: "-1.5" }],
  [["--message=--once"], { message: "--once" }],
  [["--message=a=b"], { message: "a=b" }],
  [["-m=a=b"], { message: "a=b" }],
  [["--message", "0x10"], { message: "0x10" }],
  [["--message=true"], { message: "true" }],
  [["--message", "a\nb\n"], { message: "a\nb\n" }],
  [["--message", "__proto__"], { message: "__proto__" }],
  // lists
  [["--header", "a", "--header=b"], { header: ["a", "b"] }],
  [["--header=", "--header", "-"], { header: ["", "-"] }],
  // values that may be left out
  [["--check"], { check: "all" }],
  [["--check", "80,443"], { check: "80,443" }],
  [["--check", "localhost"], { check: "all" }, "localhost"],
  [["--check=localhost"], { check: "localhost" }],
  [["--check", "--once"], { check: "all", once: true }],
  // operands
  [["-"], {}, "-"],
  [["-1"], {}, "-1"],
  [["-1.5", "-0x1"], {}, "-1.5", "-0x1"],
  [["-4"], { ipv4: true }],
  [["0x10", "1e3", "007"], {}, "0x10", "1e3", "007"],
  [["a=b", "a:=1"], {}, "a=b", "a:=1"],
  [["--"], {}],
  [["--", "--port", "-o", "--"], {}, "--port", "-o", "--"],
  [["a", "--", "-p"], {}, "a", "-p"],
];

Deno.test("parseCommandLine() reads options and operands", () => {
  for (const [args, ...expected] of RIGHT) {
    assertEquals(parse(args), expected, args.join(" "));
  }
});

const WRONG: [string[], string][] = [
  [["--prot"], 'Unknown option "--prot"'],
  [["--prot=1"], 'Unknown option "--prot"'],
  [["--Port", "1"], 'Unknown option "--Port"'],
  [["--maxClients", "1"], 'Unknown option "--maxClients"'],
  [["--por", "1"], 'Unknown option "--por"'],
  [["--no-once"], 'Unknown option "--no-once"'],
  [["--once.x"], 'Unknown option "--once.x"'],
  [["--__proto__"], 'Unknown option "--__proto__"'],
  [["--constructor"], 'Unknown option "--constructor"'],
  [["---once"], 'Unknown option "---once"'],
  [["--=1"], 'Unknown option "--"'],
  [["-x"], 'Unknown option "-x"'],
  [["-ox"], 'Unknown option "-x"'],
  [["-o4x"], 'Unknown option "-x"'],
  [["-4x"], 'Unknown option "-x"'],
  [["-o-"], 'Unknown option "-o-"'],
  [["-vo-"], 'Unknown option "-o-"'],
  [["-sSL", "a"], 'Unknown options "-s", "-S", "-L"'],
  [["-s", "a", "-S", "--zzz=1", "-s"], 'Unknown options "-s", "-S", "--zzz"'],
  [["-sop1", "-x"], 'Unknown options "-s", "-x"'],
  [["-uada:secret"], 'Unknown option "-u"'],
  [["-wsecret"], 'Unknown option "-w"'],
  [["-d=a", "--port", "1"], 'Unknown option "-d"'],
  [["-😀"], 'Unknown option "-😀"'],
  [["--port"], "Cannot use --port without a value: expected PORT"],
  [["-p"], "Cannot use -p without a value: expected PORT"],
  [["-op"], "Cannot use -p without a value: expected PORT"],
  [["--port", "--once"], "Cannot use --port without a value: expected PORT"],
  [["--port", "--"], "Cannot use --port without a value: expected PORT"],
  [["--header"], "Cannot use --header without a value: expected VALUE"],
  [["--once=yes"], "Cannot give --once a value: it takes none"],
  [["--once="], "Cannot give --once a value: it takes none"],
  [["-o=1"], "Cannot give -o a value: it takes none"],
  [["-o="], "Cannot give -o a value: it takes none"],
  [["--port", "1", "-p2"], "Cannot use --port more than once"],
  [["--check", "--check"], "Cannot use --check more than once"],
  [["--port="], 'Cannot use port "": expected 0 to 65535'],
  [["-p="], 'Cannot use port "": expected 0 to 65535'],
  [["--port", "-1"], 'Cannot use port "-1": expected 0 to 65535'],
  [["-p0x50"], 'Cannot use port "0x50": expected 0 to 65535'],
];

Deno.test("parseCommandLine() refuses what cannot be meant, in one sentence", () => {
  for (const [args, message] of WRONG) {
    const error = assertThrows(() => parse(args), UsageError);
    assertEquals(error.message, message, args.join(" "));
    assertEquals(error.code, 2);
    assertEquals(
      error instanceof UnknownOptionError,
      message.startsWith("Unknown"),
    );
  }
});

Deno.test("parseCommandLine() gives every text to an option and gets it back, for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: codePoint }), (text) => {
      assertEquals(parse([`--message=${text}`]), [{ message: text }]);
      assertEquals(parse(["--", text]), [{}, text]);
    }),
  );
});

Deno.test("parseCommandLine() throws nothing but UsageError, for any arguments", () => {
  const word = fc.oneof(
    fc.string({ unit: codePoint }),
    fc.string({ unit: fc.constantFrom(..."-=pmo4v.a1") }),
    fc.constantFrom("--port", "--check", "--", "-p", "--header=", "1"),
  );
  fc.assert(fc.property(fc.array(word), (args) => {
    try {
      parse(args);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }));
});

Deno.test("formatOptionName() names options as they are typed", () => {
  assertEquals(Object.keys(table).map(formatOptionName), [
    "--port",
    "--message",
    "--header",
    "--check",
    "--max-clients",
    "--once",
    "--verbose",
    "--ipv4",
  ]);
});

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

Deno.test("parseCommandLine() types every option by its parser", () => {
  const { options } = parseCommandLine(table, []);
  true satisfies Equal<typeof options.port, number>;
  true satisfies Equal<typeof options.message, string | undefined>;
  true satisfies Equal<typeof options.header, readonly string[]>;
  true satisfies Equal<typeof options.once, boolean>;
  // @ts-expect-error an option that the table does not know
  assertEquals(options.unknown, undefined);
});

const related = {
  loud: { conflicts: ["mute", "text"] },
  mute: {},
  text: { parse: String, default: "a", conflicts: { file: ", which is sent" } },
  file: { parse: String, repeat: true },
  crlf: { needs: { oneOf: ["text", "file"] } },
  hinted: { value: "WAY", parse: String, hint: "leave it out" },
  more: { needs: { oneOf: ["file"], what: "a file", hint: "add --file" } },
  http: {
    parse: String,
    conflicts: (version) => version === "2" ? ["mute"] : [],
  },
} satisfies OptionTable;

const CONFLICTS: [string[], string | undefined, string?][] = [
  [[], undefined],
  [["--loud"], undefined],
  [["--loud", "--text=a"], undefined],
  [["--loud", "--mute"], "Cannot use --loud and --mute together"],
  [["--mute", "--loud"], "Cannot use --loud and --mute together"],
  [["--text", "", "--loud"], "Cannot use --loud and --text together"],
  [
    ["--file=x", "--text=b"],
    "Cannot use --text with --file, which is sent",
  ],
  [["--file=x", "--text=a", "--crlf"], undefined],
  [["--crlf"], "Cannot use --crlf without --text or --file"],
  [["--crlf", "--text=a"], "Cannot use --crlf without --text or --file"],
  [["--more"], "Cannot use --more without a file", "add --file"],
  [["--http=1.1", "--mute"], undefined],
  [["--http=2", "--mute"], "Cannot use --http and --mute together"],
];

Deno.test("refuseConflicts() refuses what excludes, or is nothing without, another option", () => {
  for (const [args, message, hint] of CONFLICTS) {
    const { options } = parseCommandLine(related, args);
    if (message === undefined) refuseConflicts(related, options);
    else {
      const error = assertThrows(
        () => refuseConflicts(related, options),
        UsageError,
      );
      assertEquals([error.message, error.hint], [message, hint]);
    }
  }
});

Deno.test("an option that misses its value may have a hint of its own", () => {
  for (const args of [["--hinted"], ["--hinted", "--loud"]]) {
    const error = assertThrows(
      () => parseCommandLine(related, args),
      UsageError,
      "Cannot use --hinted without a value: expected WAY",
    );
    assertEquals(error.hint, "leave it out");
  }
});

Deno.test("isGiven() knows what was given from what is a default", () => {
  assertEquals(isGiven(related.text, "a"), false);
  assertEquals(isGiven(related.text, "b"), true);
  assertEquals(isGiven(related.mute, true), true);
  for (const nothing of [undefined, false, []]) {
    assertEquals(isGiven(related.file, nothing), false);
  }
});

const TABLES: Readonly<Record<string, OptionTable>> = {
  API_OPTIONS,
  CLIENT_OPTIONS,
  EXCHANGE_OPTIONS,
  POSTS_OPTIONS,
  SERVER_OPTIONS,
};

Deno.test("options name as conflicts and needs only options of their own table", () => {
  for (const [title, table] of Object.entries(TABLES)) {
    for (const [name, { conflicts = [], needs }] of Object.entries(table)) {
      const others = typeof conflicts === "function"
        ? conflicts("2")
        : conflicts;
      const named = Array.isArray(others) ? others : Object.keys(others);
      for (const other of [...named, ...needs?.oneOf ?? []]) {
        assert(
          other !== name && Object.hasOwn(table, other),
          `${title}: ${name} names ${other}`,
        );
      }
    }
  }
});
