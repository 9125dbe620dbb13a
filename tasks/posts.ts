import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { Failure, UsageError } from "../lib/cli/errors.ts";
import { ExitCode } from "../lib/cli/exit_code.ts";
import { type Io, print } from "../lib/cli/io.ts";
import { parseSeconds } from "../lib/cli/number.ts";
import { processIo } from "../lib/cli/process.ts";
import { listDocuments, PUBLIC_API } from "../lib/api/client.ts";
import { parseUrl } from "../lib/http/url.ts";

const RULE = "-".repeat(40);

const command = defineCommand({
  name: "posts",
  summary: "List an API's posts.",
  usage: "",
  examples: [
    ["posts", "the tutorial's: the public JSONPlaceholder"],
    ["posts --url :3000", "those of deno task api"],
  ],
  options: {
    url: {
      value: "BASE",
      parse: parseUrl,
      default: new URL(PUBLIC_API),
      help: `The API [default: ${PUBLIC_API}]`,
    },
    timeout: {
      short: "t",
      value: "SECONDS",
      parse: parseSeconds,
      default: 30,
      help: "Give up waiting for the answer",
    },
  },
  reach: ({ options }) => ({ net: [options.url.hostname] }),
  async run({ options, operands: [stranger] }, io) {
    if (stranger !== undefined) {
      throw new UsageError(
        `Cannot list "${stranger}": posts takes no operands`,
      );
    }
    const url = new URL(options.url);
    url.pathname = `${url.pathname.replace(/\/$/, "")}/posts`;
    const posts = await listDocuments(url, {
      signal: io.signal,
      timeouts: { head: options.timeout * 1000 },
    });
    const text = posts.map(({ title, body }, at) => {
      if (typeof title !== "string") throw mismatch(at, "title", title);
      if (typeof body !== "string") throw mismatch(at, "body", body);
      return `Title: ${title}\nBody: ${body}\n${RULE}\n`;
    }).join("");
    await print(
      io.stdout,
      io.stdout.isTerminal
        ? (await import("../lib/cli/terminal.ts")).escapeControls(text)
        : text,
    );
    return ExitCode.Ok;
  },
});

function mismatch(at: number, field: string, value: unknown): Failure {
  return new Failure(
    `Cannot list posts: posts[${at}].${field}: expected string, got ${
      value === null ? "null" : typeof value
    }`,
  );
}

/** Runs `posts` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
