/**
 * `demo`: every other command once, against each other.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { ExitCode, UsageError } from "../lib/cli/errors.ts";
import { type Io, print } from "../lib/cli/io.ts";
import { asStarted } from "../lib/cli/start.ts";
import { type Main, type Result, run, start } from "./demo/memory.ts";
import { processIo } from "../lib/cli/process.ts";
import { listen } from "../lib/net/listen.ts";
import { main as api } from "./api.ts";
import { makeItems } from "./api/store/seed.ts";
import { main as client } from "./client.ts";
import { main as get } from "./get.ts";
import { main as post } from "./post.ts";
import { main as posts } from "./posts.ts";
import { main as server } from "./server.ts";

const SHOWN_LINES = 6;

/** What api prints before it is asked. */
const LISTENING = /(Listening on .*\n)+.* documents in .*\n/;

/** What a step must give: a text byte for byte, or a pattern. */
interface Expected {
  readonly stdout?: string | RegExp;
  readonly stderr?: string | RegExp;
  readonly json?: unknown;
}

function compact(json: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** What is wrong with a result, in one line; undefined when nothing is. */
function findFault(result: Result, expected: Expected): string | undefined {
  if (result.code !== 0) {
    return `expected exit code 0, got ${result.code}: ${result.stderr.trim()}`;
  }
  for (const stream of ["stdout", "stderr"] as const) {
    const [wanted, got] = [expected[stream], result[stream]];
    const matches = wanted instanceof RegExp
      ? wanted.test(got)
      : wanted === undefined || wanted === got;
    if (!matches) {
      return `expected ${Deno.inspect(wanted)} on ${stream}, got ${
        Deno.inspect(got)
      }`;
    }
  }
  if (expected.json === undefined) return undefined;
  const wanted = JSON.stringify(expected.json);
  return compact(result.stdout) === wanted
    ? undefined
    : `expected ${wanted}, got ${result.stdout}`;
}

/** The first lines of what a command printed, with all that it said to a person, and how many more there are. */
function summarize({ stdout, stderr }: Result): string {
  const lines = (stderr + stdout).replace(/\n$/, "").split("\n");
  const most = Math.max(SHOWN_LINES, stderr.split("\n").length);
  const more = lines.length > most
    ? `... ${lines.length - most} more lines\n`
    : "";
  return lines.slice(0, most).map((line) => `${line}\n`).join("") + more;
}

/** The commands that a demo runs. */
interface Commands {
  /** Serves the API. */
  readonly api: Main;
  /** Greets one client. */
  readonly server: Main;
  /** Asks the server. */
  readonly client: Main;
  /** Asks the API, once decoded, and once raw with what happens meanwhile. */
  readonly get: Main;
  /** Adds to the API. */
  readonly post: Main;
  /** Lists what the API has. */
  readonly posts: Main;
}

/**
 * Runs the tutorial's six rows against each other and prints each command line and what it printed.
 *
 * @param commands What to run; a test runs it with one that fails.
 * @param io Where to print.
 * @returns How many steps failed.
 */
export async function rehearse(
  { api, server, client, get, post, posts }: Commands,
  io: Io,
): Promise<number> {
  let failed = 0;
  const options = { terminal: { stdin: true } };
  const printStep = async (
    line: string,
    result: Result,
    expected: Expected,
  ) => {
    const fault = findFault(result, expected);
    if (fault !== undefined) failed++;
    await print(
      io.stdout,
      `$ ${asStarted(line)}\n${summarize(result)}${
        fault === undefined ? "" : `FAILED: ${fault}\n`
      }\n`,
    );
  };
  const step = async (
    name: string,
    main: Main,
    args: readonly string[],
    expected: Expected,
  ) =>
    printStep(
      ["hark", name, ...args].join(" "),
      await run(main, args, options),
      expected,
    );
  const served = start(api, ["--memory", "--port", "0"]);
  const greeter = start(server, ["--port", "0", "--once"]);
  const [, base = ""] =
    (await served.stdout.waitFor(/(http:.*)\/\n/)).match(/(http:.*)\/\n/) ??
      [];
  const [, port = ""] =
    (await greeter.stdout.waitFor(/Listening on .*:(\d+)\n/)).match(
      /:(\d+)\n/,
    ) ?? [];
  const seed = makeItems("posts");
  const text = seed.map(({ title, body }) =>
    `Title: ${title}\nBody: ${body}\n${"-".repeat(40)}\n`
  ).join("");

  await print(
    io.stdout,
    "Each server below is on a free port, and has ended with this demo.\n\n",
  );
  const asked = await run(client, [`localhost:${port}`], options);
  // had no client come, it would wait for ever
  greeter.interrupt();
  await printStep(`hark server --port 0 --once`, await greeter.result, {
    stdout:
      /^Server is waiting for a connection\.\.\.\n(Listening on .*\n)+Connection from \S+:\d+ has been established!\n$/,
  });
  await printStep(`hark client localhost:${port}`, asked, {
    stdout: "Received from server: Hello, Client!\n",
  });
  const said = asStarted(`$ hark api --memory --port 0\n`);
  await print(io.stdout, `${said}${await served.stdout.waitFor(LISTENING)}\n`);
  await step("get", get, [`${base}/posts`], { stderr: "200 OK\n", json: seed });
  await step("posts", posts, ["--url", base], { stdout: text });
  await step("post", post, [
    `${base}/posts`,
    "title=foo",
    "body=bar",
    "userId:=1",
  ], {
    stderr: "201 Created\n",
    json: { title: "foo", body: "bar", userId: 1, id: 101 },
  });
  await step("get", get, ["--raw", "--explain", `${base}/posts/1`], {
    stdout: JSON.stringify(seed[0], null, 2),
    stderr: /^TCP is connected [^]*\n200: [^]*\n200 OK\nThe end: .*\n$/,
  });
  served.interrupt();
  await served.result;
  await print(
    io.stdout,
    asStarted(
      "By hand, in two terminals: hark api, and then hark get :3000/posts\n",
    ) + `demo: ${6 - failed} passed, ${failed} failed\n`,
  );
  return failed;
}

const command = defineCommand({
  name: "demo",
  summary:
    "Run every command once over real sockets on loopback, without network and files.",
  usage: "",
  examples: [["demo", "about a second"]],
  options: {},
  common: [],
  exitCodes: [0, 1, 2, 130, 143],
  permissions: () => ({ net: ["localhost", "127.0.0.1", "[::1]"] }),
  run: async ({ operands: [operand] }, io) => {
    if (operand !== undefined) {
      throw new UsageError(`Cannot run "${operand}": the demo runs all`);
    }
    // what cannot be had is said here: the servers below would say so to nobody
    const listeners = await listen({ host: "localhost", port: 0 });
    for (const listener of listeners) listener.close();
    return await rehearse({ api, server, client, get, post, posts }, io) === 0
      ? ExitCode.Ok
      : ExitCode.Failed;
  },
});

/** Runs `demo` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
